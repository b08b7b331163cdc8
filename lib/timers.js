'use strict';

/**
 * Immediates and microtasks that fake timers leave alone: a test that stops the clock must not stop requests, as it did
 * not stop those of 2.x.
 */

const timers = require('timers');

/** Where zone.js leaves Node's setImmediate. */
const BEFORE_ZONES = '__zone_symbol__setImmediate';

/**
 * Node's setImmediate, as far as it can be had: fakes that were there first keep it on their clock, others beside their
 * own.
 */
exports.setImmediate = unwrapped(timers.setImmediate);

/** @param {any} set what others may have put in place of setImmediate */
function unwrapped(set) {
  let inner = timers[BEFORE_ZONES] || (set.clock && set.clock._setImmediate) || set;
  while (inner.__wrapped === true && typeof inner.__original === 'function') inner = inner.__original;
  return inner;
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

/** The setImmediate that was found to give no context of its own. */
let plain;

/**
 * `callback` with the context that instrumentation from before async_hooks gives to callbacks of setImmediate:
 * zones, and by async-listener the storage of continuation-local-storage.
 */
exports.withContext = (callback) => {
  /** @type {any} */
  const set = timers.setImmediate;
  if (set === plain) return callback;
  if (set.__wrapped === true) return wrapped(callback, set);
  if (timers[BEFORE_ZONES]) return global.Zone.current.wrap(callback, 'layer-api');
  plain = set;
  return callback;
};

/** async-listener has no function that wraps a callback and does nothing else. */
function wrapped(callback, set) {
  const immediate = set(callback);
  const bound = immediate && immediate._onImmediate;
  timers.clearImmediate(immediate);
  return typeof bound === 'function' ? bound : callback;
}
