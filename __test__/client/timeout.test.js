'use strict';

/** The timeout: how long nothing may move on a connection. */

const assert = require('node:assert');
const https = require('node:https');
const { afterEach, test } = require('node:test');
const {
  APP_ID,
  LayerAPI,
  OK,
  TOKEN,
  client,
  clientOf,
  closeAll,
  eachRequest,
  get,
  plainServer,
  secureServer,
  sleep,
  subjects,
  tcpServer,
  tlsServer,
  until,
} = require('./support.js');

afterEach(closeAll);

const TIMEOUT = 150;

function both(name, body) {
  for (const subject of Object.values(subjects)) test(`${name} (${subject.name})`, () => body(subject));
}

/** The outcome is the timeout, and not before its time. */
function assertTimeout(subject, { error, result, calls }, took, ms = TIMEOUT) {
  assert.strictEqual(result, undefined);
  assert.strictEqual(calls, 1);
  assert.ok(error instanceof subject.errors.APIError);
  assert.ok(error instanceof Error);
  assert.strictEqual(error.message, `Request timeout after ${ms / 1000}seconds.`);
  // The name that the original meant to give is that of a function without a name.
  assert.strictEqual(error.name, subject.name === 'original' ? '' : 'APIError');
  assert.deepStrictEqual(Object.keys(error), ['name', 'message', 'error', 'response']);
  assert.deepStrictEqual([error.error, error.response, error.code], [undefined, undefined, undefined]);
  assert.ok(took >= ms - 10, `gave up after ${took} ms`);
}

/** Two clients with one agent: one that gives up after `TIMEOUT`, and one that waits for what must come. */
function sharing(subject, server, options) {
  const agent = new https.Agent(subject.agentOptions(server, options));
  return [{ timeout: TIMEOUT }, {}].map((config) => clientOf(subject, server, {}, { agent, ...config }));
}

async function assertStall(subject, server, options) {
  const layer = clientOf(subject, server, options, { timeout: TIMEOUT });
  const start = Date.now();
  const outcome = await get(layer);
  const took = Date.now() - start;
  await until(() => server.open.size === 0, 'the connection is closed');
  assertTimeout(subject, outcome, took);
}

