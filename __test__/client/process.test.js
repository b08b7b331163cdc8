'use strict';

/** The client in a process: what it keeps alive, how it ends, and in what context and order callbacks run. */

const assert = require('node:assert');
const { AsyncLocalStorage } = require('node:async_hooks');
const { afterEach, test } = require('node:test');
const { CONVERSATION, client, clientOf, closeAll, plainServer, run, secureServer, subjects } = require('./support.js');

afterEach(closeAll);

const RUNS = 30;
const DELAY = 300;

const START = `
  const LayerAPI = require('./');
  const config = () => ({ token: process.env.TOKEN, appId: process.env.APP_ID });
  const layer = new LayerAPI(config());`;

/** A server that answers `slow` late, `never` never, and everything else at once. */
const answering = () =>
  plainServer((request, response) => {
    if (request.url.includes('never')) return;
    setTimeout(() => response.end('{}'), request.url.includes('slow') ? DELAY : 0);
  });

const serverOf = { http: answering, https: () => secureServer() };

/** Runs a script `RUNS` times, two at a time, and expects the same end each time. */
async function runOften(source, options, expected) {
  const next = async () => {
    for (let index = 0; index < RUNS / 2; index++) {
      const { code, signal, stderr, hung } = await run(source, options);
      assert.deepStrictEqual({ code, signal, hung }, { hung: undefined, ...expected }, stderr);
    }
  };
  await Promise.all([next(), next()]);
}

for (const keepAlive of [true, false]) {
  test(`a script exits by itself after its callback, keepAlive: ${keepAlive}`, async () => {
    const source = `
      const LayerAPI = require('./');
      const layer = new LayerAPI({
        token: process.env.TOKEN, appId: process.env.APP_ID, agentOptions: { keepAlive: ${keepAlive} },
      });
      layer.blocklist.get('maria', (error, result) => console.log(error, result.status));`;
    const server = await answering();
    const start = Date.now();
    const { code, stdout, stderr } = await run(source, { server });
    assert.deepStrictEqual([code, stdout, stderr], [0, 'null 200\n', '']);
    assert.ok(Date.now() - start < 4000, 'something kept it alive');
  });
}

test('a script with the settings of the service itself exits after a failed call', async () => {
  const source = `${START}
    layer.blocklist.get('maria', (error) => console.log(error.code));`;
  const server = await answering();
  await closeAll();
  const { code, stdout } = await run(source, { server });
  assert.deepStrictEqual([code, stdout], [0, 'ECONNREFUSED\n']);
});

test('a process stays alive while a request is pending', async () => {
  const source = `${START}
    const start = Date.now();
    layer.blocklist.get('slow', (error, result) => console.log(result.status, Date.now() - start >= ${DELAY - 20}));`;
  const { code, stdout } = await run(source, { server: await answering() });
  assert.deepStrictEqual([code, stdout], [0, '200 true\n']);
});

test('a process stays alive for a request without a callback', async () => {
  let seen = 0;
  const server = await plainServer((_request, response) => {
    seen++;
    response.end('{}');
  });
  const source = `${START} layer.conversations.delete('${CONVERSATION}');`;
  assert.strictEqual((await run(source, { server })).code, 0);
  assert.strictEqual(seen, 1);
});

test('a process stays alive from request to request, started in callbacks, ticks, timers and after await', async () => {
  const source = `${START}
    layer.blocklist.get('slow', () => {
      process.nextTick(() => layer.blocklist.get('slow', async () => {
        await layer.blocklist.getAsync('maria');
        await new Promise((resolve) => setTimeout(resolve, 20));
        await layer.blocklist.getAsync('slow');
        console.log('end');
      }));
    });`;
  const { code, stdout } = await run(source, { server: await answering() });
  assert.deepStrictEqual([code, stdout], [0, 'end\n']);
});

test('top-level await of a request does not end the process early', async () => {
  const source = `
    import LayerAPI from 'layer-api';
    const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID });
    console.log((await layer.blocklist.getAsync('slow')).status);`;
  const { code, stdout } = await run(source, { server: await answering(), args: ['--input-type=module'] });
  assert.deepStrictEqual([code, stdout], [0, '200\n']);
});

test('constructing a client does not keep a process alive', async () => {
  const { code, stderr } = await run(`${START} for (let i = 0; i < 20; i++) new LayerAPI(config());`);
  assert.deepStrictEqual([code, stderr], [0, '']);
});

