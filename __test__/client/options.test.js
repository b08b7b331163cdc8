'use strict';

/** Options of requests: `withOptions`, and what replies and errors say beside their keys. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const { inspect } = require('node:util');
const {
  CONVERSATION,
  LayerAPI,
  OK,
  client,
  closeAll,
  eachRequest,
  held,
  plainServer,
  secureServer,
  tcpServer,
  until,
} = require('./support.js');

afterEach(closeAll);

const KEY = '9e4a5e5c-27b6-4f5a-9c28-4c3f5b7f0a11';
const MESSAGE = { sender: { name: 'x' }, parts: [{ body: 'x', mime_type: 'text/plain' }] };

/** A server that answers with the request that it got. */
const echo = () =>
  plainServer((request, response) => {
    let body = '';
    request.on('data', (data) => {
      body += data;
    });
    request.on('end', () => {
      const { method, url, headers, rawHeaders } = request;
      response.end(JSON.stringify({ method, url, headers, names: rawHeaders.filter((_, i) => i % 2 === 0), body }));
    });
  });

const failureOf = (promise) =>
  promise.then(
    (value) => assert.fail(`it did not fail: ${inspect(value)}`),
    (error) => error,
  );

test('options go with the requests of the client that they were given to, and with no other', async () => {
  const server = await echo();
  const layer = client(server);
  const own = layer.withOptions({ version: '2.0', headers: { 'X-Trace': 'one', 'X-Other': 'two' } });
  const { body } = await own.blocklist.getAsync('maria');
  assert.strictEqual(body.headers.accept, 'application/vnd.layer+json; version=2.0');
  assert.strictEqual(body.headers['x-trace'], 'one');
  assert.deepStrictEqual(body.names.slice(-2), ['X-Trace', 'X-Other']);
  const plain = await layer.blocklist.getAsync('maria');
  assert.strictEqual(plain.body.headers.accept, 'application/vnd.layer+json; version=1.0');
  assert.ok(!('x-trace' in plain.body.headers));
});

test('clients nest: the inner option wins, headers come together by name, and undefined is not given', async () => {
  const layer = client(await echo());
  const outer = layer.withOptions({ version: '1.1', headers: { 'X-A': 'outer', 'X-B': 'outer' } });
  const inner = outer.withOptions({
    version: undefined,
    headers: { 'x-b': 'inner', 'X-C': 'inner', 'X-A': undefined },
  });
  const { headers } = (await inner.blocklist.getAsync('maria')).body;
  assert.deepStrictEqual(
    [headers.accept, headers['x-a'], headers['x-b'], headers['x-c']],
    ['application/vnd.layer+json; version=1.1', 'outer', 'inner', 'inner'],
  );
  const again = (await outer.blocklist.getAsync('maria')).body.headers;
  assert.deepStrictEqual([again['x-b'], again['x-c']], ['outer', undefined]);
});

test('a client with options is one, with both forms of all methods, and shares connections and limits', async () => {
  const server = await secureServer();
  const layer = client(server, { keepAlive: true, maxSockets: 1 });
  class Service extends LayerAPI {
    hello() {
      return this.blocklist;
    }
  }
  const own = layer.withOptions({ timeout: 60_000 });
  assert.ok(own instanceof LayerAPI);
  assert.strictEqual(own.messages, own.messages);
  assert.strictEqual(own.messages.send, own.messages.send);
  for (const [resource, methods] of Object.entries(layer)) {
    const names = [];
    for (const name in own[resource]) names.push(name);
    assert.deepStrictEqual(names.toSorted(), Object.keys(methods).toSorted());
    for (const name of names) {
      assert.strictEqual(own[resource][name].name, name);
      assert.strictEqual(own[resource][name].length, methods[name].length);
    }
  }
  const { get } = own.blocklist;
  await new Promise((resolve, reject) => get('maria', (error) => (error ? reject(error) : resolve())));
  await Promise.all([layer.blocklist.getAsync('a'), own.withOptions({}).blocklist.getAsync('b')]);
  assert.strictEqual(server.opened, 1);

  const service = new Service({ token: 't', appId: CONVERSATION, baseUrl: server.url });
  const derived = service.withOptions({}).withOptions({});
  assert.ok(derived instanceof Service);
  assert.strictEqual(derived.hello(), derived.blocklist);
  derived.messages = 'a double';
  assert.strictEqual(derived.messages, 'a double');
  derived.blocklist.get = 'another';
  assert.strictEqual(derived.blocklist.get, 'another');
});