const STALLS = {
  'after the request': () => secureServer(() => {}),
  'in the status line': () => tlsServer((socket) => eachRequest(socket, () => socket.write('HTTP/1.1 2'))),
  'in the head': () => tlsServer((socket) => eachRequest(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-'))),
  'after the head': () => tlsServer((socket) => eachRequest(socket, () => socket.write(OK.slice(0, -2)))),
  'in the body': () => tlsServer((socket) => eachRequest(socket, () => socket.write(OK.slice(0, -1)))),
  'in a chunked body': () =>
    tlsServer((socket) => {
      eachRequest(socket, () => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n'));
    }),
  'after a reply that goes on to come': () =>
    tlsServer((socket) => eachRequest(socket, () => socket.write('HTTP/1.1 100 Continue\r\n\r\n'))),
};
for (const [where, start] of Object.entries(STALLS)) {
  both(`a server that falls silent ${where} is given up`, async (subject) => assertStall(subject, await start()));
}

both('a server that accepts and never answers the TLS handshake is given up', async (subject) => {
  await assertStall(subject, await tcpServer((socket) => socket.resume(), 'https'));
});

both('a kept connection on which a reply stays away is given up and not used again', async (subject) => {
  let count = 0;
  const server = await secureServer((_request, response) => {
    if (++count !== 2) response.end('{}');
  });
  const [hasty, patient] = sharing(subject, server, { keepAlive: true });
  assert.strictEqual((await get(patient)).error, null);
  // The rest before a request does not count.
  await sleep(TIMEOUT + 50);
  const start = Date.now();
  const outcome = await get(hasty);
  assertTimeout(subject, outcome, Date.now() - start);
  assert.strictEqual((await get(patient)).error, null);
  assert.strictEqual(server.opened, 2);
});

both('a request that is given up gives its turn to the next one', async (subject) => {
  let count = 0;
  const server = await secureServer((_request, response) => {
    if (count++ > 0) response.end('{}');
  });
  const [hasty, patient] = sharing(subject, server, { keepAlive: true, maxSockets: 1 });
  const [first, second] = await Promise.all([get(hasty), get(patient)]);
  assert.ok(first.error instanceof subject.errors.APIError);
  assert.strictEqual(second.result?.status, 200);
});

both('a reply after the timeout changes nothing', async (subject) => {
  let answerLate;
  const server = await secureServer((request, response) => {
    if (request.url.includes('late')) answerLate = () => response.end('{"late": true}');
    else response.end('{}');
  });
  const [hasty, patient] = sharing(subject, server, { keepAlive: true });
  const start = Date.now();
  const outcome = await get(hasty, 'late');
  const took = Date.now() - start;
  // Where the time was over before the request went out, there is nothing to answer.
  answerLate?.();
  for (let index = 0; index < 10; index++) {
    assert.deepStrictEqual((await get(patient)).result?.body, {});
    await sleep(10);
  }
  assertTimeout(subject, outcome, took);
});

test('a reply that comes together with the timeout makes one callback', async () => {
  const server = await plainServer((_request, response) => setTimeout(() => response.end('{}'), 40));
  const layer = client(server, { ca: undefined, keepAlive: true }, { timeout: 41 });
  const outcomes = [];
  for (let round = 0; round < 20; round++) {
    outcomes.push(...(await Promise.all(Array.from({ length: 10 }, () => get(layer)))));
  }
  await sleep(100);
  for (const { error, result, calls } of outcomes) {
    assert.strictEqual(calls, 1);
    assert.strictEqual(error ? error.name : result.status, error ? 'APIError' : 200);
  }
});

test('two hundred requests that are given up at once have one callback each', async () => {
  const server = await plainServer(() => {});
  const layer = client(server, { ca: undefined }, { timeout: TIMEOUT });
  const outcomes = await Promise.all(Array.from({ length: 200 }, () => get(layer)));
  await sleep(50);
  for (const { error, calls } of outcomes) assert.deepStrictEqual([error?.name, calls], ['APIError', 1]);
});

both('a server that stops reading is given up', async (subject) => {
  const server = await tlsServer((socket) => socket.pause());
  const layer = clientOf(subject, server, {}, { timeout: TIMEOUT });
  const [error] = await new Promise((resolve) => {
    layer.conversations.create({ text: 'x'.repeat(32e6) }, (...outcome) => resolve(outcome));
  });
  assert.ok(error instanceof subject.errors.APIError, error?.stack);
});

test('the promise form rejects with the timeout', async () => {
  const server = await plainServer(() => {});
  const layer = client(server, { ca: undefined }, { timeout: TIMEOUT });
  await assert.rejects(layer.blocklist.getAsync('maria'), {
    name: 'APIError',
    message: 'Request timeout after 0.15seconds.',
  });
});

test('clients with the same agent keep their own timeouts', async () => {
  const waiting = [];
  const server = await secureServer((_request, response) => waiting.push(response));
  const [hasty, patient] = sharing(subjects.ours, server, { keepAlive: true });
  const second = get(patient);
  assert.strictEqual((await get(hasty)).error?.message, 'Request timeout after 0.15seconds.');
  await until(() => waiting.length > 0, 'a request has come');
  for (const response of waiting) response.end('{}');
  server.server.on('request', (_request, response) => response.end('{}'));
  assert.strictEqual((await second).result?.status, 200);
});

test('a timeout that is no positive number of milliseconds is refused when the client is made', () => {
  for (const timeout of [-1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, '150', {}, true, [150], 10n]) {
    assert.throws(() => new LayerAPI({ token: TOKEN, appId: APP_ID, timeout }), {
      name: 'TypeError',
      message: /`timeout`/,
    });
  }
});

test('a timeout that is not given, or 0, is the default; very long ones are fine', async () => {
  const server = await plainServer();
  for (const timeout of [undefined, null, 0, false, '', Number.NaN, 2 ** 31, 2 ** 53, Number.MAX_VALUE, 5000.5]) {
    assert.strictEqual((await get(client(server, {}, { timeout }))).result?.status, 200, String(timeout));
  }
});
