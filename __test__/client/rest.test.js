'use strict';

/** What a client costs while nothing happens: nothing. Linux tells how often a thread ran, and what it waits for. */

const assert = require('node:assert');
const { after, describe, test } = require('node:test');
const { closeAll, plainServer, runWith, secureServer, subjects } = require('./support.js');

after(closeAll);

/** Answers `never` never, and everything else at once. */
const answer = (request, response) => {
  if (!request.url.includes('never')) response.end('{}');
};

/** What the scripts below use. */
const REST = "const { checkTimer, hasFired, rest, use, using } = require('./__test__/client/programs/rest.js');\n";

/** Clients at rest, and whether one has a timer then. */
const RESTING = {
  'was made': { source: 'rest();' },
  'has used kept connections': { source: 'using({ keepAlive: true }).then(rest);' },
  'has used connections of its own': { source: 'use(layer).then(rest);' },
  'has closed connections after `timeout`': {
    source: `
      const start = Date.now();
      using({ keepAlive: true, timeout: 1500 }).then(() => checkTimer(1500, start)).then(hasFired).then(rest);`,
  },
  'has closed connections before the server does': {
    source: `
      const start = Date.now();
      using({ keepAlive: true }).then(() => checkTimer(2000, start)).then(hasFired).then(rest);`,
    keepAliveTimeout: 3000,
  },
  'has given up': {
    source: `
      const failing = [new LayerAPI({ ...config, baseUrl: 'http://127.0.0.1:1' }), new LayerAPI({ ...config, timeout: 50 })];
      Promise.all(failing.map((one) => one.blocklist.getAsync('never').catch(() => {}))).then(rest);`,
  },
  'waits for a reply': { source: "layer.blocklist.get('never', () => {}); rest();", hasTimer: true },
  'waits for a hundred replies': {
    source: "for (let i = 0; i < 100; i++) layer.blocklist.get('never', () => {}); rest();",
    hasTimer: true,
  },
};

// Elsewhere the system does not tell.
const states = process.platform === 'linux' ? Object.entries(RESTING) : [];
describe('at rest', { concurrency: true }, () => {
  for (const [scheme, serve] of Object.entries({ http: plainServer, https: secureServer })) {
    for (const [state, { source, keepAliveTimeout = 0, hasTimer = false }] of states) {
      test(`a client that ${state} uses no processor time, ${scheme}`, async () => {
        const server = await serve(answer);
        // Node announces how long it keeps connections, unless that is for ever.
        server.server.keepAliveTimeout = keepAliveTimeout;
        const options = { agentOptions: { keepAlive: false }, config: { timeout: 600_000 } };
        const { code, stdout, stderr } = await runWith(subjects.ours, server, REST + source, options);
        assert.strictEqual(code, 0, stderr);
        const found = JSON.parse(stdout);
        assert.ok(found.ran > 0, 'no thread of the client was seen at work');
        assert.deepStrictEqual([found.wakeUps, found.hasTimer], [0, hasTimer]);
        assert.ok(!found.resources.includes('Timeout'), `JavaScript has a timer: ${found.resources}`);
      });
    }
  }
});
