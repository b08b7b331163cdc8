/**
 * Preloaded into mocha, for the original package's own tests. Those for the live service talk to a platform: the
 * original client is redirected below its code, in the global agent. Ours takes its place where the tests ask for it.
 * Runs on Node 12: their nock does not on those of today.
 */

const https = require('https');
const Module = require('module');
const path = require('path');

const { LAYER_TEST_CLIENT, LAYER_TEST_PORT, LAYER_TEST_CA, LAYER_TEST_NOCK } = process.env;
const ORIGINAL = path.dirname(require.resolve('layer-api-original/package.json'));

if (LAYER_TEST_CLIENT === 'original' && LAYER_TEST_PORT) {
  // An agent's options come last in a request, so they win over the original's fixed host.
  const redirect = { host: '127.0.0.1', port: LAYER_TEST_PORT, ca: LAYER_TEST_CA, servername: 'api.layer.com' };
  Object.assign(https.globalAgent.options, redirect);
}

/** What the tests get for what they ask for. */
const replaced = { nock: LAYER_TEST_NOCK };
if (LAYER_TEST_CLIENT === 'ours') {
  const ours = path.join(__dirname, '..', '..');
  Object.assign(replaced, { '../lib': ours, '../../lib': ours });
}

const resolve = Module._resolveFilename;
Module._resolveFilename = (request, parent, ...rest) => {
  const isOfTest = parent && `${parent.filename}`.startsWith(path.join(ORIGINAL, 'test'));
  return resolve((isOfTest && replaced[request]) || request, parent, ...rest);
};
