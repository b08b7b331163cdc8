'use strict';

/** Prints whether the error classes are those of the path that services have had them from. */

const { ResponseError, APIError } = require('layer-api/lib/errors');
const LayerAPI = require('layer-api');

console.log(ResponseError === LayerAPI.ResponseError, APIError === require('layer-api/lib/errors.js').APIError);
