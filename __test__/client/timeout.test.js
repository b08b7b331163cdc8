'use strict';

/** The timeout: how long nothing may move on a connection. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const {
  APP_ID,
  LayerAPI,
  OK,
  TOKEN,
  certificate,
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

/** The outcome is the timeout, after about as long as it should take. */
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
  assert.ok(took < ms + 1000, `gave up after ${took} ms only`);
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
  const layer = clientOf(subject, server, { keepAlive: true }, { timeout: TIMEOUT });
  assert.strictEqual((await get(layer)).error, null);
  // The rest before a request does not count.
  await sleep(TIMEOUT + 50);
  const start = Date.now();
  assertTimeout(subject, await get(layer), Date.now() - start + 10);
  assert.strictEqual((await get(layer)).error, null);
  assert.strictEqual(server.opened, 2);
});

both('a body that drips for longer than the timeout is read to its end', async (subject) => {
  const server = await secureServer((_request, response) => {
    const text = JSON.stringify('x'.repeat(22));
    let sent = 0;
    const timer = setInterval(() => {
      response.write(text[sent++]);
      if (sent < text.length) return;
      clearInterval(timer);
      response.end();
    }, 50);
  });
  const start = Date.now();
  const { error, result } = await get(clientOf(subject, server, {}, { timeout: TIMEOUT }));
  assert.ifError(error);
  assert.strictEqual(result.body, 'x'.repeat(22));
  assert.ok(Date.now() - start > 1000);
});

both('a head that drips for longer than the timeout is read to its end', async (subject) => {
  const server = await tlsServer((socket) => {
    socket.setNoDelay(true);
    eachRequest(socket, () => {
      let sent = 0;
      const timer = setInterval(() => {
        if (sent < OK.length) socket.write(OK.slice(sent, sent + 2));
        else clearInterval(timer);
        sent += 2;
      }, 50);
    });
  });
  const start = Date.now();
  const { error, result } = await get(clientOf(subject, server, {}, { timeout: TIMEOUT }));
  assert.ifError(error);
  assert.deepStrictEqual(result, { status: 200, body: {} });
  assert.ok(Date.now() - start > 1000);
});

both('waiting for a turn does not count', async (subject) => {
  const server = await secureServer((_request, response) => setTimeout(() => response.end('{}'), 100));
  const layer = clientOf(subject, server, { keepAlive: true, maxSockets: 1 }, { timeout: TIMEOUT });
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => get(layer)));
  assert.deepStrictEqual(
    outcomes.map(({ error, result }) => error ?? result.status),
    [200, 200, 200, 200, 200],
  );
});

both('a request that is given up gives its turn to the next one', async (subject) => {
  let count = 0;
  const server = await secureServer((_request, response) => {
    if (count++ > 0) response.end('{}');
  });
  const layer = clientOf(subject, server, { keepAlive: true, maxSockets: 1 }, { timeout: TIMEOUT });
  const [first, second] = await Promise.all([get(layer), get(layer)]);
  assert.ok(first.error instanceof subject.errors.APIError);
  assert.strictEqual(second.result?.status, 200);
});

both('a reply after the timeout changes nothing', async (subject) => {
  const server = await secureServer((request, response) => {
    setTimeout(() => response.end('{"late": true}'), request.url.includes('late') ? 250 : 0);
  });
  const layer = clientOf(subject, server, { keepAlive: true }, { timeout: TIMEOUT });
  const start = Date.now();
  const outcome = await get(layer, 'late');
  const took = Date.now() - start;
  for (let index = 0; index < 10; index++) {
    assert.deepStrictEqual((await get(layer)).result?.body, JSON.parse('{"late": true}'));
    await sleep(20);
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
    assert.ok(error ? error.name === 'APIError' : result.status === 200);
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

both('a server that reads slowly is not given up', async (subject) => {
  const server = await tlsServer((socket) => {
    socket.on('data', (data) => {
      if (data.includes('"end"}')) socket.end(OK);
      socket.pause();
      setTimeout(() => socket.resume(), 2);
    });
  });
  // What the system holds in its buffers moves unseen, so the timeout is longer here.
  const layer = clientOf(subject, server, {}, { timeout: 1500 });
  const start = Date.now();
  const [error, result] = await new Promise((resolve) => {
    layer.conversations.create({ text: 'x'.repeat(12e6), z: 'end' }, (...outcome) => resolve(outcome));
  });
  assert.ifError(error);
  assert.strictEqual(result.status, 200);
  assert.ok(Date.now() - start > 1500, 'the server was not slow');
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
  const server = await secureServer((_request, response) => setTimeout(() => response.end('{}'), 250));
  const agent = new (require('node:https').Agent)({ keepAlive: true, ca: certificate().ca });
  const hasty = client(server, {}, { agent, timeout: TIMEOUT });
  const patient = client(server, {}, { agent, timeout: 2000 });
  const [first, second] = await Promise.all([get(hasty), get(patient)]);
  assert.strictEqual(first.error?.message, 'Request timeout after 0.15seconds.');
  assert.strictEqual(second.result?.status, 200);
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
