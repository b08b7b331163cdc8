'use strict';

/** `transport: 'node'`: who asks for it, which agents it takes, and what it does where a fake does not as Node does. */

const assert = require('node:assert');
const { AsyncLocalStorage } = require('node:async_hooks');
const { EventEmitter } = require('node:events');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const { afterEach, test } = require('node:test');
const {
  APP_ID,
  LayerAPI,
  TOKEN,
  certificate,
  closeAll,
  get,
  plainServer,
  run,
  secureServer,
  tcpServer,
  until,
  program,
} = require('./support.js');

const { request } = https;

afterEach(() => {
  https.request = request;
  delete process.env.LAYER_API_TRANSPORT;
  return closeAll();
});

const carried = (server, config) =>
  new LayerAPI({ token: TOKEN, appId: APP_ID, transport: 'node', baseUrl: server?.url, ...config });

/** Puts `answer(request, options)` in place of https.request; the fake knows what the original asked of a request. */
function fake(answer) {
  const seen = [];
  https.request = (options) => {
    const fakeRequest = new EventEmitter();
    Object.assign(fakeRequest, { setTimeout: () => {}, write: () => {}, end: () => {}, abort: () => {} });
    seen.push(options);
    answer(fakeRequest, options);
    return fakeRequest;
  };
  return seen;
}

/** A reply as simple as a fake can make it. */
function reply(fakeRequest, { statusCode = 200, headers = {}, chunks = ['{}'] } = {}) {
  const response = Object.assign(new EventEmitter(), { statusCode, headers, setEncoding: () => {} });
  setImmediate(() => {
    fakeRequest.emit('response', response);
    for (const chunk of chunks) response.emit('data', chunk);
    response.emit('end');
  });
}

test('a transport that does not exist is a TypeError that names the option or the variable', () => {
  for (const transport of ['http', 'Node', '', 0, true, {}]) {
    assert.throws(() => carried(undefined, { transport }), {
      name: 'TypeError',
      message: 'Constructor option `transport` needs to be `native` or `node`',
    });
  }
  process.env.LAYER_API_TRANSPORT = 'https';
  assert.throws(() => carried(undefined, { transport: undefined }), {
    name: 'TypeError',
    message: 'Environment variable `LAYER_API_TRANSPORT` needs to be `native` or `node`',
  });
  carried(undefined, { transport: 'native' });
});

test('the option comes before the variable, and an empty variable is none', async () => {
  const seen = fake((fakeRequest) => reply(fakeRequest));
  const server = await secureServer();
  const settings = { transport: undefined, agentOptions: { ca: certificate().ca } };
  await get(carried(server, settings));
  process.env.LAYER_API_TRANSPORT = '';
  await get(carried(server, settings));
  process.env.LAYER_API_TRANSPORT = 'node';
  await get(carried(server, { ...settings, transport: 'native' }));
  assert.strictEqual(seen.length, 0);
  await get(carried(server, settings));
  assert.strictEqual(seen.length, 1);
});

test('without it, no module is loaded for it, and none of Node', async () => {
  const server = await plainServer();
  const { stdout, stderr } = await run(program('transport/loaded.js'), { server });
  assert.strictEqual(stdout, '\n', stderr);
});

test('https.request gets what the original gave it', async () => {
  const bodies = [];
  const seen = fake((fakeRequest) => {
    fakeRequest.write = (body) => bodies.push(body);
    setImmediate(() => fakeRequest.emit('socket', new EventEmitter()));
    reply(fakeRequest, { statusCode: 201, chunks: ['{"id":', Buffer.from('"x"}')] });
  });
  const agent = new https.Agent();
  const layer = carried(undefined, { agent });
  const response = await layer.conversations.createDedupeAsync(APP_ID, { participants: ['maria'] });
  assert.deepStrictEqual(response, { status: 201, body: { id: 'x' } });
  await layer.blocklist.getAsync('maria');
  const headers = {
    Accept: 'application/vnd.layer+json; version=1.0',
    Authorization: `Bearer ${TOKEN}`,
    'Content-Type': 'application/json',
  };
  const common = { host: 'api.layer.com', port: 443, timeout: 10000, agent };
  assert.deepStrictEqual(seen, [
    {
      ...common,
      method: 'POST',
      path: `/apps/${APP_ID}/conversations`,
      headers: { ...headers, 'If-None-Match': APP_ID },
    },
    { ...common, method: 'GET', path: `/apps/${APP_ID}/users/maria/blocks`, headers },
  ]);
  assert.deepStrictEqual(Object.keys(seen[0].headers), [...Object.keys(headers), 'If-None-Match']);
  assert.deepStrictEqual(bodies, ['{"participants":["maria"]}']);
});

test('https.request is called in the async context of the call', async () => {
  const storage = new AsyncLocalStorage();
  const stores = [];
  fake((fakeRequest) => {
    stores.push(storage.getStore());
    reply(fakeRequest);
  });
  const layer = carried();
  await Promise.all(['one', 'other'].map((name) => storage.run(name, () => get(layer))));
  assert.deepStrictEqual(stores.sort(), ['one', 'other']);
});

test('what https.request throws or emits is the error of the call, the very same', async () => {
  const error = new Error('thrown');
  https.request = () => {
    throw error;
  };
  assert.strictEqual((await get(carried())).error, error);
  const emitted = Object.assign(new Error('emitted'), { code: 'ECONNREFUSED' });
  fake((fakeRequest) => setImmediate(() => fakeRequest.emit('error', emitted)));
  assert.strictEqual((await get(carried())).error, emitted);
});

