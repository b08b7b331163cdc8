'use strict';

/** Processes of their own, and a request beside them. */

const { layer } = require('../start.js');

const { fork } = require('child_process');
for (let i = 0; i < 2; i++) {
  const child = fork(process.env.FORKED, { execArgv: [] });
  child.on('message', (status) => console.log('child', status));
  child.on('exit', (code) => console.log('exit', code));
}
layer.blocklist.get('slow', (_error, result) => console.log('parent', result.status));
