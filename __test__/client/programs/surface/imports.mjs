/** Prints whether an ES module gets by default and by name what `require` gets. */

import { createRequire } from 'node:module';
import * as all from 'layer-api';
import Default, { APIError, LayerAPI, ResponseError } from 'layer-api';

const required = createRequire(import.meta.url)('layer-api');
const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID });
const isSame = [Default, LayerAPI, all.default].map((one) => one === required);
isSame.push(ResponseError === required.ResponseError, APIError === required.APIError);
console.log(JSON.stringify([...isSame, layer instanceof Default, typeof layer.messages.sendAsync]));
