/** Prints which modules of Node a first request has loaded; `require` would load some for itself. */

import LayerAPI from 'layer-api';

const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID });
const { status } = await layer.blocklist.getAsync('maria');
const isLoaded = (name) => process.moduleLoadList.includes(`NativeModule ${name}`);
const loaded = ['crypto', 'dns', 'http', 'https', 'net', 'stream', 'tls'].filter(isLoaded);
console.log(status, isLoaded('async_hooks'), loaded);