test('a refused argument does not keep a process alive', async () => {
  const source = `${START}
    layer.blocklist.get('', (error) => console.log(error.message));
    layer.messages.send('x', {}, (error) => console.log(error.message));
    try { new LayerAPI({ ...config(), token: 'a\\nb' }).blocklist.get('maria', () => {}); } catch (error) { console.log(error.code); }`;
  const { code, stdout } = await run(source);
  assert.strictEqual(code, 0);
  assert.match(stdout, /^Blocklist owner ID is required\nConversation ID is required\nERR_INVALID_CHAR\n$/);
});

const MANY = "for (let i = 0; i < 50; i++) layer.blocklist.get(i % 2 ? 'maria' : 'never', () => {});";

for (const scheme of ['http', 'https']) {
  const trust = scheme === 'https' ? ', agentOptions: { rejectUnauthorized: false }' : '';
  const start = START.replace('new LayerAPI(config())', `new LayerAPI({ ...config()${trust} })`);

  test(`process.exit with fifty requests in flight over ${scheme} crashes nothing`, async () => {
    const server = await serverOf[scheme]();
    const exits = ['process.exit(7);', 'setImmediate(() => process.exit(7));', 'setTimeout(() => process.exit(7), 5);'];
    for (const exit of exits) {
      await runOften(`${start} ${MANY} ${exit}`, { server }, { code: 7, signal: null });
    }
  });
}

test('process.exit inside a callback crashes nothing and runs no other callback', async () => {
  const source = `${START}
    let calls = 0;
    process.on('exit', () => { process.exitCode = 10 + calls; });
    for (let i = 0; i < 50; i++) layer.blocklist.get('maria', () => { calls++; process.exit(); });`;
  await runOften(source, { server: await answering() }, { code: 11, signal: null });
});

test('SIGTERM with fifty requests in flight ends the process with it, or as its handler says', async () => {
  const server = await answering();
  const source = `${START} ${MANY} setTimeout(() => console.log('ready'), 5);`;
  const options = { server, signal: 'SIGTERM', signalWhen: 'ready' };
  await runOften(source, options, { code: null, signal: 'SIGTERM' });
  await runOften(`process.on('SIGTERM', () => process.exit(3)); ${source}`, options, { code: 3, signal: null });
});

test('an uncaught exception with fifty requests in flight ends the process as any other', async () => {
  const source = `${START} ${MANY} setTimeout(() => { throw new Error('uncaught'); }, 5);`;
  await runOften(source, { server: await answering() }, { code: 1, signal: null });
});

for (const subject of ['./', 'layer-api-original']) {
  const name = subject === './' ? 'ours' : 'original';

  test(`an exception in a callback is uncaught as it is, and the other callbacks run (${name})`, async () => {
    const server = subject === './' ? await answering() : await secureServer();
    const source = `
      const LayerAPI = require('${subject}');
      const isOurs = ${subject === './'};
      const agentOptions = isOurs ? undefined : { host: '127.0.0.1', port: ${server.port}, rejectUnauthorized: false };
      const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID, agentOptions });
      const thrown = new Set();
      const caught = [];
      process.on('uncaughtException', (error) => caught.push(error));
      for (let i = 0; i < 50; i++) {
        layer.blocklist.get('maria', () => {
          const error = new RangeError('thrown ' + i);
          thrown.add(error);
          throw error;
        });
      }
      process.on('exit', () => console.log(thrown.size, caught.length, caught.every((error) => thrown.has(error))));`;
    const { code, stdout, stderr } = await run(source, { server });
    assert.deepStrictEqual([code, stdout], [0, '50 50 true\n'], stderr);
  });
}

test('an exception in a callback without a handler ends the process with its stack', async () => {
  const source = `${START}
    layer.blocklist.get('maria', function named() { throw new RangeError('thrown by the callback'); });`;
  const { code, signal, stderr } = await run(source, { server: await answering() });
  assert.deepStrictEqual([code, signal], [1, null]);
  assert.match(stderr, /RangeError: thrown by the callback\n +at .*named/);
});

test('an exception in a callback leaves the client usable', async () => {
  const source = `${START}
    process.on('uncaughtException', () => layer.blocklist.get('slow', (error, result) => console.log(result.status)));
    layer.blocklist.get('maria', () => { throw new Error(); });`;
  const { code, stdout } = await run(source, { server: await answering() });
  assert.deepStrictEqual([code, stdout], [0, '200\n']);
});

test('callbacks are never called before the method has returned, except for a wrong argument', async () => {
  const server = await plainServer();
  const refused = { url: server.url };
  const clients = [client(server), client(server, { keepAlive: true })];
  await closeAll();
  clients.push(client(refused));
  for (const layer of clients) {
    let isInside = true;
    const done = new Promise((resolve) => layer.blocklist.get('maria', () => resolve(isInside)));
    isInside = false;
    assert.strictEqual(await done, false);
  }
  let isInside = true;
  let wasInside;
  clients[0].blocklist.get('', () => {
    wasInside = isInside;
  });
  isInside = false;
  assert.strictEqual(wasInside, true);
});

