'use strict';

/** Requests that each start the next one, in every way. */

const { layer } = require('../start.js');

layer.blocklist.get('slow', () => {
  process.nextTick(() =>
    layer.blocklist.get('slow', async () => {
      await layer.blocklist.getAsync('maria');
      await new Promise((resolve) => setTimeout(resolve, 20));
      await layer.blocklist.getAsync('slow');
      console.log('end');
    }),
  );
});