test('an option that is unknown or wrong is a TypeError that names it', async () => {
  const layer = client(await echo());
  const wrong = [
    [{ timeOut: 1 }, /`timeOut`/],
    [{ toString: 1 }, /`toString`/],
    ...[0, -1, Infinity, NaN, '5', null].map((timeout) => [{ timeout }, /`timeout`.*milliseconds/]),
    ...[-1, 1.5, '1', 1001, null].map((maxRetries) => [{ maxRetries }, /`maxRetries`.*whole number/]),
    ...['x', `layer:///messages/${KEY}`, 5, null].map((idempotencyKey) => [{ idempotencyKey }, /`idempotencyKey`/]),
    ...[3, '', null].map((version) => [{ version }, /`version`/]),
    ...[{}, 'x', null, { aborted: false }].map((signal) => [{ signal }, /`signal`.*AbortSignal/]),
    ...['x', [], null].map((headers) => [{ headers }, /`headers`/]),
    [{ headers: { 'X-A': 1 } }, /`headers`.*X-A/],
    [{ headers: { 'X A': 'a' } }, /`headers`.*X A/],
    ...['Accept', 'authorization', 'HOST', 'Content-Type', 'if-none-match', 'Transfer-Encoding', 'connection'].map(
      (name) => [{ headers: { [name]: 'x' } }, new RegExp(`\`headers\`.*${name}`)],
    ),
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => layer.withOptions(options), { name: 'TypeError', message }, inspect(options));
  }
  for (const value of ['a\r', 'a\nb', '\0', '€']) {
    assert.throws(() => layer.withOptions({ headers: { 'X-A': value } }), { code: 'ERR_INVALID_CHAR', message: /X-A/ });
  }
  for (const options of [undefined, null, 'x']) assert.throws(() => layer.withOptions(options), TypeError);
  assert.throws(() => client({ url: 'http://127.0.0.1:1' }, {}, { maxRetries: -1 }), /`maxRetries`/);
});

test('idempotencyKey is the tag of what is created, and refused by what creates nothing', async () => {
  const layer = client(await echo()).withOptions({ idempotencyKey: KEY });
  const creates = [
    layer.messages.sendAsync(CONVERSATION, MESSAGE),
    layer.messages.sendTextFromUserAsync(CONVERSATION, 'maria', 'x'),
    layer.conversations.createAsync({ participants: ['a'] }),
    layer.announcements.sendAsync({ recipients: ['a'], ...MESSAGE }),
  ];
  for (const { body } of await Promise.all(creates)) assert.strictEqual(body.headers['if-none-match'], KEY);
  const refused = [
    layer.messages.sendDedupeAsync(KEY, CONVERSATION, MESSAGE),
    layer.messages.sendDedupeAsync(null, CONVERSATION, MESSAGE),
    layer.blocklist.getAsync('maria'),
    layer.blocklist.blockAsync('maria', 'jon'),
    layer.identities.createAsync('maria', { display_name: 'M' }),
    layer.conversations.deleteAsync(CONVERSATION),
  ];
  for (const promise of refused) assert.match((await failureOf(promise)).message, /`idempotencyKey`/);
});

test('the timeout of a request is its own', async () => {
  const server = await tcpServer(() => {});
  const error = await failureOf(client(server).withOptions({ timeout: 50 }).blocklist.getAsync('maria'));
  assert.strictEqual(error.name, 'APIError');
  assert.strictEqual(error.message, 'Request timeout after 0.05seconds.');
  assert.strictEqual(error.retryable, true);
  assert.strictEqual(error.attempts, 1);
});

test('a signal that is aborted ends the request on the wire: its socket closes and its turn is free', async () => {
  const { handler, next } = held();
  const server = await secureServer(handler);
  const layer = client(server, { maxSockets: 1, keepAlive: true });
  const controller = new AbortController();
  const first = layer.withOptions({ signal: controller.signal }).blocklist.getAsync('a');
  const socket = (await next()).socket;
  const second = layer.blocklist.getAsync('b');
  // A reset, which is how Node closes it, is a close.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const reason = new Error('not needed any more');
  controller.abort(reason);
  const error = await failureOf(first);
  assert.ok(error instanceof Error);
  assert.deepStrictEqual([error.name, error.code, error.cause], ['AbortError', 'ABORT_ERR', reason]);
  assert.deepStrictEqual([error.retryable, error.attempts], [false, 1]);
  await closed;
  (await next()).end('{}');
  assert.strictEqual((await second).status, 200);
});

