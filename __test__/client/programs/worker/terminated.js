'use strict';

/** Workers that are terminated in mid-flight. Argument: how many. */

const { Worker, isMainThread, parentPort } = require('worker_threads');
const { layer } = require('../start.js');

const worker = () => new Worker(__filename);

if (isMainThread)
  (async () => {
    for (let i = 0; i < Number(process.argv[2]); i++) {
      const one = worker();
      await new Promise((resolve) => one.once('message', resolve));
      await new Promise((resolve) => setTimeout(resolve, i % 10));
      await one.terminate();
      await layer.blocklist.getAsync('maria');
    }
    console.log('end');
  })();
else {
  const again = (user) => layer.blocklist.get(user, () => again(user));
  for (let i = 0; i < 50; i++) again(['maria', 'slow', 'never'][i % 3]);
  parentPort.postMessage('ready');
}
