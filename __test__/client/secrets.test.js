'use strict';

/** What `debug` prints, and that the token is nowhere to be seen. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const { inspect } = require('node:util');
const { TOKEN, client, closeAll, runWith, secureServer, subjects, program } = require('./support.js');

afterEach(closeAll);

const answer = (request, response) => {
  if (request.url.includes('never')) return;
  request.resume();
  response.statusCode = request.url.includes('missing') ? 404 : 200;
  response.end(request.url.includes('text') ? 'no JSON' : '{"id":"x"}');
};

const CALLS = program('secrets/calls.js');

test('debug prints the lines of the original, but for the version', async () => {
  const printed = {};
  for (const subject of Object.values(subjects)) {
    const options = { config: { debug: true } };
    const { code, stdout, stderr } = await runWith(subject, await secureServer(answer), CALLS, options);
    assert.deepStrictEqual([code, stderr], [0, '']);
    assert.ok(!stdout.includes(TOKEN));
    printed[subject.name] = stdout.replace(/Initialized v[\d.]+ /g, '');
  }
  assert.strictEqual(printed.ours, printed.original);
  assert.ok(printed.ours.split('\n').length > 15, printed.ours);
});

test('LAYER_API_DEBUG is read at each call, and set by each constructor', async () => {
  const source = program('secrets/debug.js');
  const outputs = [];
  for (const subject of Object.values(subjects)) {
    outputs.push((await runWith(subject, await secureServer(answer), source)).stdout);
  }
  assert.strictEqual(outputs[1], outputs[0]);
  assert.match(outputs[1], /jon/);
  assert.doesNotMatch(outputs[1], /maria|ana/);
});

test('inspect, JSON and errors show no token', async () => {
  const server = await secureServer(answer);
  const layer = client(server, {}, { timeout: 300 });
  const refused = await layer.blocklist.getAsync('').catch((error) => error);
  const missing = await layer.blocklist.getAsync('missing').catch((error) => error);
  const late = await layer.blocklist.getAsync('never').catch((error) => error);
  await closeAll();
  const network = await layer.blocklist.getAsync('maria').catch((error) => error);
  const unusable = [];
  for (const wrong of [{ baseUrl: 'ftp://x' }, { timeout: 'long' }, { token: `${TOKEN}\n` }]) {
    try {
      client(server, {}, wrong).blocklist.get('maria', () => {});
    } catch (error) {
      unusable.push(error);
    }
  }
  assert.strictEqual(unusable.length, 3);
  for (const value of [layer, layer.messages, refused, missing, late, network, ...unusable]) {
    const texts = [
      inspect(value),
      inspect(value, { showHidden: true, depth: null, getters: true, showProxy: true }),
      JSON.stringify(value),
      String(value),
      value.stack ?? '',
    ];
    for (const text of texts) assert.ok(!text.includes(TOKEN), text);
  }
});
