'use strict';

/** An exception in a callback of a worker. */

const { Worker, isMainThread } = require('worker_threads');
const { layer } = require('../start.js');

const worker = () => new Worker(__filename);

if (isMainThread)
  worker().on('error', (error) => {
    layer.blocklist.get('maria', (_, { status }) => console.log(error.name, error.message, status));
  });
else
  layer.blocklist.get('maria', () => {
    throw new RangeError('of the worker');
  });
