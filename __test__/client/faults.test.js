'use strict';

/** Whatever goes wrong with one call, reply or callback: each call comes to one end, and no other is lost. */

const assert = require('node:assert');
const { after, test } = require('node:test');
const vm = require('node:vm');
const { client, closeAll, get, plainServer, runProgram, until } = require('./support.js');

after(closeAll);

/** Answers requests for `together` in one go, so that their completions come in one batch, and breaks off for `cut`. */
function serverForFaults() {
  let waiting = [];
  return plainServer((request, response) => {
    request.resume().on('end', () => {
      if (!/together|cut/.test(request.url)) return response.end('{"a":1}');
      waiting.push([request, response]);
      if (waiting.length < 5) return undefined;
      for (const [one, reply] of waiting) {
        if (one.url.includes('cut')) reply.socket.destroy();
        else reply.end('{"a":1}');
      }
      waiting = [];
      return undefined;
    });
  });
}

const FAULTS = [
  'nothing',
  'V8 makes no string of a batch',
  'the numbers of a batch have no room',
  'JSON.parse throws',
  'the console throws',
  'the environment throws',
  'a scope throws before the callback',
  'a scope throws after the callback',
  'a domain cannot be bound',
  'callbacks throw',
  'immediates are faked by node:test',
  'immediates are refused',
  'immediates never come',
];

for (const fault of FAULTS) {
  test(`each call comes to one end when ${fault}`, async () => {
    const outcome = await runProgram('faults.js', [fault], { server: await serverForFaults() });
    const { code, stdout, stderr, hung } = outcome;
    assert.deepStrictEqual([code, hung], [0, undefined], `${stdout}${stderr}`);
    assert.deepStrictEqual(JSON.parse(stdout), { counts: [1, 1, 1, 1, 1, 1], later: 200 }, stderr);
  });
}

test('a call at the end of the stack either throws or comes to its end, and none after it is held up', async () => {
  const server = await plainServer();
  const layer = client(server, { keepAlive: true, maxSockets: 20 });
  const ends = [];
  let made = 0;
  function call() {
    const index = ends.push(0) - 1;
    try {
      layer.blocklist.get('maria', () => {
        ends[index] += 1;
      });
      made += 1;
    } catch (error) {
      ends[index] += 1;
      assert.ok(error instanceof RangeError);
    }
  }
  // The deepest frames come first: with each there is a bit more room.
  function dive() {
    try {
      dive();
    } catch {
      // The end of the stack.
    }
    if (ends.length >= 400) return;
    try {
      call();
    } catch {
      // Not even that much room.
    }
  }
  dive();
  assert.ok(made > 0 && made < ends.length, `${made} of ${ends.length} calls were made`);
  await layer.blocklist.getAsync('jon');
  await until(() => ends.every((count) => count > 0), 'each call has come to its end');
  assert.deepStrictEqual(
    ends.filter((count) => count !== 1),
    [],
  );
});

test('a script that is interrupted while it makes requests holds up none of the others', async () => {
  const server = await plainServer();
  const layer = client(server, { keepAlive: true, maxSockets: 20 });
  let ended = 0;
  let twice = 0;
  let made = 0;
  const context = vm.createContext({
    call() {
      // On a busy machine the interruption comes late.
      if (made === 5000) return;
      made += 1;
      let count = 0;
      layer.blocklist.get('maria', () => {
        ended += 1;
        count += 1;
        if (count > 1) twice += 1;
      });
    },
  });
  for (let round = 0; round < 20; round++) {
    made = 0;
    const run = () => vm.runInContext('for (;;) call()', context, { timeout: 2 });
    assert.throws(run, { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' });
    assert.strictEqual((await layer.blocklist.getAsync('jon')).status, 200);
  }
  assert.deepStrictEqual([ended > 0, twice], [true, 0]);
});

test('what the caller’s own functions throw or answer is an error of the call', async () => {
  const lookups = {
    throws: () => {
      throw new Error('no such host');
    },
    'throws nothing': () => {
      throw undefined;
    },
    'answers null': (_host, _options, callback) => callback(null, null),
    'answers with nothing': (_host, _options, callback) => callback(),
    'answers with a text object': (_host, _options, callback) => callback(null, new String('127.0.0.1'), 4),
  };
  const { port } = await plainServer();
  for (const [what, lookup] of Object.entries(lookups)) {
    const layer = client({ url: `http://layer.test:${port}` }, { lookup, autoSelectFamily: false });
    const { error, result, calls } = await get(layer);
    assert.ok(error instanceof Error || result.status === 200, what);
    assert.strictEqual(calls, 1, what);
  }
});
