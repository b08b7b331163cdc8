'use strict';

/** Whether copies of the module that nobody uses are collected, with their threads. */

const loadFor = require('./load.js');
const { config, layer } = require('../start.js');

const load = () => loadFor(module);

const { readdirSync } = require('fs');
const copies = [];
const count = () => readdirSync('/proc/self/task').length;
(async () => {
  await layer.blocklist.getAsync('maria');
  const threads = process.platform === 'linux' && count();
  for (let i = 0; i < 20; i++) {
    const Copy = load();
    copies.push(new WeakRef(Copy));
    await new Copy(config).blocklist.getAsync('maria');
  }
  let left;
  let more;
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
    left = copies.filter((copy) => copy.deref()).length;
    more = process.platform === 'linux' ? count() - threads : 0;
    // The last one is in the cache.
    if (left <= 1 && more <= 0) break;
  }
  console.log(left <= 1 || left, more <= 0 || more);
})();
