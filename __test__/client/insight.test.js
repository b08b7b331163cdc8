'use strict';

/** What subscribers of `diagnostics_channel` see of requests. */

const assert = require('node:assert');
const { AsyncLocalStorage } = require('node:async_hooks');
const diagnostics = require('node:diagnostics_channel');
const { afterEach, test } = require('node:test');
const { inspect } = require('node:util');
const {
  CONVERSATION,
  TOKEN,
  client,
  closeAll,
  freePort,
  held,
  plainServer,
  program,
  run,
  secureServer,
  sleep,
  tcpServer,
} = require('./support.js');

const NAMES = ['create', 'headers', 'retry', 'error'];
const subscriptions = [];

afterEach(async () => {
  for (const unsubscribe of subscriptions.splice(0)) unsubscribe();
  await closeAll();
});

/** All messages from now on, each with its name. */
function listen(onMessage = () => {}) {
  const messages = [];
  for (const name of NAMES) {
    const channel = `layer-api:request:${name}`;
    const subscriber = (message) => {
      messages.push({ name, ...message });
      onMessage(name, message);
    };
    diagnostics.subscribe(channel, subscriber);
    subscriptions.push(() => diagnostics.unsubscribe(channel, subscriber));
  }
  return messages;
}

const BODY = { sender: { name: 'secret body' }, parts: [{ body: 'secret body', mime_type: 'text/plain' }] };

test('each attempt begins, and ends with a reply or an error; one object stands for it in all its messages', async () => {
  const steps = [503, 'cut', 201];
  const server = await plainServer((request, response) => {
    request.resume();
    const step = steps.shift();
    if (step === 'cut') return request.socket.destroy();
    response.writeHead(step, { 'X-Request-Id': `r-${step}` });
    response.end('{}');
  });
  const messages = listen();
  const layer = client(server, { keepAlive: true }, { maxRetries: 5 });
  await layer.messages.sendAsync(CONVERSATION, BODY);
  assert.deepStrictEqual(
    messages.map(({ name, request }) => `${name} ${request.attempt}`),
    ['create 1', 'headers 1', 'retry 1', 'create 2', 'error 2', 'retry 2', 'create 3', 'headers 3'],
  );
  const [first, headers, retry, second, error, , , last] = messages;
  assert.deepStrictEqual(first.request, {
    name: 'messages.send',
    method: 'POST',
    path: '/apps/{app}/conversations/{0}/messages',
    attempt: 1,
  });
  assert.ok(headers.request === first.request && retry.request === first.request && second.request !== first.request);
  assert.deepStrictEqual(headers.response, { status: 503, requestId: 'r-503' });
  assert.ok(retry.delay >= 0 && retry.delay <= 500);
  assert.strictEqual(error.error.code, 'ECONNRESET');
  assert.deepStrictEqual(last.response, { status: 201, requestId: 'r-201' });
  for (const text of [inspect(messages, { depth: null, showHidden: true }), JSON.stringify(messages)]) {
    assert.ok(!text.includes(TOKEN) && !text.includes('secret body') && !text.includes(CONVERSATION), text);
  }
});

for (const [scheme, start, opening] of [
  ['https', secureServer, ['dns', 'connect', 'tls']],
  ['http', plainServer, ['dns', 'connect']],
]) {
  test(`timings say what an attempt took, in milliseconds, and whether the connection was there (${scheme})`, async () => {
    const messages = listen();
    const server = await start();
    const layer = client({ ...server, url: server.url.replace('127.0.0.1', 'localhost') }, { keepAlive: true });
    await layer.blocklist.getAsync('maria');
    await layer.blocklist.getAsync('maria');
    const [fresh, reused] = messages.filter(({ name }) => name === 'headers').map(({ timings }) => timings);
    assert.deepStrictEqual(Object.keys(fresh), ['queued', ...opening, 'firstByte', 'total', 'reused']);
    assert.deepStrictEqual(Object.keys(reused), ['queued', 'firstByte', 'total', 'reused']);
    assert.deepStrictEqual([fresh.reused, reused.reused], [false, true]);
    let sum = 0;
    for (const part of ['queued', ...opening, 'firstByte']) {
      assert.ok(fresh[part] >= 0, part);
      sum += fresh[part];
    }
    assert.ok(sum <= fresh.total, inspect(fresh));
  });
}

