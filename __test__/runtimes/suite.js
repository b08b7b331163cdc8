'use strict';

/**
 * What has to hold on every runtime: an array of `{name, run}`. It is written for the oldest runtime, and without a
 * test runner, since there is none that runs on all of them; runner.js runs it. `LAYER_TEST_PACKAGE` names the package
 * under test, by default this one.
 */

const assert = require('assert');
const { spawn } = require('child_process');
const dns = require('dns');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const { Worker } = require('worker_threads');
const { forms, uses } = require('../support/methods.js');

const PACKAGE = process.env.LAYER_TEST_PACKAGE || path.join(__dirname, '..', '..');
const LayerAPI = require(PACKAGE);
const CHILD = path.join(__dirname, 'child.js');
const MODULE = path.join(__dirname, 'child.mjs');
/** How this runtime runs a file. */
const FLAGS = typeof Deno === 'undefined' ? [] : ['run', '--allow-all'];
/** Milliseconds after which a process that should have ended has not. Only one that hangs waits so long. */
const PATIENCE = 240000;
const CONVERSATION = 'f3cc7b32-3c92-11e4-baad-164230d1df67';
const APP_ID = 'e4fd3974-20fe-11e5-89c5-080725007e28';
/** Runs of what must never crash. */
const RUNS = 10;

const { ca, cert, key } = JSON.parse(fs.readFileSync(process.env.LAYER_TEST_CERTIFICATE, 'utf8'));

/** Starts a platform for the time of `use`, which gets a function that makes a client of it. */
async function withPlatform(options, use) {
  const platform = await LayerAPI.Platform.start(options);
  try {
    const app = await platform.createApp();
    const config = { appId: app.appId, token: app.token, baseUrl: platform.url };
    return await use((more) => new LayerAPI(Object.assign({}, config, more)), platform, config);
  } finally {
    await platform.close();
  }
}

/** Starts a TCP server for the time of `use`, which gets a client of it. */
async function withServer(onSocket, use) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  try {
    return await use((more) => new LayerAPI(Object.assign({ appId: APP_ID, token: 'token', baseUrl }, more)), baseUrl);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Answers every request; `/users/slow` after a while, `/users/never` never. */
function answer(socket) {
  let text = '';
  socket.on('data', (data) => {
    text += data.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const head = text.slice(0, end);
      text = text.slice(end + 4);
      if (head.includes('/never/')) continue;
      const reply = () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}');
      setTimeout(reply, head.includes('/slow/') ? 300 : 0);
    }
  });
}

/** The outcome of a call with a callback, a little later: `{calls, error, result}`. */
function outcomeOf(call) {
  return new Promise((resolve) => {
    const outcome = { calls: 0 };
    call((error, result) => {
      outcome.calls += 1;
      if (outcome.calls === 1) setTimeout(resolve, 50, Object.assign(outcome, { error, result }));
    });
  });
}

/** The error of a promise that must be rejected. */
async function rejection(promise) {
  let result;
  try {
    result = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`it was fulfilled: ${JSON.stringify(result)}`);
}

/** Runs a file on this runtime: `{code, signal, stdout, stderr}`. */
function run(file, args, env) {
  const child = spawn(process.execPath, FLAGS.concat(file, args), {
    env: Object.assign({}, process.env, { LAYER_TEST_PACKAGE: PACKAGE }, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      outcome[name] += text;
    });
  }
  const guard = setTimeout(() => {
    outcome.stderr += `(killed: it did not end within ${PATIENCE} ms)`;
    child.kill('SIGKILL');
  }, PATIENCE);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(guard);
      resolve(Object.assign(outcome, { code, signal }));
    });
  });
}

/** Runs a case of child.js against a server that answers, and expects this end of it. */
async function expectEnd(name, expected, times = 1) {
  await withServer(answer, async (_client, url) => {
    for (let round = 0; round < times; round += 1) {
      const outcome = await run(CHILD, [name], { LAYER_API_URL: url });
      const { code, signal } = outcome;
      assert.deepStrictEqual({ code, signal, stdout: outcome.stdout.trim() }, expected, outcome.stderr);
    }
  });
}

async function callAll(client, form) {
  const called = new Set();
  const send = forms[form](client({ agentOptions: { keepAlive: true } }));
  const call = (name, ...args) => {
    called.add(name);
    return send(name, ...args);
  };
  for (const use of Object.values(uses)) await use(call);
  assert.strictEqual(called.size, 30);
}

const suite = {};

