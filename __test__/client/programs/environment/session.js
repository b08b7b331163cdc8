'use strict';

/** A request without verification, and one with it. */

const { layer } = require('../start.js');

layer.blocklist.get('maria', (error, result) => {
  console.log(error ? error.code : result.status);
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '1';
  layer.blocklist.get('maria', (error, result) => console.log(error ? error.code : result.status));
});
