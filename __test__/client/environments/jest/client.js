'use strict';

/** The client that the spec files use: `SUBJECT` names it, `CONFIG` is its configuration as JSON. */

exports.load = () => require(process.env.SUBJECT);
exports.create = (LayerAPI = exports.load(), config = {}) =>
  new LayerAPI({ ...JSON.parse(process.env.CONFIG), ...config });
/** One that gives up soon. */
exports.createHasty = (LayerAPI) => exports.create(LayerAPI, { timeout: 500 });
exports.isOurs = process.env.SUBJECT === 'layer-api';
exports.errors = () => require(`${process.env.SUBJECT}/lib/errors`);
exports.get = (layer, user) =>
  new Promise((resolve) => layer.blocklist.get(user, (error, result) => resolve([error, result])));
