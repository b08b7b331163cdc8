'use strict';

/** What `*Async` methods return: native promises, or those that a service asks for. */

const assert = require('node:assert');
const { afterEach, beforeEach, test } = require('node:test');
const Bluebird = require('bluebird');
const {
  CONVERSATION,
  LayerAPI,
  client,
  clientOf,
  closeAll,
  held,
  plainServer,
  runWith,
  secureServer,
  sleep,
  subjects,
  until,
} = require('./support.js');

beforeEach(() => {
  LayerAPI.Promise = undefined;
});
/** Properties at which a method throws instead of refusing them. */
const THROWING = {
  get display_name() {
    throw new RangeError('thrown by a getter');
  },
};

afterEach(closeAll);

/** Answers 404 for `missing`, never for `never`, and 200 for everybody else. */
const answer = (request, response) => {
  if (request.url.includes('never')) return;
  response.statusCode = request.url.includes('missing') ? 404 : 200;
  response.end(response.statusCode === 404 ? '{"id":"not_found"}' : '[{"user_id":"jon"},{"user_id":"ana"}]');
};

/** The original, whose promises are always Bluebird's, and ours where it was asked for those. */
const withBluebird = [
  { ...subjects.original, make: clientOf },
  {
    ...subjects.ours,
    make: (subject, server, options, config) => clientOf(subject, server, options, { ...config, Promise: Bluebird }),
  },
];

for (const { make, ...subject } of withBluebird) {
  test(`the methods of Bluebird can be chained to a result (${subject.name})`, async () => {
    const { blocklist } = make(subject, await secureServer(answer));
    const ids = await blocklist
      .getAsync('maria')
      .tap(({ status }) => assert.strictEqual(status, 200))
      .get('body')
      .map(({ user_id }) => user_id)
      .spread((one, other) => `${one} ${other}`);
    assert.strictEqual(ids, 'jon ana');
    const nodeified = await new Promise((resolve) => {
      blocklist.getAsync('maria').nodeify((error, result) => resolve([error, result.status]));
    });
    assert.deepStrictEqual(nodeified, [null, 200]);
    const promise = blocklist.getAsync('maria');
    assert.deepStrictEqual([promise.isPending(), promise.isFulfilled()], [true, false]);
    await promise;
    assert.deepStrictEqual([promise.isFulfilled(), promise.value().status], [true, 200]);
    let wasFinal = false;
    await blocklist.getAsync('maria').finally(() => {
      wasFinal = true;
    });
    assert.ok(wasFinal);
  });

  test(`timeout and cancellation of Bluebird leave the request alone (${subject.name})`, async () => {
    const { handler, next } = held();
    const { blocklist } = make(subject, await secureServer(handler));
    const slow = blocklist.getAsync('never');
    const response = await next();
    const error = await slow.timeout(20).then(
      () => undefined,
      (caught) => caught,
    );
    assert.strictEqual(error.name, 'TimeoutError');
    assert.strictEqual(slow.isPending(), true);
    response.end('"late"');
    assert.strictEqual((await slow).body, 'late');
  });

  test(`catch with a class or a predicate of Bluebird (${subject.name})`, async () => {
    const { ResponseError, APIError } = subject.errors;
    const server = await secureServer(answer);
    const [{ blocklist }, hasty] = [{}, { timeout: 200 }].map((config) => make(subject, server, {}, config));
    const caught = (user) =>
      (user === 'never' ? hasty.blocklist : blocklist)
        .getAsync(user)
        .catch(ResponseError, ({ status }) => `ResponseError ${status}`)
        .catch(APIError, () => 'APIError')
        .catch({ message: 'Blocklist owner ID is required' }, () => 'argument')
        .catch(
          ({ code }) => code === 'ECONNREFUSED',
          () => 'network',
        );
    assert.strictEqual(await caught('missing'), 'ResponseError 404');
    assert.strictEqual(await caught('never'), 'APIError');
    assert.strictEqual(await caught(''), 'argument');
    await closeAll();
    assert.strictEqual(await caught('maria'), 'network');
  });

  test(`all errors of a call are operational: .error(handler) gets them (${subject.name})`, async () => {
    // The original brings its own copy, but Bluebird knows its errors across copies.
    const { OperationalError } = Bluebird;
    const server = await secureServer(answer);
    const { blocklist, identities } = make(subject, server);
    const hasty = make(subject, server, {}, { timeout: 200 });
    const kind = (error) => [error instanceof OperationalError, error.isOperational, error instanceof Error];
    assert.deepStrictEqual(await blocklist.getAsync('missing').error(kind), [false, true, true]);
    assert.deepStrictEqual(await hasty.blocklist.getAsync('never').error(kind), [false, true, true]);
    const refused = await blocklist.getAsync('').error((error) => error);
    assert.deepStrictEqual(kind(refused), [true, true, true]);
    assert.deepStrictEqual(
      [refused.name, refused.message, refused.cause.message],
      ['Error', 'Blocklist owner ID is required', 'Blocklist owner ID is required'],
    );
    // An exception is none: it passes by.
    const thrown = await identities
      .createAsync('maria', THROWING)
      .error(() => 'operational')
      .catch((error) => error);
    assert.deepStrictEqual([thrown instanceof RangeError, thrown.isOperational], [true, undefined]);
    await closeAll();
    // Node's own class of errors of the network is none that Bluebird wraps.
    const network = await blocklist.getAsync('maria').error((error) => error);
    assert.deepStrictEqual([network.isOperational, network.code, network.syscall], [true, 'ECONNREFUSED', 'connect']);
  });

  test(`a rejection that nobody handles is reported by Bluebird and ends nothing (${subject.name})`, async () => {
    const source = `
      if ('Promise' in LayerAPI) LayerAPI.Promise = require('bluebird');
      layer.blocklist.getAsync('');
      setTimeout(() => console.log('goes on'), 50);`;
    const { code, stdout, stderr } = await runWith(subject, await secureServer(answer), source);
    assert.deepStrictEqual([code, stdout], [0, 'goes on\n']);
    assert.match(
      stderr,
      /^Unhandled rejection OperationalError: Blocklist owner ID is required|^Unhandled rejection Error/,
    );
  });
}

