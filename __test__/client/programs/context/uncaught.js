'use strict';

/** Exceptions of callbacks, which reach a handler as they are. */

const { layer, print } = require('../start.js');

const thrown = new Set();
const caught = [];
process.on('uncaughtException', (error, origin) => {
  caught.push(error);
  print(origin);
});
const fail = (value) => {
  thrown.add(value);
  throw value;
};
layer.blocklist.get('alone', () => {
  setImmediate(() => {
    for (let i = 0; i < 5; i++) layer.blocklist.get('maria', () => fail(new RangeError(i)));
  });
  fail(new TypeError('alone'));
});
process.on('exit', () =>
  print(
    thrown.size,
    caught.length,
    caught.every((error) => thrown.has(error)),
  ),
);
