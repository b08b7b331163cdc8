'use strict';

/** What the tests of child_process.fork and of cluster run: one request, whose status goes to the parent. */

const LayerAPI = require(process.env.SUBJECT);

const layer = new LayerAPI(JSON.parse(process.env.CONFIG));
layer.blocklist.get('slow', (error, result) => {
  process.send(error ? String(error) : result.status, () => process.disconnect());
});
