'use strict';

/** Three workers and the main thread at work at once. */

const { Worker, isMainThread, parentPort } = require('worker_threads');
const { layer } = require('../start.js');

const worker = () => new Worker(__filename);

const work = () => Promise.all(Array.from({ length: 100 }, (_, i) => layer.blocklist.getAsync('u' + i)));
if (isMainThread) {
  for (let i = 0; i < 3; i++) {
    const one = worker();
    one.on('message', (count) => console.log('worker', count));
    one.on('exit', (code) => console.log('exit', code));
  }
  work().then((all) => console.log('main', all.length));
} else work().then((all) => parentPort.postMessage(all.length));