suite['all 30 methods work in the callback form'] = () => withPlatform({}, (client) => callAll(client, 'callback'));

suite['all 30 methods work in the promise form'] = () => withPlatform({}, (client) => callAll(client, 'promise'));

suite['lists come page by page, while items are deleted'] = () =>
  withPlatform({}, async (client) => {
    const { conversations, messages } = client({ version: '3.0' });
    const { id } = (await conversations.createAsync({ participants: ['maria'] })).body;
    for (let count = 0; count < 5; count += 1) await messages.sendTextFromUserAsync(id, 'maria', `${count}`);
    const seen = [];
    for await (const message of messages.list(id, { pageSize: 2 })) {
      seen.push(message.parts[0].body);
      if (seen.length === 2) await messages.deleteAsync(id, message.id);
    }
    assert.deepStrictEqual(seen, ['4', '3', '2', '1', '0']);
    assert.strictEqual((await messages.list(id).toArray({ limit: 3 })).length, 3);
  });

suite['rich content goes up and down as streams'] = () =>
  withPlatform({}, async (client) => {
    const { content, conversations } = client();
    const { id } = (await conversations.createAsync({ participants: ['maria'] })).body;
    const length = 100000;
    async function* source() {
      for (let count = 0; count < 30; count += 1) yield Buffer.alloc(length, count);
    }
    const { body } = await content.uploadAsync(id, source(), { type: 'image/png', size: 30 * length });
    let place = 0;
    for await (const bytes of content.download(id, body.id)) {
      for (const byte of bytes) {
        assert.strictEqual(byte, Math.floor(place / length));
        place += 1;
      }
    }
    assert.strictEqual(place, 30 * length);
    const left = content.download(id, body.id);
    for await (const bytes of left) if (bytes.length > 0) break;
    assert.strictEqual(left.destroyed, true);
  });

suite['TLS: a server is trusted by its `ca`, and refused without it'] = () =>
  withPlatform({ cert, key }, async (client) => {
    const reply = await client({ agentOptions: { ca } }).blocklist.getAsync('maria');
    assert.deepStrictEqual(reply, { status: 200, body: [] });
    const error = await rejection(client().blocklist.getAsync('maria'));
    assert.strictEqual(error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    assert.strictEqual(
      (await client({ agentOptions: { rejectUnauthorized: false } }).blocklist.getAsync('maria')).status,
      200,
    );
  });

suite['TLS: an https.Agent is understood'] = () =>
  withPlatform({ cert, key }, async (client) => {
    const { Agent } = require('https');
    const layer = client({ agent: new Agent({ ca, keepAlive: true, maxSockets: 2 }) });
    const replies = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((user) => layer.blocklist.getAsync(user)));
    assert.deepStrictEqual(
      replies.map(({ status }) => status),
      [200, 200, 200, 200, 200],
    );
  });

suite['a silent server is given up after the timeout, with one callback'] = () =>
  withServer(
    () => {},
    async (client) => {
      const layer = client({ timeout: 150 });
      const { calls, error } = await outcomeOf((callback) => layer.blocklist.get('maria', callback));
      assert.ok(error instanceof LayerAPI.APIError && error instanceof Error);
      assert.deepStrictEqual([calls, error.message], [1, 'Request timeout after 0.15seconds.']);
      assert.ok((await rejection(layer.blocklist.getAsync('maria'))) instanceof LayerAPI.APIError);
    },
  );

suite['an error reply is a ResponseError with status and body'] = () =>
  withPlatform({}, async (client) => {
    const error = await rejection(client().conversations.getAsync(CONVERSATION));
    assert.ok(error instanceof LayerAPI.ResponseError && error instanceof Error);
    assert.deepStrictEqual([error.status, error.body.id], [404, 'not_found']);
    const { calls, error: called } = await outcomeOf((done) => client().conversations.get(CONVERSATION, done));
    assert.deepStrictEqual([calls, called.status, called.name], [1, 404, 'ResponseError']);
  });

