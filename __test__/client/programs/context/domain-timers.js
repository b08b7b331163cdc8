'use strict';

/** Exceptions of what a callback in a domain starts. */

const { layer, print } = require('../start.js');

const domain = require('domain').create();
domain.on('error', (error) => print(error.message));
domain.run(() => {
  layer.blocklist.get('maria', () => {
    process.nextTick(() => {
      throw new Error('tick');
    });
    setTimeout(() => {
      throw new Error('timer');
    }, 5);
  });
});
