'use strict';

/** An exception that nobody handles. */

const { layer } = require('../start.js');

layer.blocklist.get('maria', function named() {
  throw new RangeError('thrown by the callback'); // the line
});
