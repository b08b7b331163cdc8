'use strict';

/** In what context callbacks run, in what order, and what becomes of exceptions in them. */

const assert = require('node:assert');
const { AsyncLocalStorage } = require('node:async_hooks');
const { afterEach, test } = require('node:test');
const {
  client,
  clientOf,
  closeAll,
  get,
  plainServer,
  run,
  runWith,
  secureServer,
  subjects,
  program,
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
    const source = program('context/domain.js');
    assert.deepStrictEqual(await linesOf(subject, source), [
      ['domain', 'inside alone true', true, true],
      ...Array(3).fill(['domain', 'inside true', true, true]),
      ['uncaught', 'outside alone false'],
      ...Array(3).fill(['uncaught', 'outside false']),
    ]);
  });

  test(`timers and ticks of a callback are of the domain of its call (${subject.name})`, async () => {
    const source = program('context/domain-timers.js');
    assert.deepStrictEqual(await linesOf(subject, source), [['tick'], ['timer']]);
  });

  test(`async_hooks: the triggers of a callback lead to the call (${subject.name})`, async () => {
    const source = program('context/triggers.js');
    assert.deepStrictEqual(await linesOf(subject, source), [[true], [true], [true]]);
  });

  test(`an exception in a callback is uncaught as it is, and the other callbacks run (${subject.name})`, async () => {
    const source = program('context/uncaught.js');
    const server = await secureServer();
    const expected = [...Array(6).fill(['uncaughtException']), [6, 6, true]];
    assert.deepStrictEqual(await linesOf(subject, source, server), expected);
  });

  test(`a callback may throw anything (${subject.name})`, async () => {
    const source = program('context/anything.js');
    const types = ['undefined', 'object', 'number', 'string', 'string', 'object', 'object'];
    assert.deepStrictEqual(
      await linesOf(subject, source),
      types.map((type, index) => [true, type, index === 0]),
    );
  });

  test(`an exception without a handler ends the process with the caller's line and stack (${subject.name})`, async () => {
    const source = program('context/no-handler.js');
    const { code, signal, stderr } = await runWith(subject, await secureServer(), source);
    assert.deepStrictEqual([code, signal], [1, null]);
    assert.match(stderr, /throw new RangeError\('thrown by the callback'\); \/\/ the line\n +\^/);
    assert.match(stderr, /RangeError: thrown by the callback\n +at .*named/);
  });

  test(`an exception in a callback leaves the client usable (${subject.name})`, async () => {
    const source = program('context/usable.js');
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
  const source = program('context/storage.js', String(port));
  const { stdout, stderr } = await run(source);
  assert.deepStrictEqual(stdout, `${JSON.stringify([null, null, true])}\n`, stderr);
});

test('async_hooks: each request is one resource with init, before, after and destroy', async () => {
  const source = program('context/resources.js');
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
