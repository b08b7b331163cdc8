'use strict';

/** Workers of a cluster, and a request beside them. */

const { layer } = require('../start.js');

const cluster = require('cluster');
cluster.setupMaster({ exec: process.env.FORKED, execArgv: [] });
for (let i = 0; i < 2; i++) cluster.fork();
cluster.on('message', (_, status) => console.log('worker', status));
cluster.on('exit', (_, code) => console.log('exit', code));
layer.blocklist.get('slow', (_error, result) => console.log('primary', result.status));