test('promises are native ones by default', async () => {
  const layer = client(await plainServer(answer));
  assert.strictEqual(LayerAPI.Promise, Promise);
  for (const promise of [layer.blocklist.getAsync('maria'), layer.blocklist.getAsync('').catch(() => {})]) {
    assert.strictEqual(promise.constructor, Promise);
    await promise;
  }
});

test('LayerAPI.Promise is that of all clients, read at each call; undefined means native ones', async () => {
  const layer = client(await plainServer(answer));
  LayerAPI.Promise = Bluebird;
  assert.strictEqual(LayerAPI.Promise, Bluebird);
  const promises = [layer.blocklist.getAsync('maria'), layer.messages.sendAsync(CONVERSATION, {})];
  assert.ok(promises.every((promise) => promise instanceof Bluebird));
  for (const none of [undefined, null, Promise]) {
    LayerAPI.Promise = none;
    assert.strictEqual(LayerAPI.Promise, Promise);
    promises.push(layer.blocklist.getAsync('maria'));
    assert.strictEqual(promises.at(-1).constructor, Promise);
    LayerAPI.Promise = Bluebird;
  }
  await Promise.all(promises);
});

test('`Promise` of a client comes before LayerAPI.Promise', async () => {
  const server = await plainServer(answer);
  class Own extends Promise {}
  const layer = client(server, {}, { Promise: Own });
  const native = client(server, {}, { Promise });
  LayerAPI.Promise = Bluebird;
  const promises = [layer, native, client(server)].map(({ blocklist }) => blocklist.getAsync('maria'));
  assert.deepStrictEqual(
    promises.map((promise) => promise.constructor),
    [Own, Promise, Bluebird],
  );
  await Promise.all(promises);
});

test('any constructor of promises will do', async () => {
  /** The least that Promises/A+ and its executor ask for. */
  class Least {
    constructor(executor) {
      this.inner = new Promise(executor);
    }
    // biome-ignore lint/suspicious/noThenProperty: it is a promise
    then(...handlers) {
      return new Least((resolve) => resolve(this.inner.then(...handlers)));
    }
  }
  const { blocklist, identities } = client(await plainServer(answer), {}, { Promise: Least });
  assert.ok(blocklist.getAsync('maria') instanceof Least);
  assert.strictEqual((await blocklist.getAsync('maria')).status, 200);
  await assert.rejects(async () => blocklist.getAsync('missing'), LayerAPI.ResponseError);
  await assert.rejects(async () => blocklist.getAsync(''), {
    name: 'Error',
    message: 'Blocklist owner ID is required',
  });
  await assert.rejects(async () => identities.createAsync('maria', THROWING), RangeError);
  await assert.rejects(async () => identities.getAsync('maria', 'jon'), TypeError);
});

test('what is no constructor of promises is refused', async () => {
  const server = await plainServer(answer);
  for (const wrong of ['bluebird', {}, true, 1]) {
    assert.throws(() => client(server, {}, { Promise: wrong }), {
      name: 'TypeError',
      message: 'Constructor option `Promise` needs to be a constructor of promises',
    });
    assert.throws(() => Object.assign(LayerAPI, { Promise: wrong }), {
      name: 'TypeError',
      message: '`LayerAPI.Promise` needs to be a constructor of promises',
    });
  }
  assert.strictEqual(LayerAPI.Promise, Promise);
});

test('a promise that Bluebird cancels calls no handler, and its request goes on', async () => {
  let requests = 0;
  const server = await plainServer((_request, response) => {
    requests++;
    setTimeout(() => response.end('{}'), 50);
  });
  const Cancelling = Bluebird.getNewLibraryCopy();
  Cancelling.config({ cancellation: true });
  const layer = client(server, {}, { Promise: Cancelling });
  let calls = 0;
  const count = () => calls++;
  const promise = layer.blocklist.getAsync('maria');
  promise.then(count, count);
  promise.cancel();
  assert.ok(promise.isCancelled());
  await layer.blocklist.getAsync('jon');
  await until(
    () => requests === 2,
    'both requests have come',
    () => requests,
  );
  await sleep(100);
  assert.strictEqual(calls, 0);
});

test('a native rejection that nobody handles is an unhandled rejection of Node', async () => {
  const source = `
    process.on('unhandledRejection', (error, promise) => console.log(error.message, promise instanceof Promise));
    layer.blocklist.getAsync('').constructor === Promise && layer.blocklist.getAsync('');`;
  const { code, stdout } = await runWith(subjects.ours, await secureServer(), source);
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
    assert.match(error.stack, /at async theCaller .*promises\.test\.js/, what);
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
