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

/**
 * `rest` ends a script with what the client's threads did in two seconds: how often each was given the processor, and
 * whether it has a timer. `hasTimer` tells that at once: a thread that has none waits for events without a limit.
 */
const REST = `
  const { readdirSync, readFileSync } = require('fs');
  const { setTimeout: sleep } = require('timers/promises');

  const threads = () => readdirSync('/proc/self/task')
    .map((id) => '/proc/self/task/' + id + '/')
    .filter((folder) => readFileSync(folder + 'comm', 'utf8').startsWith('layer-'));
  const switches = (folder) => [...readFileSync(folder + 'status', 'utf8').matchAll(/ctxt_switches:\\s*(\\d+)/g)]
    .reduce((sum, [, count]) => sum + Number(count), 0);

  // epoll_wait and epoll_pwait on x86-64, epoll_pwait on ARM; the limit is their fourth argument.
  const WAITS = { x64: ['232', '281'], arm64: ['22'] }[process.arch];
  const limitOf = async (folder) => {
    for (;;) {
      const [call, , , , limit] = readFileSync(folder + 'syscall', 'utf8').split(' ');
      if (WAITS.includes(call)) return Number(limit) | 0;
      await sleep(10);
    }
  };
  const hasTimer = async () => (await Promise.all(threads().map(limitOf))).some((limit) => limit !== -1);
  const hasFired = async () => { while (await hasTimer()) await sleep(50); };

  const rest = async () => {
    const count = () => JSON.stringify(threads().map(switches));
    // What has to be done yet, is done: they wait for events, and have waited for a while.
    for (let last; last !== (last = count()); ) {
      await sleep(400);
      await hasTimer();
    }
    const before = new Map(threads().map((folder) => [folder, switches(folder)]));
    await sleep(2000);
    const ran = [...before.values()].reduce((sum, count) => sum + count, 0);
    const wakeUps = threads().reduce((sum, folder) => sum + switches(folder) - (before.get(folder) || 0), 0);
    const resources = process.getActiveResourcesInfo();
    console.log(JSON.stringify({ ran, wakeUps, hasTimer: await hasTimer(), resources }));
    process.exit();
  };
  const use = (layer) => Promise.all(Array.from({ length: 20 }, () => layer.blocklist.getAsync('maria')));
  const using = (agentOptions) => use(new LayerAPI({ ...config, agentOptions: { ...config.agentOptions, ...agentOptions } }));
  // A machine that is slow may come too late to see it.
  const checkTimer = async (limit, start) => {
    if (!(await hasTimer()) && Date.now() - start < limit) throw new Error('There is no timer');
  };`;

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