suite['errors of the network have the codes of Node'] = async () => {
  await withServer(
    (socket) => socket.once('data', () => socket.end()),
    async (client) => {
      const error = await rejection(client().blocklist.getAsync('maria'));
      assert.deepStrictEqual([error.message, error.code], ['socket hang up', 'ECONNRESET']);
    },
  );
  const to = (baseUrl) => new LayerAPI({ appId: APP_ID, token: 'token', baseUrl }).blocklist.getAsync('maria');
  const { code, syscall, address, port, message } = await rejection(to('http://127.0.0.1:1'));
  assert.deepStrictEqual(
    { code, syscall, address, port, message },
    {
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '127.0.0.1',
      port: 1,
      message: 'connect ECONNREFUSED 127.0.0.1:1',
    },
  );
  // What a resolver says of a name may change from one moment to the next: only between two equal answers is it known.
  const lookUp = () => new Promise((resolve) => dns.lookup('layer-api.invalid', resolve));
  for (;;) {
    const { code: expected } = await lookUp();
    const unknown = await rejection(to('https://layer-api.invalid'));
    if ((await lookUp()).code !== expected) continue;
    assert.deepStrictEqual([unknown.code, unknown.hostname], [expected, 'layer-api.invalid']);
    break;
  }
};

suite['a wrong argument is reported at once, and by a rejection'] = () =>
  withServer(answer, async (client) => {
    const layer = client();
    let reported;
    layer.messages.send('x', {}, (error) => {
      reported = error;
    });
    assert.strictEqual(reported.message, 'Conversation ID is required');
    const error = await rejection(layer.conversations.createAsync(undefined));
    assert.strictEqual(error.message, 'Conversation body is required');
  });

suite['a thousand requests at once are all answered once'] = () =>
  withServer(answer, async (client) => {
    const layer = client({ agentOptions: { maxSockets: 50 } });
    let calls = 0;
    await new Promise((resolve, reject) => {
      for (let index = 0; index < 1000; index += 1) {
        layer.blocklist.get(`user${index}`, (error) => {
          if (error) reject(error);
          calls += 1;
          if (calls === 1000) setTimeout(resolve, 50);
        });
      }
    });
    assert.strictEqual(calls, 1000);
  });

suite['callbacks and promises keep the AsyncLocalStorage of their call'] = () =>
  withServer(answer, async (client) => {
    const { AsyncLocalStorage } = require('async_hooks');
    const storage = new AsyncLocalStorage();
    const layer = client();
    const seen = await Promise.all(
      [0, 1, 2, 3].map((index) =>
        storage.run(index, async () => {
          const inCallback = await new Promise((resolve) => {
            layer.blocklist.get('maria', () => resolve(storage.getStore()));
          });
          await layer.blocklist.getAsync('maria');
          return [inCallback, storage.getStore()];
        }),
      ),
    );
    assert.deepStrictEqual(
      seen,
      [0, 1, 2, 3].map((index) => [index, index]),
    );
  });

suite['a process ends by itself after its last callback'] = () =>
  expectEnd('ends', { code: 0, signal: null, stdout: 'null 200\nawaited 200' });

suite['a process stays for a request that is pending, and for those started in callbacks'] = () =>
  expectEnd('stays', { code: 0, signal: null, stdout: '200 200 200 200' });

suite['process.exit with requests in flight crashes nothing'] = async () => {
  for (const when of ['now', 'soon', 'later', 'callback']) {
    await expectEnd(`exits-${when}`, { code: 7, signal: null, stdout: '' }, RUNS);
  }
};

suite['an exception in a callback is uncaught as it is, and the other callbacks run'] = () =>
  expectEnd('throws', { code: 0, signal: null, stdout: '5 callbacks, 5 exceptions, the same: true' });

suite['an uncaught exception in a callback ends the process with its stack'] = () =>
  withServer(answer, async (_client, url) => {
    const { code, signal, stdout, stderr } = await run(CHILD, ['dies'], { LAYER_API_URL: url });
    assert.deepStrictEqual([code, signal, stdout], [1, null, ''], stderr);
    // A callback that was called with anything but the reply would have thrown another one.
    assert.ok(/thrown by the callback: null 200/.test(stderr) && /namedCallback/.test(stderr), stderr);
  });

suite['a rejection that nobody handles is an unhandled rejection'] = () =>
  expectEnd('rejects', { code: 0, signal: null, stdout: 'unhandled: connect ECONNREFUSED' });

suite['an exception in a callback reaches the domain of its call, as that of a timer does on this runtime'] = () =>
  withServer(answer, async (_client, url) => {
    const { code, stdout, stderr } = await run(CHILD, ['domain'], { LAYER_API_URL: url });
    assert.strictEqual(code, 0, stderr);
    const [timer, ours] = ['timer', 'ours'].map((name) => (new RegExp(`${name}: (.+)`).exec(stdout) || [])[1]);
    assert.ok(timer && ours === timer, stdout);
  });

