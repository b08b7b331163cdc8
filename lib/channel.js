'use strict';

/**
 * The JavaScript end of the way to the engine: tickets for what is in flight, one hand-over for all requests of a turn,
 * and callbacks that run as the callbacks of separate network events would.
 */

const { AsyncResource } = require('async_hooks');
const addon = require('./addon.js');
const debug = require('./debug.js');
const { ResponseError } = require('./errors.js');
const { hide } = require('./hidden.js');
const { Landing, Response } = require('./landing.js');
const { outside } = require('./outside.js');
const { isImmediate, setImmediate, setMicrotask, withContext } = require('./timers.js');

/** Where the numbers of a completion stand. */
const {
  COMPLETION_NUMBERS: NUMBERS,
  COMPLETION_TICKET: TICKET,
  COMPLETION_STATUS: STATUS,
  COMPLETION_LENGTH: LENGTH,
  COMPLETION_HEAD: HEAD,
  COMPLETION_FLAGS: FLAGS,
} = addon;

/** Where completions begin in `meta`: before them stands how many they are, and where there is room for them. */
const FIRST = 2;
/** Numbers of one `meta`. What of a landing is kept keeps all of it. */
const ROOM = 16384;

const DESTROYED_BY_HAND = { requireManualDestroy: true };

/** A request in flight. As an async resource it carries the caller's AsyncLocalStorage and domain to the callback. */
class Pending extends AsyncResource {
  /**
   * @param {Function} callback
   * @param {any} context what its client has in common with all its requests
   * @param {any} watch who follows it, if anybody does: `watch.js`
   */
  constructor(callback, context, watch) {
    super('LAYERREQUEST', DESTROYED_BY_HAND);
    this.callback = callback;
    this.context = context;
    this.watch = watch;
  }
}

let native;
/** Numbers and heads of completions; when it is full there is another one. */
let meta;
/** The same memory in bytes. */
let memory;
/** Where the next completions go in `meta`. */
let next;
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
    makeRoom(0);
  }
  return native;
};

function makeRoom(numbers) {
  meta = new Int32Array(FIRST + Math.max(numbers, ROOM));
  memory = Buffer.from(meta.buffer);
  next = FIRST;
}

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

/** A ticket under which `callback` gets the outcome of a request of the client with this `context`. */
exports.take = (callback, context, watch) => {
  const pending = new Pending(withContext(callback), context, watch);
  context.family.begin();
  const ticket = free.length > 0 ? free.pop() : pendings.length;
  pendings[ticket] = pending;
  return ticket;
};

/** Gives back the ticket of a request that was not made. */
exports.giveBack = (ticket) => {
  const pending = pendings[ticket];
  clear(ticket);
  finish(pending);
};

/** Gives up a request that can be given up; it completes soon. */
exports.cancel = (ticket) => {
  native.cancel(ticket);
};

/** Does `work`, which must not throw, on behalf of a request in flight: in the async context of its call. */
exports.within = (ticket, work) => {
  let isDone = false;
  const once = () => {
    isDone = true;
    work();
  };
  try {
    pendings[ticket].runInAsyncScope(once);
  } catch (_) {
    // Somebody's instrumentation; it throws again around the callback, where it is heard.
    if (!isDone) work();
  }
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
    text = take();
  } catch (fault) {
    lose(fault);
    return;
  }
  if (text === null) return;
  const count = meta[0];
  isDebugging = debug.isOn();
  if (count === 1 && isOwnTurn) {
    try {
      complete(land(text));
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
    const end = start + meta[next + LENGTH];
    soon(drain, land(text.slice(start, end)));
    start = end;
  }
}

/** The texts of completions; their numbers are in `meta` then. */
function take() {
  for (;;) {
    meta[0] = 0;
    meta[1] = next;
    const text = native.collect(meta);
    if (text !== null || meta[0] === 0) return text;
    // Completions may come in meanwhile, so that it is not enough again.
    makeRoom(-meta[0]);
  }
}

/**
 * The completions in `meta` cannot be had: V8 could not make a string of them. Each fails, and those that wait are
 * collected.
 */
function lose(fault) {
  const count = meta[0] || 0;
  // Who has taken its memory away took nothing else.
  if (meta.length === 0) makeRoom(0);
  if (count === 0) {
    soon(collect, true);
    return;
  }
  draining = count;
  for (let index = 0; index < count; index++) {
    const landing = land('');
    landing.fault = fault;
    soon(drain, landing);
  }
}

/** The next completion in `meta`, with its text. */
function land(text) {
  const start = next;
  const ticket = meta[start + TICKET];
  const length = meta[start + HEAD];
  const head = start + NUMBERS;
  next = head + ((length + 3) >> 2);
  const pending = pendings[ticket];
  const landing = new Landing(pending, meta[start + STATUS], text, meta[start + FLAGS], memory, head * 4, length);
  if (!landing.isNews) {
    if (pending.watch !== undefined) pending.watch.land();
    clear(ticket);
  }
  return landing;
}

/** Has `work` called in a turn of its own: in an immediate, or where these are faked or throw, by the bell. */
function soon(work, landing) {
  try {
    if (isImmediate(setImmediate(work, landing))) return;
  } catch (_) {
    // Somebody's instrumentation.
  }
  late.push(() => work(landing));
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

function drain(landing) {
  // A fake immediate may run after all.
  if (landing.pending === undefined) return;
  try {
    complete(landing);
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

function complete(landing) {
  const { pending } = landing;
  landing.pending = undefined;
  if (landing.isNews) {
    pending.runInAsyncScope(pending.watch.tell, pending.watch, landing);
    return;
  }
  try {
    // The scope ends the domain before the exception gets to it; bound, the callback stays in it.
    if (pending.domain) pending.callback = pending.domain.bind(pending.callback);
    pending.runInAsyncScope(settle, undefined, pending, landing);
  } finally {
    try {
      // Where domain or scope, which others may have put something around, threw before that.
      if (pending.callback !== undefined) settle(pending, landing);
    } finally {
      finish(pending);
    }
  }
}

/** The end of a request: its callback is over, or it was never made. */
function finish(pending) {
  pending.emitDestroy();
  pending.context.family.over();
}

function settle(pending, landing) {
  const { callback, watch } = pending;
  const { status, text } = landing;
  pending.callback = undefined;
  // A reply that is kept must not keep the text of its neighbours, of which this is a part.
  landing.text = undefined;
  const { timeout } = pending.context;
  let failure;
  // Made once: what a function of the caller has thrown is handed out once.
  if (status === 0 || landing.fault !== undefined) failure = failed(landing, text, timeout);
  if (watch !== undefined) {
    const abortion = watch.end(landing, failure);
    if (abortion !== undefined) {
      callback(abortion);
      return;
    }
  }
  if (failure !== undefined) {
    if (isDebugging) debug.print(failure.code ? `Request error: ${failure}` : traceTimeout(timeout));
    callback(failure);
    return;
  }
  const body = parse(text, status);
  if (status < 300) {
    callback(null, new Response(status, body, landing));
    return;
  }
  const error = new ResponseError(status, body);
  hide(error, landing);
  callback(error);
}

/**
 * The error of a request without a reply, or of one with a `fault`. What goes wrong with the making of it is an error,
 * too.
 */
function failed(landing, text, timeout) {
  // Loaded here: most requests have a reply, and each module takes time at the start.
  const { failure, unreadable } = require('./failures.js');
  if (landing.fault !== undefined) return unreadable(landing.fault, landing);
  try {
    return failure(JSON.parse(text), timeout, landing);
  } catch (another) {
    return unreadable(another, landing);
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
