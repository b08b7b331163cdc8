'use strict';

/**
 * Makes requests while something goes wrong in this process, and prints what became of them: `[times that each call
 * back, whether a client that is made later still gets an answer]`. The argument names what goes wrong.
 */

const { AsyncResource } = require('async_hooks');
const timers = require('timers');

const ROOT = '../../..';
const CONVERSATION = 'f3cc7b32-3c92-11e4-baad-164230d1df67';
const REQUESTS = 5;
const config = { token: 't', appId: CONVERSATION, baseUrl: process.env.LAYER_API_URL, timeout: 20000 };

/** Replaces `object[name]` by what `make` makes of it; returns the way back. */
function replace(object, name, make) {
  const before = object[name];
  object[name] = make(before);
  return () => {
    object[name] = before;
  };
}

const fail = () => {
  throw new Error('part of the test');
};

/** What goes wrong, before layer-api is loaded (`before`) or after; each returns the way back. */
const FAULTS = {
  nothing: () => () => {},

  'V8 makes no string of a batch': () =>
    replace(
      addon().Channel.prototype,
      'collect',
      (collect) =>
        function (meta) {
          if (collect.call(this, meta) !== null) fail();
          return null;
        },
    ),

  'the numbers of a batch have no room': () =>
    replace(
      addon().Channel.prototype,
      'collect',
      (collect) =>
        function (meta) {
          if (!faulted) structuredClone(meta.buffer, { transfer: [meta.buffer] });
          faulted = true;
          return collect.call(this, meta);
        },
    ),

  'JSON.parse throws': () => replace(JSON, 'parse', () => fail),

  'the console throws': () => {
    process.env.LAYER_API_DEBUG = 'true';
    const restore = replace(console, 'log', () => fail);
    return () => {
      delete process.env.LAYER_API_DEBUG;
      restore();
    };
  },

  'the environment throws': () => {
    const { env } = process;
    const broken = new Proxy({}, { get: fail });
    Object.defineProperty(process, 'env', { value: broken, configurable: true, writable: true });
    return () => {
      process.env = env;
    };
  },

  'a scope throws before the callback': () => replace(AsyncResource.prototype, 'runInAsyncScope', () => fail),

  'a scope throws after the callback': () =>
    replace(
      AsyncResource.prototype,
      'runInAsyncScope',
      (run) =>
        function (...args) {
          run.apply(this, args);
          fail();
        },
    ),

  'a domain cannot be bound': () => {
    const domain = require('domain').create();
    domain.bind = fail;
    domain.enter();
    return () => domain.exit();
  },

  'callbacks throw': () => {
    callbacksThrow = true;
    return () => {
      callbacksThrow = false;
    };
  },

  'immediates are faked by node:test': {
    before: () => require('node:test').mock.timers.enable({ apis: ['setImmediate'] }),
  },

  'immediates are refused': {
    before: () => replace(timers, 'setImmediate', () => fail),
  },

  'immediates never come': {
    before: () => replace(timers, 'setImmediate', () => () => ({})),
  },

  'promises throw': () => replace(Promise.prototype, 'then', () => fail),
};

let faulted = false;
let callbacksThrow = false;
const addon = () => require(`${ROOT}/lib/addon.js`);

process.on('uncaughtException', (error) => {
  if (error.message !== 'part of the test') {
    console.error(error);
    process.exit(1);
  }
});

const fault = FAULTS[process.argv[2]];
if (fault.before) fault.before();
const LayerAPI = require(ROOT);
const layer = new LayerAPI(config);
const immediate = require('util').promisify(process.nextTick);
const counts = [];

/** Reads the block list of a user; the outcome of the first call of the callback. */
function get(client, user, index) {
  return new Promise((resolve) => {
    counts[index] = 0;
    client.blocklist.get(user, (error, response) => {
      counts[index] += 1;
      resolve({ error, response });
      if (callbacksThrow) fail();
    });
  });
}

async function main() {
  await get(layer, 'first', 0);
  const restore = typeof fault === 'function' ? fault() : () => {};
  const waiting = [];
  for (let index = 0; index < REQUESTS; index++) {
    // One of them is cut off: failures come another way.
    try {
      waiting.push(get(layer, index === 2 ? 'cut' : 'together', index));
    } catch (_) {
      counts[index] = 'threw';
    }
  }
  const outcomes = Promise.all.call(Promise, waiting);
  await (process.argv[2] === 'promises throw' ? immediate() : outcomes);
  restore();
  const later = await get(new LayerAPI(config), 'later', REQUESTS);
  process.stdout.write(JSON.stringify({ counts, later: later.error ? later.error.message : later.response.status }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