suite["the stack of a rejection leads to the caller's function"] = async () => {
  const layer = new LayerAPI({ appId: APP_ID, token: 'token', baseUrl: 'http://127.0.0.1:9' });
  async function theCaller() {
    await layer.blocklist.getAsync('maria');
  }
  const error = await rejection(theCaller());
  assert.ok(/theCaller/.test(error.stack), error.stack);
};

suite['worker threads use clients at the same time as the main thread'] = () =>
  withServer(answer, async (client, url) => {
    const work = async (layer) => {
      const replies = await Promise.all(['a', 'b', 'c'].map((user) => layer.blocklist.getAsync(user)));
      return replies.map(({ status }) => status);
    };
    const workers = [1, 2, 3].map(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(CHILD, { argv: ['worker'], env: Object.assign({}, process.env, workerEnv(url)) });
          let answered;
          worker.on('message', (message) => {
            answered = message;
          });
          worker.on('error', reject);
          worker.on('exit', (code) => resolve([code, answered]));
        }),
    );
    const statuses = [200, 200, 200];
    assert.deepStrictEqual(await work(client()), statuses);
    assert.deepStrictEqual(await Promise.all(workers), [
      [0, statuses],
      [0, statuses],
      [0, statuses],
    ]);
  });

suite['workers that are terminated in mid-flight crash nothing'] = () =>
  withServer(answer, async (client, url) => {
    for (let round = 0; round < RUNS; round += 1) {
      const worker = new Worker(CHILD, { argv: ['busy'], env: Object.assign({}, process.env, workerEnv(url)) });
      await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      await worker.terminate();
      assert.strictEqual((await client().blocklist.getAsync('maria')).status, 200);
    }
  });

const workerEnv = (url) => ({ LAYER_TEST_PACKAGE: PACKAGE, LAYER_API_URL: url });

suite['an ES module imports the client by default and by name'] = () =>
  withServer(answer, async (_client, url) => {
    const main = fs.statSync(PACKAGE).isDirectory() ? path.join(PACKAGE, 'index.mjs') : PACKAGE;
    const env = { LAYER_API_URL: url, LAYER_TEST_MODULE: main };
    const { code, signal, stdout, stderr } = await run(MODULE, [], env);
    assert.deepStrictEqual([code, signal, stdout.trim()], [0, null, '200 true true'], stderr);
  });

suite['a platform keeps what it was told in its file, over HTTP and HTTPS'] = async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'layer-api-runtime-'));
  const data = path.join(folder, 'chat.db');
  try {
    let id;
    let app;
    await withPlatform({ data }, async (client, _platform, config) => {
      app = config;
      id = (await client().conversations.createAsync({ participants: ['maria'] })).body.id;
    });
    await withPlatform({ data, cert, key }, async (_client, platform) => {
      const layer = new LayerAPI(Object.assign({}, app, { baseUrl: platform.url, agentOptions: { ca } }));
      assert.deepStrictEqual((await layer.conversations.getAsync(id)).body.participants, ['maria']);
    });
  } finally {
    for (const name of fs.readdirSync(folder)) fs.unlinkSync(path.join(folder, name));
    fs.rmdirSync(folder);
  }
};

suite['the tools for tests of a platform work'] = () =>
  withPlatform({}, async (client, platform) => {
    await platform.clock.freeze('2016-05-04T08:00:00Z');
    const { body } = await client().conversations.createAsync({ participants: ['maria'] });
    assert.strictEqual(new Date(body.created_at).getTime(), Date.UTC(2016, 4, 4, 8));
    const recorded = await platform.requests();
    assert.deepStrictEqual([recorded.length, recorded[0].body], [1, { participants: ['maria'] }]);
    const snapshot = await platform.snapshot();
    await client().conversations.deleteAsync(body.id);
    await platform.restore(snapshot);
    assert.strictEqual((await client().conversations.getAsync(body.id)).status, 200);
  });

suite['a process stays for a platform that runs, and ends once it is closed'] = async () => {
  const { code, signal, stdout, stderr } = await run(CHILD, ['platform']);
  assert.deepStrictEqual([code, signal, stdout.trim()], [0, null, 'closed after 300 ms: true'], stderr);
};

suite['npx layer-api says how it is used'] = async () => {
  const { code, signal, stdout, stderr } = await run(path.join(PACKAGE, 'bin', 'layer-api.js'), ['platform', '--help']);
  assert.deepStrictEqual([code, signal], [0, null], stderr);
  assert.ok(/--create-app/.test(stdout), stdout);
};

module.exports = Object.keys(suite).map((name) => ({ name, run: suite[name] }));