test('a fake that never answers keeps no process alive, and one that answers late does', async () => {
  const silent = await run(program('transport/silent.js'));
  assert.deepStrictEqual([silent.stdout, silent.code], ['exit\n', 0], silent.stderr);
  const late = await run(program('transport/silent.js', 'late'));
  assert.deepStrictEqual([late.stdout, late.code], ['called back late\n', 0], late.stderr);
});

test('a timeout of the fake is that of the client, and ends the request', async () => {
  let ended = 0;
  fake((fakeRequest) => {
    fakeRequest.setTimeout = (milliseconds, callback) => {
      assert.strictEqual(milliseconds, 1234);
      setImmediate(callback);
    };
    fakeRequest.abort = () => {
      ended++;
      fakeRequest.emit('error', new Error('socket hang up'));
    };
  });
  const { error, calls } = await get(carried(undefined, { timeout: 1234 }));
  assert.ok(error instanceof LayerAPI.APIError);
  assert.strictEqual(error.message, 'Request timeout after 1.234seconds.');
  await until(() => ended === 1, 'the request has ended');
  assert.strictEqual(calls, 1);
});

test('an agent may be any: of http for a service without TLS, with a way to connect of its own, of others', async () => {
  const plain = await plainServer();
  const secure = await secureServer();
  let connections = 0;
  class Own extends http.Agent {
    createConnection(options, callback) {
      connections++;
      return net.connect({ ...options, host: '127.0.0.1' }, callback);
    }
  }
  class OwnSecure extends https.Agent {
    createConnection(options, callback) {
      connections++;
      return super.createConnection(options, callback);
    }
  }
  const descendant = new Own();
  const stranger = { addRequest: (...args) => descendant.addRequest(...args) };
  const { ca } = certificate();
  for (const [server, agent] of [
    [plain, new Own()],
    [plain, stranger],
    [secure, new OwnSecure({ ca })],
  ]) {
    connections = 0;
    assert.strictEqual((await get(carried(server, { agent }))).error, null);
    assert.strictEqual(connections, 1);
  }
});

test('an agent of https and agentOptions count for a service without TLS', async () => {
  const server = await plainServer();
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: 'of the service in production' });
  const layers = [carried(server, { agent }), carried(server, { agent })];
  for (const layer of layers) assert.strictEqual((await get(layer)).error, null);
  assert.strictEqual(server.opened, 1);
  const other = carried(server, { agentOptions: { keepAlive: true, maxSockets: 1 } });
  for (let index = 0; index < 2; index++) assert.strictEqual((await get(other)).error, null);
  assert.strictEqual(server.opened, 2);
});

test('what is no agent, an agent of http where there is TLS, and `proxy` are refused', () => {
  const refused = (config) => assert.throws(() => carried(undefined, config), config.error);
  const error = { message: 'Constructor option `agent` needs to be an instance of https.Agent' };
  refused({ agent: {}, error });
  refused({ agent: new http.Agent(), error });
  refused({
    agent: {},
    baseUrl: 'http://127.0.0.1:1',
    error: { message: 'Constructor option `agent` needs to be an instance of http.Agent or https.Agent' },
  });
  refused({ proxy: 'http://127.0.0.1:1', error: { name: 'TypeError', message: /^Constructor option `proxy` cannot/ } });
});

test('maxResponseBytes: a reply that is too large fails, and its connection is closed', async () => {
  const body = 'x'.repeat(2000);
  for (const [head, said] of [
    ['Content-Length: 2000\r\n\r\n', 'has 2000 bytes'],
    ['Transfer-Encoding: chunked\r\n\r\n7d0\r\n', 'goes on after that'],
  ]) {
    const server = await tcpServer((socket) => {
      socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${head}${body}`));
    });
    const { error } = await get(carried(server, { maxResponseBytes: 1000 }));
    assert.strictEqual(error.code, 'ERR_RESPONSE_TOO_LARGE');
    assert.ok(error.message.endsWith(said), error.message);
    await until(() => server.open.size === 0, 'the connection is closed');
  }
});

test('a status of 0 is an error and hangs nothing', async () => {
  fake((fakeRequest) => reply(fakeRequest, { statusCode: 0 }));
  assert.strictEqual((await get(carried())).error.code, 'HPE_INVALID_CONSTANT');
});

test('retries, heads of replies and signals are those of the usual transport', async () => {
  let count = 0;
  const broken = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
  fake((fakeRequest) => {
    count++;
    if (count === 1) setImmediate(() => fakeRequest.emit('error', broken));
    else if (count === 2) reply(fakeRequest, { statusCode: 503, headers: { 'retry-after': '0' } });
    else reply(fakeRequest, { headers: { 'X-Request-Id': 'one', 'Set-Cookie': ['a=1', 'b=2'] } });
  });
  const response = await carried(undefined, { maxRetries: 2 }).blocklist.getAsync('maria');
  assert.deepStrictEqual([response.status, response.attempts, response.requestId, count], [200, 3, 'one', 3]);

  let ended = 0;
  fake((fakeRequest) => {
    fakeRequest.abort = () => {
      ended++;
    };
  });
  const controller = new AbortController();
  // In place of a socket, which would keep the process alive.
  const alive = setInterval(() => {}, 1000);
  const aborted = carried().withOptions({ signal: controller.signal }).blocklist.getAsync('maria');
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(aborted, { name: 'AbortError', code: 'ABORT_ERR' });
  await until(() => ended === 1, 'the request has ended');
  clearInterval(alive);
});
