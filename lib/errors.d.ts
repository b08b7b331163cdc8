// The classes that services written for 2.x take from here; the rest of errors.js is internal.
import LayerAPI = require('../index');

export import APIError = LayerAPI.APIError;
export import ResponseError = LayerAPI.ResponseError;
