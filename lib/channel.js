'use strict';

/**
 * The JavaScript end of the way to the engine: tickets for what is in flight, one hand-over for all requests of a
 * turn, and callbacks that run as the callbacks of separate network events would.
 */

const { AsyncResource } = require('async_hooks');
const addon = require('./addon.js');
const debug = require('./debug.js');
const { ResponseError, failure } = require('./errors.js');
const { outside } = require('./outside.js');
const { setImmediate, setMicrotask } = require('./timers.js');

const DESTROYED_BY_HAND = { requireManualDestroy: true };

/** A request in flight. As an async resource it carries the caller's AsyncLocalStorage and domain to the callback. */
class Pending extends AsyncResource {
  constructor(callback, timeout) {
    super('LAYERREQUEST', DESTROYED_BY_HAND);
    this.callback = callback;
    this.timeout = timeout;
  }
}

let native;
let meta;
/** Pending requests by ticket. */
const pendings = [];
/** Tickets that can be given out again. */
const free = [];
let isFlushing = false;
/** Completions that wait for their immediate. */
let draining = 0;
/** Callbacks after which their requests go out at the latest, so that slow ones do not hold up the first. */
const CALLBACKS_PER_FLUSH = 32;
/** Whether `debug` is on, as it was read last: once for several requests or replies, because it is slow. */
let isDebugging = false;

/** The native channel; opened by the first client of this thread. */
exports.open = () => {
  if (!native) {
    native = outside(() => new addon.Channel(ring));
    meta = new Int32Array(addon.META_LENGTH);
  }
  return native;
};

/** A ticket under which `callback` gets the outcome. */
exports.take = (callback, timeout) => {
  const ticket = free.length > 0 ? free.pop() : pendings.length;
  pendings[ticket] = new Pending(callback, timeout);
  return ticket;
};

/** Gives back the ticket of a request that was not made. */
exports.giveBack = (ticket) => {
  pendings[ticket].emitDestroy();
  clear(ticket);
};

function clear(ticket) {
  pendings[ticket] = undefined;
  free.push(ticket);
}

/** Hands over the requests of this turn when it ends. Answers whether `debug` is on. */
exports.flushSoon = () => {
  if (!isFlushing) {
    isFlushing = true;
    isDebugging = debug.isOn();
    // While completions drain, microtasks run after each of them; `drain` flushes for several at once.
    if (draining === 0) setMicrotask(flush);
  }
  return isDebugging;
};

function flush() {
  isFlushing = false;
  native.flush();
}

/** The engine has completions. */
function ring() {
  collect(true);
}

/** Takes what the engine has completed; it rings again only after it was found to have nothing. */
function collect(isOwnTurn) {
  const text = native.collect(meta);
  if (text === null) return;
  const count = meta[0];
  isDebugging = debug.isOn();
  if (count === 1 && isOwnTurn) {
    try {
      complete(completionAt(0, text));
    } finally {
      collect(false);
    }
    return;
  }
  // One immediate each: Node runs ticks and microtasks between two of them, as it does between two network events, and
  // a callback that throws takes none of the others with it.
  draining = count;
  let start = 0;
  for (let index = 0; index < count; index++) {
    const length = meta[3 + 3 * index];
    setImmediate(drain, completionAt(index, text.slice(start, start + length)));
    start += length;
  }
}

function completionAt(index, text) {
  const ticket = meta[1 + 3 * index];
  const completion = { pending: pendings[ticket], status: meta[2 + 3 * index], text };
  clear(ticket);
  return completion;
}

function drain(completion) {
  try {
    complete(completion);
  } finally {
    draining -= 1;
    if (draining % CALLBACKS_PER_FLUSH === 0) {
      isDebugging = debug.isOn();
      if (isFlushing) setMicrotask(flush);
      if (draining === 0) collect(false);
    }
  }
}

function complete({ pending, status, text }) {
  // The scope ends the domain before the exception gets to it; bound, the callback stays in it.
  if (pending.domain) pending.callback = pending.domain.bind(pending.callback);
  try {
    pending.runInAsyncScope(settle, undefined, pending, status, text);
  } finally {
    pending.emitDestroy();
  }
}

function settle(pending, status, text) {
  const { callback, timeout } = pending;
  if (status === 0) {
    const error = failure(JSON.parse(text), timeout);
    if (isDebugging) debug.print(error.code ? `Request error: ${error}` : traceTimeout(timeout));
    callback(error);
    return;
  }
  const body = parse(text, status);
  if (status >= 300) callback(new ResponseError(status, body));
  else callback(null, { status, body });
}

function traceTimeout(timeout) {
  return `Request timeout error after ${timeout / 1000}seconds`;
}

/** What a reply means is what JSON.parse says; what it does not take is text. */
function parse(text, status) {
  if (isDebugging) debug.print(`Response HTTP ${status}`);
  // Not worth an exception: every 204 comes here.
  if (text === '' && !isDebugging) return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (isDebugging) debug.print(`Error parsing JSON payload: ${error}`);
    return text;
  }
}