test('an attempt that waits for its turn tells how long, and one without a reply what there is to tell', async () => {
  const messages = listen();
  const { handler, next } = held();
  const server = await plainServer(handler);
  const layer = client(server, { keepAlive: true, maxSockets: 1 });
  const first = layer.blocklist.getAsync('maria');
  const answer = await next();
  const second = layer.blocklist.getAsync('jon');
  // What is answered now was begun after it.
  await client(await plainServer()).blocklist.getAsync('lena');
  const start = performance.now();
  await sleep(30);
  const waited = performance.now() - start;
  answer.end('{}');
  (await next()).end('{}');
  await Promise.all([first, second]);
  const { timings } = messages.filter(({ name }) => name === 'headers').at(-1);
  assert.ok(timings.queued >= Math.floor(waited), inspect(timings));
  assert.strictEqual(timings.reused, true);

  const refusing = { url: `http://127.0.0.1:${await freePort()}` };
  const error = await client(refusing)
    .blocklist.getAsync('maria')
    .catch((failure) => failure);
  const failed = messages.at(-1);
  assert.deepStrictEqual([failed.error, error.code], [error, 'ECONNREFUSED']);
  assert.deepStrictEqual([failed.name, Object.keys(failed.timings)], ['error', ['queued', 'total', 'reused']]);
  assert.strictEqual(failed.timings.reused, false);
});

test('any status is a reply; a timeout, a signal and an unreadable reply are errors', async () => {
  const messages = listen();
  const server = await plainServer((request, response) => {
    const user = request.url.split('/')[4];
    if (user === 'never') return;
    response.statusCode = 404;
    response.end('{}');
  });
  const { blocklist } = client(server);
  await blocklist.getAsync('maria').catch(() => {});
  assert.deepStrictEqual([messages[1].name, messages[1].response.status], ['headers', 404]);
  await client(server)
    .withOptions({ timeout: 30 })
    .blocklist.getAsync('never')
    .catch(() => {});
  assert.strictEqual(messages.at(-1).error.message, 'Request timeout after 0.03seconds.');
  const controller = new AbortController();
  const pending = client(server).withOptions({ signal: controller.signal }).blocklist.getAsync('never');
  controller.abort();
  await pending.catch(() => {});
  assert.deepStrictEqual([messages.at(-1).name, messages.at(-1).error.name], ['error', 'AbortError']);
  const garbage = await tcpServer((socket) => socket.on('data', () => socket.end('no HTTP\r\n\r\n')));
  await client(garbage)
    .blocklist.getAsync('x')
    .catch(() => {});
  assert.deepStrictEqual([messages.at(-1).name, messages.at(-1).error.code], ['error', 'HPE_INVALID_CONSTANT']);
});

test('what a function of the caller throws is the error of the call, and of the message', async () => {
  const messages = listen();
  const thrown = new Error('no such name');
  const lookup = (_host, _options, callback) => callback(thrown);
  const layer = client({ url: 'https://service.invalid' }, { lookup });
  await assert.rejects(layer.blocklist.getAsync('maria'), thrown);
  assert.strictEqual(messages.at(-1).error, thrown);
});

test('subscribers run in the context of the call, before its callback', async () => {
  const storage = new AsyncLocalStorage();
  const seen = [];
  listen((name) => seen.push([name, storage.getStore()]));
  const server = await plainServer();
  await storage.run('mine', () =>
    client(server)
      .blocklist.getAsync('maria')
      .then(() => seen.push(['callback'])),
  );
  assert.deepStrictEqual(seen, [['create', 'mine'], ['headers', 'mine'], ['callback']]);
});

test('the module of Node.js is loaded when a subscriber has loaded it, and not before', async () => {
  const server = await plainServer();
  const { stdout, stderr } = await run(program('insight/loaded.js'), { server });
  assert.strictEqual(stdout, 'false false 1\n', stderr);
});