test('a request that waits for its turn is given up, and those behind it are not', async () => {
  const { handler, next } = held();
  const server = await plainServer(handler);
  const layer = client(server, { maxSockets: 1 });
  const controller = new AbortController();
  const first = layer.blocklist.getAsync('a');
  const answer = await next();
  const second = failureOf(layer.withOptions({ signal: controller.signal }).blocklist.getAsync('b'));
  const third = layer.blocklist.getAsync('c');
  controller.abort();
  assert.strictEqual((await second).name, 'AbortError');
  answer.end('{}');
  assert.strictEqual((await first).status, 200);
  (await next()).end('{}');
  assert.strictEqual((await third).status, 200);
  assert.strictEqual(server.mostOpen, 1);
});

test('a signal that was aborted before sends nothing, and is told later', async () => {
  const server = await echo();
  const { blocklist, messages } = client(server).withOptions({ signal: AbortSignal.abort('over') });
  let isReturned = false;
  const error = await new Promise((resolve) => {
    blocklist.get('maria', (given) => {
      assert.ok(isReturned);
      resolve(given);
    });
    isReturned = true;
  });
  assert.deepStrictEqual([error.name, error.code, error.cause, error.attempts], ['AbortError', 'ABORT_ERR', 'over', 0]);
  // A wrong argument is told first, and a call without a callback is fine.
  assert.match((await failureOf(blocklist.getAsync(''))).message, /owner ID/);
  messages.send(CONVERSATION, MESSAGE);
  assert.strictEqual(server.opened, 0);
});

test('a request is aborted in the turn in which it is made, and never before its method has returned', async () => {
  const server = await echo();
  const layer = client(server);
  for (let round = 0; round < 50; round++) {
    const controller = new AbortController();
    const error = await new Promise((resolve, reject) => {
      let calls = 0;
      layer.withOptions({ signal: controller.signal }).blocklist.get('maria', (given) => {
        calls += 1;
        if (calls > 1) reject(new Error('called back twice'));
        setImmediate(() => setImmediate(resolve, given));
      });
      controller.abort();
      assert.strictEqual(calls, 0);
    });
    assert.strictEqual(error.name, 'AbortError');
  }
});

test('after its reply a signal has no part in a request', async () => {
  const layer = client(await echo());
  const controller = new AbortController();
  const { status } = await layer.withOptions({ signal: controller.signal }).blocklist.getAsync('maria');
  controller.abort();
  assert.strictEqual(status, 200);
  // Tickets are given out again: nobody else is hit.
  assert.strictEqual((await layer.blocklist.getAsync('maria')).status, 200);
});

/** A signal as packages had it before Node.js did. */
function foreignSignal() {
  const listeners = new Set();
  const signal = {
    aborted: false,
    most: 0,
    listeners,
    addEventListener(_type, listener) {
      listeners.add(listener);
      signal.most = Math.max(signal.most, listeners.size);
    },
    removeEventListener: (_type, listener) => listeners.delete(listener),
    abort() {
      signal.aborted = true;
      for (const listener of [...listeners]) listener();
    },
  };
  return signal;
}

test('a signal needs only to have the shape of one, and 100,000 requests leave no listener behind', async () => {
  const server = await tcpServer((socket) => eachRequest(socket, () => socket.write(OK)));
  const signal = foreignSignal();
  const { blocklist } = client(server, { keepAlive: true, maxSockets: 8 }).withOptions({ signal });
  for (let round = 0; round < 100; round++) {
    await Promise.all(Array.from({ length: 1000 }, () => blocklist.getAsync('maria')));
    assert.strictEqual(signal.listeners.size, 0);
  }
  assert.strictEqual(signal.most, 1);

  const silent = await tcpServer(() => {});
  const pending = failureOf(client(silent).withOptions({ signal }).blocklist.getAsync('maria'));
  await until(() => silent.opened === 1, 'the request is on its way');
  signal.abort();
  const error = await pending;
  assert.deepStrictEqual([error.name, 'cause' in error], ['AbortError', false]);
});

