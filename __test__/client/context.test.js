'use strict';

/** In what context callbacks run, in what order, and what becomes of exceptions in them. */

const assert = require('node:assert');
const { AsyncLocalStorage } = require('node:async_hooks');
const { afterEach, test } = require('node:test');
const {
  APP_ID,
  ROOT,
  client,
  clientOf,
  closeAll,
  get,
  plainServer,
  run,
  runWith,
  secureServer,
  subjects,
} = require('./support.js');

afterEach(closeAll);

/** A server that answers `count` requests in one go, again and again. */
function answeringTogether(count) {
  const waiting = [];
  return secureServer((_request, response) => {
    waiting.push(response);
    if (waiting.length === count) for (const one of waiting.splice(0)) one.end('{}');
  });
}

/** Runs a script and returns what it printed, as JSON, line by line. */
async function linesOf(subject, source, server) {
  const { code, signal, stdout, stderr } = await runWith(subject, server ?? (await secureServer()), source);
  assert.deepStrictEqual([code, signal], [0, null], stderr);
  return stdout.trim().split('\n').map(JSON.parse);
}

const PRINT = 'const print = (...values) => console.log(JSON.stringify(values));';

for (const subject of Object.values(subjects)) {
  test(`callbacks are never called before the method has returned (${subject.name})`, async () => {
    const server = await secureServer();
    const clients = [clientOf(subject, server), clientOf(subject, server, { keepAlive: true })];
    const calls = ['maria', 'jon'].flatMap((user) => clients.map((layer) => [layer, user]));
    const check = async (layer, user) => {
      let isInside = true;
      const done = new Promise((resolve) => layer.blocklist.get(user, () => resolve(isInside)));
      isInside = false;
      assert.strictEqual(await done, false);
    };
    for (const [layer, user] of calls) await check(layer, user);
    await closeAll();
    for (const [layer, user] of calls) await check(layer, user);
  });

  test(`a wrong argument calls back before the method has returned (${subject.name})`, async () => {
    const layer = clientOf(subject, await secureServer());
    let calls = 0;
    layer.blocklist.get('', () => calls++);
    assert.strictEqual(calls, 1);
  });

  test(`ticks and microtasks of a callback run before the next callback (${subject.name})`, async () => {
    const layer = clientOf(subject, await answeringTogether(5), { keepAlive: true });
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

  test(`a callback that starts a request gets its outcome after all ticks and microtasks (${subject.name})`, async () => {
    const layer = clientOf(subject, await secureServer(), { keepAlive: true });
    const events = [];
    await new Promise((resolve) => {
      layer.blocklist.get('maria', () => {
        layer.blocklist.get('jon', () => resolve(events.push('second callback')));
        events.push('first callback');
        process.nextTick(() => {
          events.push('tick');
          Promise.resolve().then(() => events.push('microtask of a tick'));
        });
        queueMicrotask(() => events.push('microtask'));
      });
    });
    assert.deepStrictEqual(events, ['first callback', 'tick', 'microtask', 'microtask of a tick', 'second callback']);
  });

  test(`the context of an AsyncLocalStorage is that of the call, in callbacks (${subject.name})`, async () => {
    const layer = clientOf(subject, await secureServer(), { keepAlive: true, maxSockets: 4 });
    const storage = new AsyncLocalStorage();
    const seen = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        storage.run(index, async () => {
          const store = await new Promise((resolve) => layer.blocklist.get('maria', () => resolve(storage.getStore())));
          return store === index;
        }),
      ),
    );
    assert.deepStrictEqual(seen, Array(40).fill(true));
    assert.strictEqual(storage.getStore(), undefined);
  });

  test(`an exception in a callback goes to the domain of its call (${subject.name})`, async () => {
    const source = `${PRINT}
      const domain = require('domain').create();
      const isInside = () => process.domain === domain;
      domain.on('error', (error) => print('domain', error.message, error.domain === domain, error.domainThrown));
      process.on('uncaughtException', (error) => print('uncaught', error.message));
      const callAll = (where) => new Promise((resolve) => {
        layer.blocklist.get('alone', () => {
          setImmediate(() => {
            let left = 3;
            for (let i = 0; i < 3; i++) {
              layer.blocklist.get('maria', () => {
                setImmediate(() => { if (--left === 0) resolve(); });
                throw new Error(where + ' ' + isInside());
              });
            }
          });
          throw new Error(where + ' alone ' + isInside());
        });
      });
      domain.run(() => callAll('inside')).then(() => callAll('outside'));`;
    assert.deepStrictEqual(await linesOf(subject, source), [
      ['domain', 'inside alone true', true, true],
      ...Array(3).fill(['domain', 'inside true', true, true]),
      ['uncaught', 'outside alone false'],
      ...Array(3).fill(['uncaught', 'outside false']),
    ]);
  });

  test(`timers and ticks of a callback are of the domain of its call (${subject.name})`, async () => {
    const source = `${PRINT}
      const domain = require('domain').create();
      domain.on('error', (error) => print(error.message));
      domain.run(() => {
        layer.blocklist.get('maria', () => {
          process.nextTick(() => { throw new Error('tick'); });
          setTimeout(() => { throw new Error('timer'); }, 5);
        });
      });`;
    assert.deepStrictEqual(await linesOf(subject, source), [['tick'], ['timer']]);
  });

  test(`async_hooks: the triggers of a callback lead to the call (${subject.name})`, async () => {
    const source = `${PRINT}
      const { AsyncResource, createHook, executionAsyncId } = require('async_hooks');
      const triggers = new Map();
      createHook({ init: (id, type, trigger) => triggers.set(id, trigger) }).enable();
      const caller = new AsyncResource('CALLER');
      const leadsToCaller = () => {
        let id = executionAsyncId();
        while (id && id !== caller.asyncId()) id = triggers.get(id);
        return id === caller.asyncId();
      };
      const call = (user) => layer.blocklist.get(user, () => print(leadsToCaller()));
      caller.runInAsyncScope(() => call('alone'));
      caller.runInAsyncScope(() => { for (const user of ['maria', 'jon']) call(user); });`;
    assert.deepStrictEqual(await linesOf(subject, source), [[true], [true], [true]]);
  });

  test(`an exception in a callback is uncaught as it is, and the other callbacks run (${subject.name})`, async () => {
    const source = `${PRINT}
      const thrown = new Set();
      const caught = [];
      process.on('uncaughtException', (error, origin) => { caught.push(error); print(origin); });
      const fail = (value) => { thrown.add(value); throw value; };
      layer.blocklist.get('alone', () => {
        setImmediate(() => { for (let i = 0; i < 5; i++) layer.blocklist.get('maria', () => fail(new RangeError(i))); });
        fail(new TypeError('alone'));
      });
      process.on('exit', () => print(thrown.size, caught.length, caught.every((error) => thrown.has(error))));`;
    const server = await secureServer();
    const expected = [...Array(6).fill(['uncaughtException']), [6, 6, true]];
    assert.deepStrictEqual(await linesOf(subject, source, server), expected);
  });

  test(`a callback may throw anything (${subject.name})`, async () => {
    const source = `${PRINT}
      const values = [undefined, null, 0, '', 'text', { a: 1 }, Object.create(null)];
      process.on('uncaughtException', (value) => print(value === values[0], typeof value, values.shift() === undefined));
      const next = () => {
        if (values.length > 0) layer.blocklist.get('maria', () => { setImmediate(next); throw values[0]; });
      };
      next();`;
    const types = ['undefined', 'object', 'number', 'string', 'string', 'object', 'object'];
    assert.deepStrictEqual(
      await linesOf(subject, source),
      types.map((type, index) => [true, type, index === 0]),
    );
  });

  test(`an exception without a handler ends the process with the caller's line and stack (${subject.name})`, async () => {
    const source = `
      layer.blocklist.get('maria', function named() {
        throw new RangeError('thrown by the callback'); // the line
      });`;
    const { code, signal, stderr } = await runWith(subject, await secureServer(), source);
    assert.deepStrictEqual([code, signal], [1, null]);
    assert.match(stderr, /throw new RangeError\('thrown by the callback'\); \/\/ the line\n +\^/);
    assert.match(stderr, /RangeError: thrown by the callback\n +at .*named/);
  });

  test(`an exception in a callback leaves the client usable (${subject.name})`, async () => {
    const source = `${PRINT}
      process.on('uncaughtException', () => layer.blocklist.get('jon', (error, result) => print(error, result.status)));
      layer.blocklist.get('maria', () => { throw new Error(); });`;
    assert.deepStrictEqual(await linesOf(subject, source), [[null, 200]]);
  });
}

