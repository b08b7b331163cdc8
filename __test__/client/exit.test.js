'use strict';

/** However a process ends while the client is at work: by the code or signal it should, without a crash or a hang. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const { closeAll, plainServer, run, secureServer, tcpServer } = require('./support.js');

afterEach(closeAll);

/** Runs of each scenario. They differ in the moment of the end: `DELAY` is 0 to 9 milliseconds. */
const RUNS = 10;
const AT_ONCE = 3;
const REQUIRED_RUNS = 200;

/** What each scenario begins with: a client with fifty requests in flight, every other one of which has no reply. */
const START = "const { DELAY, LayerAPI, busy, config, start } = require('./__test__/client/programs/exit.js');";

const WORKER = `
  const { Worker, isMainThread } = require('node:worker_threads');
  const worker = () => new Worker(process.env.SOURCE, { eval: true });`;

const answer = (request, response) => {
  if (!request.url.includes('never')) setTimeout(() => response.end('{}'), 3);
};

const servers = {
  http: () => plainServer(answer),
  https: () => secureServer(answer),
  /** Takes connections and says nothing: with a URL of https, no TLS handshake comes to its end. */
  silent: () => tcpServer(() => {}, 'https'),
};

const exited = (code) => ({ code, signal: null });
const killed = (signal) => ({ code: null, signal });

