'use strict';

/**
 * Counts what requests cost, in its own process, and prints it as one line of JSON: figures per request.
 *
 * Usage: node worker.js ADDON SETTINGS; ADDON is the addon built with the feature `counting`, SETTINGS is JSON: `{port,
 * ca, method, args, options, concurrency, warmUp, requests}`, `options` those of `withOptions` for each call; or
 * `{constructs: true, warmUp, requests}`, where a client is made in place of each request.
 */

const path = require('path');
const v8 = require('v8');

const [library, settings] = process.argv.slice(2);
const { port, ca, method, args, options, constructs, concurrency, warmUp, requests } = JSON.parse(settings);
const APP = { token: 'secret', appId: '24f43c32-4d95-11e4-b3a2-0fd00000020d' };

/** Crossings of the border between JavaScript and the addon. */
let callsIn = 0;
let callsOut = 0;
/** Requests that were made so far. */
let sent = 0;

const addon = load(path.resolve(library));
const { counts, settle } = addon;
for (const Class of Object.values(addon)) {
  if (typeof Class !== 'function') continue;
  countMethods(Class.prototype);
  countMethods(Class);
}
// As if the network took no time: each hand-over returns when all is there to be collected, so that what comes next,
// and with it how much is done at once, depends on nobody's speed.
const { flush } = addon.Channel.prototype;
addon.Channel.prototype.flush = function () {
  flush.call(this);
  settle(sent);
};
require.cache[require.resolve('../../lib/addon.js')] = { exports: countFunctions(addon) };
const LayerAPI = require('../../index.js');

function load(file) {
  const loaded = { exports: {} };
  process.dlopen(loaded, file);
  return loaded.exports;
}

/** The same exports, with calls counted of all functions, and of those that constructors are given. */
function countFunctions(exports) {
  const counting = {
    apply: (native, self, values) => countIn(native, self, values),
    construct: (Class, values, target) => Reflect.construct(Class, values.map(countOut), target),
  };
  const counted = ([name, value]) => [name, typeof value === 'function' ? new Proxy(value, counting) : value];
  return Object.fromEntries(Object.entries(exports).map(counted));
}

function countMethods(owner) {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
    const { value, writable } = descriptor;
    // What napi makes static cannot be replaced, and no request calls it.
    if (name === 'constructor' || typeof value !== 'function' || !writable) continue;
    owner[name] = function (...values) {
      return countIn(value, this, values);
    };
  }
}

/** A function that native code returns is native, too. */
function countIn(native, self, values) {
  callsIn++;
  const result = native.apply(self, values.map(countOut));
  return typeof result === 'function' ? (...more) => countIn(result, undefined, more) : result;
}

function countOut(value) {
  if (typeof value !== 'function') return value;
  return (...values) => {
    callsOut++;
    return value(...values);
  };
}

/** What is counted each time. */
function counted() {
  if (constructs) {
    return () => {
      new LayerAPI(APP);
    };
  }
  const layer = new LayerAPI({
    ...APP,
    baseUrl: `https://localhost:${port}`,
    timeout: 600e3,
    agentOptions: { ca, keepAlive: true, maxSockets: concurrency },
  });
  const { messages } = layer;
  const owner = options ? () => layer.withOptions(options).messages : () => messages;
  if (method.endsWith('Async')) return () => owner()[method](...args);
  return () =>
    new Promise((resolve, reject) => {
      owner()[method](...args, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
}

async function main() {
  const call = counted();
  await run(call, warmUp);
  const before = figures();
  await run(call, requests);
  const after = figures();
  const each = Object.keys(before).map((name) => [name, (after[name] - before[name]) / requests]);
  // Connections at rest hold the process.
  process.stdout.write(JSON.stringify(Object.fromEntries(each)), () => process.exit());
}

/** Keeps `concurrency` requests in flight until `count` are done. */
async function run(call, count) {
  const end = sent + count;
  const lane = async () => {
    while (sent < end) {
      sent++;
      await call();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

function figures() {
  const { callerAllocations, callerBytes, engineAllocations, engineBytes, wakeUps } = counts();
  const heapBytes = v8.getHeapStatistics().used_heap_size;
  return { callsIn, callsOut, wakeUps, callerAllocations, callerBytes, engineAllocations, engineBytes, heapBytes };
}

main();