test('a reply has headers, request id and attempts beside its keys', async () => {
  const server = await plainServer((_request, response) => {
    response.setHeader('X-Request-Id', 'r-1');
    response.setHeader('X-Twice', ['a', 'b']);
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.setHeader('X-Colon', 'a: b');
    response.end('{}');
  });
  const response = await client(server).blocklist.getAsync('maria');
  assert.deepStrictEqual(response, { status: 200, body: {} });
  assert.deepStrictEqual(Object.keys(response), ['status', 'body']);
  assert.strictEqual(JSON.stringify(response), '{"status":200,"body":{}}');
  assert.strictEqual(inspect(response), '{ status: 200, body: {} }');
  assert.deepStrictEqual({ ...response }, { status: 200, body: {} });
  const { headers, requestId, attempts } = response;
  assert.deepStrictEqual([requestId, attempts], ['r-1', 1]);
  assert.deepStrictEqual(headers['set-cookie'], ['a=1', 'b=2']);
  assert.deepStrictEqual([headers['x-twice'], headers['x-colon']], ['a, b', 'a: b']);
  assert.strictEqual(headers['content-length'], '2');
});

test('replies keep their own heads, however many there are and however long they are', async () => {
  const server = await plainServer((request, response) => {
    const user = request.url.split('/')[4];
    response.setHeader('X-Request-Id', user);
    response.setHeader('X-Long', user.repeat(Number(user.slice(1)) % 400));
    response.end('{}');
  });
  const layer = client(server, { keepAlive: true, maxSockets: 20 });
  const users = Array.from({ length: 3000 }, (_, index) => `u${index}`);
  const responses = await Promise.all(users.map((user) => layer.blocklist.getAsync(user)));
  responses.forEach((response, index) => {
    assert.strictEqual(response.requestId, users[index]);
    assert.strictEqual(response.headers['x-long'], users[index].repeat(index % 400));
  });
});

test('an error says what happened, and has the rest beside its keys', async () => {
  const server = await plainServer((request, response) => {
    const user = request.url.split('/')[4];
    response.statusCode = user === 'busy' ? 503 : 404;
    response.setHeader('X-Request-Id', 'r-2');
    if (user === 'busy') response.setHeader('Retry-After', '120');
    response.end(user === 'text' ? 'gone' : '{"id":"not_found","message":"There is no such user"}');
  });
  const { blocklist } = client(server);
  const error = await failureOf(blocklist.getAsync('maria'));
  assert.strictEqual(error.message, '404 not_found: There is no such user');
  assert.deepStrictEqual(Object.keys(error), ['name', 'status', 'body']);
  const { id, requestId, retryable, attempts, retryAfter } = error;
  assert.deepStrictEqual([id, requestId, retryable, attempts, retryAfter], ['not_found', 'r-2', false, 1, undefined]);
  assert.strictEqual(error.headers['x-request-id'], 'r-2');
  assert.strictEqual((await failureOf(blocklist.getAsync('text'))).message, '404');
  const busy = await failureOf(blocklist.getAsync('busy'));
  assert.deepStrictEqual([busy.retryable, busy.retryAfter], [true, 120]);
});

test('errors that services make themselves have the same beside their keys', () => {
  const error = new LayerAPI.ResponseError(503, { id: 'service_unavailable' });
  const { id, headers, requestId, retryable, attempts } = error;
  assert.deepStrictEqual(
    [error.message, id, headers, requestId, retryable, attempts],
    ['503 service_unavailable', 'service_unavailable', {}, undefined, true, 1],
  );
  assert.doesNotThrow(() => inspect(LayerAPI.ResponseError.prototype, { getters: true, showHidden: true }));
});

test('instanceof holds for the errors of another copy of the package, and tells classes apart', () => {
  const key = require.resolve('../../lib/errors.js');
  const kept = require.cache[key];
  delete require.cache[key];
  const copy = require(key);
  require.cache[key] = kept;
  class Own extends LayerAPI.ResponseError {}
  const [here, there] = [new LayerAPI.ResponseError(404, 'x'), new copy.ResponseError(404, 'x')];
  assert.notStrictEqual(copy.ResponseError, LayerAPI.ResponseError);
  assert.ok(there instanceof LayerAPI.ResponseError && here instanceof copy.ResponseError);
  assert.ok(new copy.APIError('x') instanceof LayerAPI.APIError);
  assert.ok(!(here instanceof LayerAPI.APIError) && !(here instanceof Own) && !(there instanceof Own));
  assert.ok(new Own(404, 'x') instanceof LayerAPI.ResponseError && new Own(404, 'x') instanceof Own);
  for (const other of [undefined, null, 'x', {}, new Error('x')]) {
    assert.ok(!(other instanceof LayerAPI.ResponseError) && !(other instanceof LayerAPI.APIError));
  }
});