test('the context of an AsyncLocalStorage is that of the call, in callbacks and after await', async () => {
  const server = await plainServer();
  const layer = client(server, { keepAlive: true, maxSockets: 4 });
  const storage = new AsyncLocalStorage();
  const seen = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      storage.run(index, async () => {
        const inCallback = await new Promise((resolve) => {
          layer.blocklist.get('maria', () => resolve(storage.getStore()));
        });
        await layer.blocklist.getAsync('maria');
        const afterAwait = storage.getStore();
        const failed = await layer.blocklist.getAsync('').catch(() => storage.getStore());
        return [inCallback, afterAwait, failed].every((store) => store === index);
      }),
    ),
  );
  assert.ok(seen.every(Boolean));
  assert.strictEqual(storage.getStore(), undefined);
});

for (const subject of Object.values(subjects)) {
  test(`ticks and microtasks of a callback run before the next callback (${subject.name})`, async () => {
    const waiting = [];
    const server = await secureServer((_request, response) => {
      waiting.push(response);
      // All replies leave in one go.
      if (waiting.length === 5) for (const one of waiting.splice(0)) one.end('{}');
    });
    const layer = clientOf(subject, server, { keepAlive: true });
    const events = [];
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 5 }, () => {
          return new Promise((resolve) => {
            layer.blocklist.get('maria', () => {
              events.push('callback');
              process.nextTick(() => events.push('tick'));
              Promise.resolve()
                .then(() => events.push('microtask'))
                .then(() => events.push('second microtask'));
              setImmediate(resolve);
            });
          });
        }),
      );
    }
    const expected = ['callback', 'tick', 'microtask', 'second microtask'];
    assert.deepStrictEqual(events, Array.from({ length: 50 }, () => expected).flat());
  });
}

const WORKER = `
  const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');`;

test('three workers and the main thread use clients at once', async () => {
  const source = `${WORKER}
    const LayerAPI = require('./');
    const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID, agentOptions: { keepAlive: true } });
    const work = () => Promise.all(Array.from({ length: 100 }, (_, i) => layer.blocklist.getAsync('u' + i)));
    if (isMainThread) {
      for (let i = 0; i < 3; i++) {
        const worker = new Worker(process.env.SOURCE, { eval: true });
        worker.on('message', (count) => console.log('worker', count));
        worker.on('exit', (code) => { console.log('exit', code); });
      }
      work().then((all) => console.log('main', all.length));
    } else work().then((all) => parentPort.postMessage(all.length));`;
  const { code, stdout, stderr } = await run(source, { server: await answering(), env: { SOURCE: source } });
  assert.strictEqual(code, 0, stderr);
  assert.deepStrictEqual(stdout.trim().split('\n').toSorted(), [
    ...['exit 0', 'exit 0', 'exit 0', 'main 100'],
    ...['worker 100', 'worker 100', 'worker 100'],
  ]);
});

test('a worker that only constructs a client ends by itself', async () => {
  const source = `${WORKER}
    const LayerAPI = require('./');
    new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID });
    if (isMainThread) new Worker(process.env.SOURCE, { eval: true }).on('exit', (code) => console.log('exit', code));`;
  const { code, stdout } = await run(source, { env: { SOURCE: source } });
  assert.deepStrictEqual([code, stdout], [0, 'exit 0\n']);
});

test('workers that are terminated in mid-flight crash nothing, and the main thread goes on', async () => {
  const source = `${WORKER}
    const LayerAPI = require('./');
    const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID });
    if (isMainThread) (async () => {
      for (let i = 0; i < ${RUNS}; i++) {
        const worker = new Worker(process.env.SOURCE, { eval: true });
        await new Promise((resolve) => worker.once('message', resolve));
        await new Promise((resolve) => setTimeout(resolve, i % 6));
        await worker.terminate();
        await layer.blocklist.getAsync('maria');
      }
      console.log('end');
    })();
    else {
      const again = (user) => layer.blocklist.get(user, () => again(user));
      for (let i = 0; i < 50; i++) again(i % 2 ? 'maria' : 'slow');
      parentPort.postMessage('ready');
    }`;
  for (let round = 0; round < 3; round++) {
    const outcome = await run(source, { server: await answering(), env: { SOURCE: source } });
    assert.deepStrictEqual([outcome.code, outcome.signal, outcome.stdout], [0, null, 'end\n'], outcome.stderr);
  }
});

