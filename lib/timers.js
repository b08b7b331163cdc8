'use strict';

/**
 * Immediates and microtasks that fake timers leave alone: a test that stops the clock must not stop requests, as it did
 * not stop those of 2.x.
 */

const timers = require('timers');

const { clock } = timers.setImmediate;

/** Node's setImmediate; fake timers that were there first keep it on their clock. */
exports.setImmediate = (clock && clock._setImmediate) || timers.setImmediate;

const settled = Promise.resolve();

/** Runs `work`, which must not throw, when the code that runs now and its ticks are done. */
exports.setMicrotask = (work) => {
  settled.then(work);
};
