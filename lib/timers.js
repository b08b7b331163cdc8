'use strict';

/**
 * Immediates and microtasks that fake timers leave alone: a test that stops the clock must not stop requests, as it did
 * not stop those of 2.x.
 */

const timers = require('timers');

/** Node's setImmediate, as far as it can be had: fake timers that were there first keep it on their clock, and shimmer beside its own. */
exports.setImmediate = unwrapped((timers.setImmediate.clock || {})._setImmediate || timers.setImmediate);

function unwrapped(set) {
  while (set.__wrapped === true && typeof set.__original === 'function') set = set.__original;
  return set;
}

/** Whether what `setImmediate` gave is an immediate of Node, or of another runtime. That of a fake may never run. */
exports.isImmediate = (immediate) =>
  Boolean(immediate) &&
  (immediate._onImmediate !== undefined || process.versions.bun !== undefined || process.versions.deno !== undefined);

/** Not the promises of the global of that name, which may be another library's. */
const settled = (async () => {})();

/** Runs `work`, which must not throw, when the code that runs now and its ticks are done. */
exports.setMicrotask = (work) => {
  settled.then(work);
};

/**
 * `callback` with the context that instrumentation from before async_hooks (async-listener, and with it
 * continuation-local-storage) gives to what is passed to its setImmediate: it has no other function for that.
 */
exports.withContext = (callback) => {
  const { setImmediate: set, clearImmediate: clear } = timers;
  if (set.__wrapped !== true) return callback;
  const immediate = set(callback);
  const bound = immediate && immediate._onImmediate;
  clear(immediate);
  return typeof bound === 'function' ? bound : callback;
};
