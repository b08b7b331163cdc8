'use strict';

/** However a process ends while the client is at work: by the code or signal it should, without a crash or a hang. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const ways = require('./programs/exit.js');
const { closeAll, plainServer, runProgram, secureServer, tcpServer } = require('./support.js');

afterEach(closeAll);

/** Runs of each way. They differ in the moment of the end: `DELAY` is 0 to 9 milliseconds. */
const RUNS = 10;
const AT_ONCE = 3;
const REQUIRED_RUNS = 200;

const answer = (request, response) => {
  if (!request.url.includes('never')) setTimeout(() => response.end('{}'), 3);
};

const servers = {
  http: () => plainServer(answer),
  https: () => secureServer(answer),
  /** Takes connections and says nothing: with a URL of https, no TLS handshake comes to its end. */
  silent: () => tcpServer(() => {}, 'https'),
};

let runs = 0;

for (const { name, server, expected } of ways) {
  test(`crashes nothing: ${name}`, async () => {
    const started = await servers[server]();
    let next = 0;
    const runner = async () => {
      for (let index = next++; index < RUNS; index = next++) {
        const options = { server: started, env: { DELAY: String(index) } };
        const { code, signal, stderr, hung } = await runProgram('exit.js', [name], options);
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