test('the context of an AsyncLocalStorage is that of the call after await, also of a failure', async () => {
  const layer = client(await plainServer(), { keepAlive: true, maxSockets: 4 });
  const storage = new AsyncLocalStorage();
  const seen = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      storage.run(index, async () => {
        await layer.blocklist.getAsync('maria');
        const afterAwait = storage.getStore();
        const inThen = await layer.blocklist.getAsync('maria').then(() => storage.getStore());
        const afterFailure = await layer.blocklist.getAsync('').catch(() => storage.getStore());
        return [afterAwait, inThen, afterFailure].every((store) => store === index);
      }),
    ),
  );
  assert.deepStrictEqual(seen, Array(40).fill(true));
  assert.strictEqual(storage.getStore(), undefined);
});

test('what an AsyncLocalStorage holds where the first client is made is not kept', async () => {
  const { port } = await plainServer();
  const source = `${PRINT}
    const LayerAPI = require(${JSON.stringify(ROOT)});
    require('v8').setFlagsFromString('--expose-gc');
    const gc = require('vm').runInNewContext('gc');
    const { AsyncLocalStorage } = require('async_hooks');
    const storage = new AsyncLocalStorage();
    // A function of the caller opens its own channel, through which it is asked.
    const agentOptions = { lookup: (host, options, done) => require('dns').lookup(host, options, done) };
    const config = { token: 't', appId: '${APP_ID}', baseUrl: 'http://localhost:${port}', agentOptions };
    let held;
    let layer;
    new Promise((resolve) => {
      const store = {};
      held = new WeakRef(store);
      storage.run(store, () => {
        layer = new LayerAPI(config);
        layer.blocklist.get('maria', resolve);
      });
    }).then(async (error) => {
      for (const deadline = Date.now() + 60_000; held.deref() && Date.now() < deadline; ) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        gc();
      }
      layer.blocklist.get('jon', (other) => print(error, other, held.deref() === undefined));
    });`;
  const { stdout, stderr } = await run(source);
  assert.deepStrictEqual(stdout, `${JSON.stringify([null, null, true])}\n`, stderr);
});