const scenarios = {
  'process.exit right after the calls': ['http', 'start(); process.exit(7);', exited(7)],
  'process.exit in an immediate': ['https', 'start(); setImmediate(() => process.exit(7));', exited(7)],
  'process.exit in a timer over http': ['http', 'start(); setTimeout(() => process.exit(7), DELAY);', exited(7)],
  'process.exit in a timer over https': ['https', 'start(); setTimeout(() => process.exit(7), DELAY);', exited(7)],
  'process.exit during the TLS handshake': ['silent', 'start(); setTimeout(() => process.exit(7), DELAY);', exited(7)],
  'process.exit during the look-up of a name': [
    'http',
    "start(() => {}, { baseUrl: 'http://name.invalid' }); setTimeout(() => process.exit(7), DELAY);",
    exited(7),
  ],
  'process.exit in a callback, which is the last': [
    'http',
    `let calls = 0;
     process.on('exit', () => { process.exitCode = 10 + calls; });
     start(() => { calls++; process.exit(); });`,
    exited(11),
  ],
  'process.exit after an await': [
    'https',
    "start().blocklist.getAsync('maria').then(() => process.exit(7));",
    exited(7),
  ],
  'process.exit while timeouts run out': [
    'http',
    'start(() => {}, { timeout: 1 + DELAY }); setTimeout(() => process.exit(7), 5);',
    exited(7),
  ],
  'process.exit while replies wait for a busy thread': [
    'http',
    "start().blocklist.get('maria', () => { busy(20); process.exit(7); });",
    exited(7),
  ],
  "calls in a handler of 'exit'": [
    'https',
    "start(() => process.exit(7)); process.on('exit', () => start());",
    exited(7),
  ],
  "process.exit in a handler of 'exit'": [
    'https',
    "start(() => process.exit(7)); process.on('exit', () => { start(); process.exit(8); });",
    exited(8),
  ],
  "calls in a handler of 'beforeExit', which keep the process": [
    'http',
    `let rounds = 0;
     process.on('beforeExit', () => {
       if (rounds++ < 3) new LayerAPI(config()).blocklist.get('maria', () => { process.exitCode = 7; });
     });`,
    exited(7),
  ],
  'SIGTERM without a handler': ['https', "start(); process.kill(process.pid, 'SIGTERM'); busy(50);", killed('SIGTERM')],
  'SIGTERM with a handler': [
    'https',
    `process.on('SIGTERM', () => process.exit(3)); start();
     setTimeout(() => process.kill(process.pid, 'SIGTERM'), DELAY);`,
    exited(3),
  ],
  'SIGINT without a handler': [
    'http',
    "start(); setTimeout(() => process.kill(process.pid, 'SIGINT'), DELAY);",
    killed('SIGINT'),
  ],
  'an uncaught exception': ['http', "start(); setTimeout(() => { throw new Error('uncaught'); }, DELAY);", exited(1)],
  'an uncaught exception in a callback': ['https', "start(() => { throw new Error('uncaught'); });", exited(1)],
  "an exception in a handler of 'uncaughtException'": [
    'http',
    "process.on('uncaughtException', (error) => { throw error; }); start(() => { throw new Error('uncaught'); });",
    exited(7),
  ],
  'a rejection that nobody handles': ['http', "start().blocklist.getAsync('');", exited(1)],
  'a natural end with idle connections': [
    'https',
    `const layer = new LayerAPI(config({ agentOptions: { keepAlive: true, rejectUnauthorized: false } }));
     for (let i = 0; i < 20; i++) layer.blocklist.get('maria', () => {});`,
    exited(0),
  ],
  'process.exit beside a platform that starts': [
    'http',
    "LayerAPI.Platform.start({ data: ':memory:' }); setTimeout(() => process.exit(7), DELAY);",
    exited(7),
  ],
  'process.exit beside a platform at work': [
    'http',
    `LayerAPI.Platform.start().then(async (platform) => {
       const app = await platform.createApp();
       start(() => {}, { ...app, baseUrl: platform.url });
       setTimeout(() => process.exit(7), DELAY);
     });`,
    exited(7),
  ],
  'process.exit beside a platform that closes': [
    'http',
    `LayerAPI.Platform.start().then(async (platform) => {
       const app = await platform.createApp();
       start(() => {}, { ...app, baseUrl: platform.url });
       setImmediate(() => { platform.close(); setTimeout(() => process.exit(7), DELAY); });
     });`,
    exited(7),
  ],
  'process.exit of the main thread while workers are at work': [
    'http',
    `${WORKER} start(); if (isMainThread) { worker().on('online', () => setTimeout(() => process.exit(7), 20 + DELAY)); }`,
    exited(7),
  ],
  'process.exit of a worker, after which the main thread goes on': [
    'https',
    `${WORKER}
     if (isMainThread) worker().on('exit', (code) => new LayerAPI(config()).blocklist.get('maria', () => process.exit(code)));
     else { start(); setTimeout(() => process.exit(5), DELAY); }`,
    exited(5),
  ],
  'the end of the only worker that uses the client': [
    'http',
    `const { Worker, isMainThread } = require('node:worker_threads');
     if (isMainThread) {
       const worker = new Worker(process.env.SOURCE, { eval: true });
       worker.on('exit', (code) => setTimeout(() => process.exit(code), 20));
     } else {
       ${START}
       start();
       setTimeout(() => process.exit(5), DELAY);
     }`,
    exited(5),
  ],
  'an uncaught exception of a worker': [
    'http',
    `${WORKER}
     if (isMainThread) worker().on('error', (error) => process.exit(error.message === 'uncaught' ? 5 : 6));
     else { start(); setTimeout(() => { throw new Error('uncaught'); }, DELAY); }`,
    exited(5),
  ],
};

let runs = 0;

for (const [name, [server, source, expected]] of Object.entries(scenarios)) {
  test(`crashes nothing: ${name}`, async () => {
    const started = await servers[server]();
    // One scenario loads the client in its worker only.
    const whole = source.includes(START) ? source : START + source;
    let next = 0;
    const runner = async () => {
      for (let index = next++; index < RUNS; index = next++) {
        const env = { DELAY: String(index), SOURCE: whole };
        const { code, signal, stderr, hung } = await run(whole, { server: started, env });
        assert.deepStrictEqual({ code, signal, hung }, { hung: undefined, ...expected }, stderr);
        // The words of panics, sanitizers and Node's own assertions.
        assert.doesNotMatch(stderr, /panicked|FATAL|Assertion|core dumped/, stderr);
        runs++;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, runner));
  });
}

test(`crashes nothing in ${REQUIRED_RUNS} runs`, () => {
  assert.ok(runs >= REQUIRED_RUNS, `${runs} runs`);
});