test('the module can be loaded twice, and both copies work', async () => {
  const server = await answering();
  const source = `
    const load = () => {
      for (const file of Object.keys(require.cache)) delete require.cache[file];
      return require('./');
    };
    const config = { token: process.env.TOKEN, appId: process.env.APP_ID };
    const [One, Two] = [load(), load()];
    const clients = [new One(config), new Two(config), new One(config)];
    Promise.all(clients.flatMap((layer) => [layer.blocklist.getAsync('slow'), layer.blocklist.getAsync('maria')]))
      .then((all) => console.log(One !== Two, all.length));`;
  const { code, stdout, stderr } = await run(source, { server });
  assert.deepStrictEqual([code, stdout], [0, 'true 6\n'], stderr);
});

test('clients can be collected while their requests are in flight', async () => {
  const source = `
    const LayerAPI = require('./');
    const config = () => ({ token: process.env.TOKEN, appId: process.env.APP_ID, agentOptions: { keepAlive: true } });
    let calls = 0;
    for (let i = 0; i < 200; i++) new LayerAPI(config()).blocklist.get(i % 2 ? 'slow' : 'maria', () => { calls++; });
    const timer = setInterval(gc, 10);
    setTimeout(() => { clearInterval(timer); console.log(calls); }, 1500);`;
  const { code, stdout, stderr } = await run(source, { server: await answering(), args: ['--expose-gc'] });
  assert.deepStrictEqual([code, stdout], [0, '200\n'], stderr);
});

test('a rejection that nobody handles is an unhandled rejection', async () => {
  const source = `${START}
    process.on('unhandledRejection', (error, promise) => {
      console.log(error.message, promise instanceof Promise);
    });
    layer.blocklist.getAsync('').constructor === Promise && layer.blocklist.getAsync('');`;
  const { code, stdout } = await run(source);
  assert.strictEqual(code, 0);
  assert.deepStrictEqual(stdout.trim().split('\n'), Array(2).fill('Blocklist owner ID is required true'));
});

test("the stack of a rejection leads to the caller's line", async () => {
  const server = await plainServer((_request, response) => {
    response.statusCode = 404;
    response.end('{"id":"not_found"}');
  });
  const refused = client({ url: 'http://127.0.0.1:1' });
  const layer = client(server);
  const failing = {
    'an error of the service': () => layer.blocklist.getAsync('maria'),
    'an error of the network': () => refused.blocklist.getAsync('maria'),
    'a wrong argument': () => layer.blocklist.getAsync(''),
  };
  for (const [what, call] of Object.entries(failing)) {
    async function theCaller() {
      await call();
    }
    const error = await theCaller().catch((caught) => caught);
    assert.ok(error instanceof Error, what);
    assert.match(error.stack, /at async theCaller .*process\.test\.js/, what);
    assert.strictEqual(error.stack.split('\n')[0], String(error), what);
  }
});

test('a promise form never throws, whatever it is given', async () => {
  const layer = client(await plainServer());
  const unwritable = {};
  unwritable.self = unwritable;
  const thrower = {
    toJSON() {
      throw new RangeError('thrown by toJSON');
    },
  };
  const calls = [
    () => layer.conversations.createAsync(unwritable),
    () => layer.conversations.createAsync(thrower),
    () => layer.conversations.setMetadataPropertiesAsync(CONVERSATION, null),
    () => layer.identities.createAsync('maria'),
    () => layer.blocklist.getAsync(Symbol('user')),
  ];
  for (const [index, call] of calls.entries()) {
    const promise = call();
    assert.ok(promise instanceof Promise, String(index));
    await assert.rejects(promise, Error, String(index));
  }
});

test('thousands of requests leave no memory behind', async () => {
  const source = `
    const LayerAPI = require('./');
    const layer = new LayerAPI({
      token: process.env.TOKEN, appId: process.env.APP_ID, agentOptions: { keepAlive: true, maxSockets: 20 },
    });
    const round = () => Promise.all(Array.from({ length: 200 }, () => layer.blocklist.getAsync('maria')));
    (async () => {
      for (let i = 0; i < 20; i++) await round();
      gc();
      const before = process.memoryUsage();
      for (let i = 0; i < 20; i++) await round();
      gc();
      const after = process.memoryUsage();
      console.log(after.heapUsed - before.heapUsed < 3e6, after.rss - before.rss < 40e6);
    })();`;
  const { code, stdout, stderr } = await run(source, { server: await plainServer(), args: ['--expose-gc'] });
  assert.deepStrictEqual([code, stdout], [0, 'true true\n'], stderr);
});