test('async_hooks: each request is one resource with init, before, after and destroy', async () => {
  const source = `${PRINT}
    const { createHook, executionAsyncId } = require('async_hooks');
    const events = new Map();
    const push = (id, event) => { if (events.has(id)) events.get(id).push(event); };
    const hook = createHook({
      init(id, type, trigger) { if (type === 'LAYERREQUEST') events.set(id, ['init', trigger === executionAsyncId()]); },
      before(id) { push(id, 'before'); },
      after(id) { push(id, 'after'); },
      destroy(id) { push(id, 'destroy'); },
    }).enable();
    const done = () => push(executionAsyncId(), 'callback');
    layer.blocklist.get('alone', () => {
      done();
      for (let i = 0; i < 3; i++) layer.blocklist.get('maria', done);
      layer.blocklist.get('', () => {});
      try { new LayerAPI({ ...config, token: 'a\\nb' }).blocklist.get('jon', done); } catch (error) { print(error.code); }
    });
    process.on('exit', () => { hook.disable(); for (const list of events.values()) print(...list); });`;
  const whole = ['init', true, 'before', 'callback', 'after', 'destroy'];
  // Two that were refused: nothing was sent.
  const refused = ['init', true, 'destroy'];
  const lines = await linesOf(subjects.ours, source);
  assert.deepStrictEqual(lines, [['ERR_INVALID_CHAR'], whole, whole, whole, whole, refused, refused]);
});

test('replies are called back in the order in which they came', async () => {
  const layer = client(await plainServer(), { keepAlive: true, maxSockets: 1 });
  const order = [];
  const users = Array.from({ length: 300 }, (_, index) => `u${index}`);
  await Promise.all(users.map((user) => get(layer, user).then(() => order.push(user))));
  assert.deepStrictEqual(order, users);
});
