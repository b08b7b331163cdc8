'use strict';

/** What callbacks may throw. */

const { layer, print } = require('../start.js');

const values = [undefined, null, 0, '', 'text', { a: 1 }, Object.create(null)];
process.on('uncaughtException', (value) => print(value === values[0], typeof value, values.shift() === undefined));
const next = () => {
  if (values.length > 0)
    layer.blocklist.get('maria', () => {
      setImmediate(next);
      throw values[0];
    });
};
next();
