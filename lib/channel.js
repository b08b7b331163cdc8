'use strict';

/**
 * The JavaScript end of the way to the engine: tickets for what is in flight, one hand-over for all requests of a turn,
 * and callbacks that run as the callbacks of separate network events would.
 */

const { AsyncResource } = require('async_hooks');
const addon = require('./addon.js');
const debug = require('./debug.js');
const { ResponseError } = require('./errors.js');
const { outside } = require('./outside.js');
const { isImmediate, setImmediate, setMicrotask, withContext } = require('./timers.js');

/** Where the numbers of a completion stand. */
const {
  COMPLETION_NUMBERS: NUMBERS,
  COMPLETION_TICKET: TICKET,
  COMPLETION_STATUS: STATUS,
  COMPLETION_LENGTH: LENGTH,
} = addon;

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
/** Completions that wait for their turn. */
let draining = 0;
/** What waits for the bell, because there are no immediates to be had. */
const late = [];
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

/**
 * Has the requests of this turn handed over when it ends; before the first of them is made, so that none is left behind
 * by what throws here. Answers whether `debug` is on.
 */
exports.flushSoon = () => {
  if (!isFlushing) {
    isDebugging = debug.isOn();
    // While completions drain, microtasks run after each of them; `drained` flushes for several at once.
    if (draining === 0) setMicrotask(flush);
    isFlushing = true;
  }
  return isDebugging;
};

/** A ticket under which `callback` gets the outcome. */
exports.take = (callback, timeout) => {
  const pending = new Pending(withContext(callback), timeout);
  const ticket = free.length > 0 ? free.pop() : pendings.length;
  pendings[ticket] = pending;
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

function flush() {
  isFlushing = false;
  native.flush();
}

/** The engine has completions, or this side asked for a turn of its own. */
function ring() {
  if (late.length > 0) workLate();
  else collect(true);
}

/** Takes what the engine has completed; it rings again only after it was found to have nothing. */
function collect(isOwnTurn) {
  let text;
  try {
    meta[0] = 0;
    text = native.collect(meta);
  } catch (fault) {
    lose(fault);
    return;
  }
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
  // One turn each: Node runs ticks and microtasks between two immediates, as it does between two network events, and a
  // callback that throws takes none of the others with it.
  draining = count;
  let start = 0;
  for (let index = 0; index < count; index++) {
    const length = meta[1 + NUMBERS * index + LENGTH];
    soon(drain, completionAt(index, text.slice(start, start + length)));
    start += length;
  }
}

/**
 * The completions in `meta` cannot be had: V8 could not make a string of them. Each fails, and those that wait are
 * collected.
 */
function lose(fault) {
  const count = meta[0] || 0;
  // Who has taken its memory away took nothing else.
  if (meta.length === 0) meta = new Int32Array(addon.META_LENGTH);
  if (count === 0) {
    soon(collect, true);
    return;
  }
  draining = count;
  for (let index = 0; index < count; index++) soon(drain, { ...completionAt(index, ''), status: 0, fault });
}

function completionAt(index, text) {
  const start = 1 + NUMBERS * index;
  const ticket = meta[start + TICKET];
  const completion = { pending: pendings[ticket], status: meta[start + STATUS], text, fault: undefined };
  clear(ticket);
  return completion;
}

/** Has `work` called in a turn of its own: in an immediate, or where these are faked or throw, by the bell. */
function soon(work, completion) {
  try {
    if (isImmediate(setImmediate(work, completion))) return;
  } catch (_) {
    // Somebody's instrumentation.
  }
  late.push(() => work(completion));
  if (late.length === 1) native.ring();
}

/** Has `work` called once, later. */
exports.later = (work) => {
  let once = withContext(work);
  soon(() => {
    const call = once;
    once = () => {};
    call();
  });
};

function workLate() {
  const work = late.shift();
  if (late.length > 0) native.ring();
  try {
    work();
  } finally {
    native.rang();
  }
}

function drain(completion) {
  // A fake immediate may run after all.
  if (completion.pending === undefined) return;
  try {
    complete(completion);
  } finally {
    drained();
  }
}

function drained() {
  draining -= 1;
  if (draining % CALLBACKS_PER_FLUSH !== 0) return;
  isDebugging = debug.isOn();
  if (isFlushing) {
    try {
      setMicrotask(flush);
    } catch (_) {
      flush();
    }
  }
  if (draining === 0) collect(false);
}

function complete(completion) {
  const { pending } = completion;
  completion.pending = undefined;
  try {
    // The scope ends the domain before the exception gets to it; bound, the callback stays in it.
    if (pending.domain) pending.callback = pending.domain.bind(pending.callback);
    pending.runInAsyncScope(settle, undefined, pending, completion);
  } finally {
    try {
      // Where domain or scope, which others may have put something around, threw before that.
      if (pending.callback !== undefined) settle(pending, completion);
    } finally {
      pending.emitDestroy();
    }
  }
}

function settle(pending, { status, text, fault }) {
  const { callback, timeout } = pending;
  pending.callback = undefined;
  if (status === 0) {
    const error = failed(text, timeout, fault);
    if (isDebugging) debug.print(error.code ? `Request error: ${error}` : traceTimeout(timeout));
    callback(error);
    return;
  }
  const body = parse(text, status);
  if (status >= 300) callback(new ResponseError(status, body));
  else callback(null, { status, body });
}

/**
 * The error of a request without a reply, or of one with a `fault`. What goes wrong with the making of it is an error,
 * too.
 */
function failed(text, timeout, fault) {
  // Loaded here: most requests have a reply, and each module takes time at the start.
  const { failure, unreadable } = require('./failures.js');
  if (fault) return unreadable(fault);
  try {
    return failure(JSON.parse(text), timeout);
  } catch (another) {
    return unreadable(another);
  }
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
