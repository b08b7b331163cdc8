'use strict';

/** What the client keeps alive, and for how long. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const { CONVERSATION, closeAll, plainServer, run, runWith, secureServer, subjects, program } = require('./support.js');

afterEach(closeAll);

const DELAY = 300;

/** Answers `slow` late, `never` never, and everything else at once. */
const answer = (request, response) => {
  if (request.url.includes('never')) return;
  setTimeout(() => response.end('{}'), request.url.includes('slow') ? DELAY : 0);
};

for (const subject of Object.values(subjects)) {
  for (const keepAlive of [true, false]) {
    test(`a script exits by itself after its callback, keepAlive: ${keepAlive} (${subject.name})`, async () => {
      const source = "layer.blocklist.get('maria', (error, result) => console.log(error, result.status));";
      const server = await secureServer(answer);
      // What keeps a process alive as long as the server keeps a connection would keep it for ever.
      server.server.keepAliveTimeout = 0;
      const { code, stdout, stderr } = await runWith(subject, server, source, { agentOptions: { keepAlive } });
      assert.deepStrictEqual([code, stdout, stderr], [0, 'null 200\n', '']);
    });
  }

  test(`a script exits after a failed call (${subject.name})`, async () => {
    const server = await secureServer(answer);
    await closeAll();
    const { code, stdout } = await runWith(
      subject,
      server,
      "layer.blocklist.get('maria', (error) => console.log(error.code));",
    );
    assert.deepStrictEqual([code, stdout], [0, 'ECONNREFUSED\n']);
  });

  test(`a process stays alive while a request is pending (${subject.name})`, async () => {
    const source = `
      const start = Date.now();
      layer.blocklist.get('slow', (error, result) => console.log(result.status, Date.now() - start >= ${DELAY - 20}));`;
    const { code, stdout } = await runWith(subject, await secureServer(answer), source);
    assert.deepStrictEqual([code, stdout], [0, '200 true\n']);
  });

  test(`a process stays alive until a timeout is reported (${subject.name})`, async () => {
    const source = "layer.blocklist.get('never', (error) => console.log(error.message));";
    const { code, stdout } = await runWith(subject, await secureServer(answer), source, { config: { timeout: 500 } });
    assert.deepStrictEqual([code, stdout], [0, 'Request timeout after 0.5seconds.\n']);
  });

  test(`a process stays alive for a request without a callback (${subject.name})`, async () => {
    let seen = 0;
    const server = await secureServer((_request, response) => {
      seen++;
      setTimeout(() => response.end('{}'), DELAY);
    });
    const source = `const start = Date.now();
      layer.conversations.delete('${CONVERSATION}', null);
      process.on('exit', () => console.log(Date.now() - start >= ${DELAY - 20}));`;
    const { code, stdout } = await runWith(subject, server, source);
    assert.deepStrictEqual([code, stdout, seen], [0, 'true\n', 1]);
  });

  test(`a process stays alive from request to request: callbacks, ticks, timers, await (${subject.name})`, async () => {
    const source = program('process/chain.js');
    const { code, stdout } = await runWith(subject, await secureServer(answer), source);
    assert.deepStrictEqual([code, stdout], [0, 'end\n']);
  });

  test(`constructing clients does not keep a process alive (${subject.name})`, async () => {
    const server = await secureServer(answer);
    const { code, stderr } = await runWith(subject, server, 'for (let i = 0; i < 20; i++) new LayerAPI(config);');
    assert.deepStrictEqual([code, stderr], [0, '']);
  });

  test(`a refused argument does not keep a process alive (${subject.name})`, async () => {
    const source = program('process/refused.js');
    const { code, stdout } = await runWith(subject, await secureServer(answer), source);
    assert.strictEqual(code, 0);
    assert.match(stdout, /^Blocklist owner ID is required\nConversation ID is required\nERR_INVALID_CHAR\n$/);
  });
}

test('top-level await of a request does not end the process early', async () => {
  const { code, stdout } = await run(program('process/awaits.mjs'), { server: await plainServer(answer) });
  assert.deepStrictEqual([code, stdout], [0, '200\n']);
});

test('clients can be collected while their requests are in flight', async () => {
  const source = program('process/collected.js');
  const { code, stdout, stderr } = await run(source, { server: await plainServer(answer), args: ['--expose-gc'] });
  assert.deepStrictEqual([code, stdout], [0, '200\n'], stderr);
});

test("neither the module nor a first request loads Node's own clients, which takes longer than both", async () => {
  const { code, stdout, stderr } = await run(program('process/loaded.mjs'), { server: await plainServer(answer) });
  assert.deepStrictEqual([code, stdout], [0, '200 true []\n'], stderr);
});
