/** A service as an ES module; the suite starts it. */

import { pathToFileURL } from 'url';

const file = pathToFileURL(process.env.LAYER_TEST_MODULE).href;

import(file).then(async ({ default: LayerAPI, LayerAPI: named, ResponseError }) => {
  const layer = new LayerAPI({ token: 'token', appId: 'e4fd3974-20fe-11e5-89c5-080725007e28' });
  const { status } = await layer.blocklist.getAsync('maria');
  console.log(status, named === LayerAPI, ResponseError === LayerAPI.ResponseError);
});
