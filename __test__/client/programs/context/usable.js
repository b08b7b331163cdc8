'use strict';

/** A call by the handler of an exception of a callback. */

const { layer, print } = require('../start.js');

process.on('uncaughtException', () => layer.blocklist.get('jon', (error, result) => print(error, result.status)));
layer.blocklist.get('maria', () => {
  throw new Error();
});
