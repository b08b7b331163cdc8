'use strict';

/** Requests, each with another value of the variable. */

const { layer } = require('../start.js');

const values = [undefined, '0', undefined, '0', '1'];
(function next() {
  if (values.length === 0) return;
  const value = values.shift();
  if (value === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  else process.env.NODE_TLS_REJECT_UNAUTHORIZED = value;
  layer.blocklist.get('maria', (error, result) => {
    console.log(error ? error.code : result.status);
    next();
  });
})();
