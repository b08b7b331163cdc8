/** Awaits a reply at the top of an ES module. */

import LayerAPI from 'layer-api';

const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID });
console.log((await layer.blocklist.getAsync('slow')).status);
