'use strict';

/** A worker that only constructs a client. */

const { Worker, isMainThread } = require('worker_threads');
require('../start.js');

if (isMainThread) new Worker(__filename).on('exit', (code) => console.log('exit', code));
