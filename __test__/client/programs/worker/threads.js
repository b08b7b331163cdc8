'use strict';

/** How many threads of the client there are for several that use it. */

const { Worker, isMainThread } = require('worker_threads');
const { layer } = require('../start.js');

const worker = () => new Worker(__filename);

const { readdirSync, readFileSync } = require('fs');
if (isMainThread)
  (async () => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => worker().on('exit', resolve));
    await layer.blocklist.getAsync('maria');
    const names = readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/comm', 'utf8'));
    console.log(names.filter((name) => name === 'layer-client\n').length);
  })();
else layer.blocklist.getAsync('maria');
