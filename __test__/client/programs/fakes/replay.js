'use strict';

/** What becomes of a request of both clients behind node-replay. Argument: a folder for what it records. */

const Original = require('layer-api-original');
const { LayerAPI, appId, assert, fake, run, token } = require('./start.js');

const outcome = (layer) =>
  new Promise((resolve) => layer.blocklist.get('maria', (error, reply) => resolve([error?.message, reply])));

run(async () => {
  [fake.fixtures] = process.argv.slice(2);
  fake.mode = 'record';
  const config = () => ({ token, appId, agentOptions: {} });
  const outcomes = [];
  for (const Client of [Original, LayerAPI]) outcomes.push(await outcome(new Client(config())));
  const silent = ['Request timeout after 10seconds.', undefined];
  assert.deepStrictEqual(outcomes, [silent, silent]);
});
