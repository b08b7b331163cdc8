/**
 * Preloaded into mocha: makes the original package's own tests for the live service talk to a platform. The original
 * client is redirected below its code, in the global agent; ours takes its place where the tests ask for the original.
 */

const https = require('node:https');
const Module = require('node:module');
const path = require('node:path');

const { LAYER_TEST_CLIENT, LAYER_TEST_PORT, LAYER_TEST_CA } = process.env;
const ORIGINAL = path.dirname(require.resolve('layer-api-original/package.json'));

if (LAYER_TEST_CLIENT === 'original') {
  // An agent's options come last in a request, so they win over the original's fixed host.
  const redirect = { host: '127.0.0.1', port: LAYER_TEST_PORT, ca: LAYER_TEST_CA, servername: 'api.layer.com' };
  Object.assign(https.globalAgent.options, redirect);
} else {
  const resolve = Module._resolveFilename;
  Module._resolveFilename = (request, parent, ...rest) => {
    const asksForClient = request === '../../lib' && parent.filename.startsWith(ORIGINAL);
    return resolve(asksForClient ? path.join(__dirname, '..', '..') : request, parent, ...rest);
  };
}
