'use strict';

/**
 * Both forms of every method, made from the table of the Rust core. What is here is what only JavaScript can do:
 * coerce the caller's values as it does, stringify their objects, and call back.
 */

const querystring = require('querystring');
const addon = require('./addon.js');
const channel = require('./channel.js');
const debug = require('./debug.js');
const { invalidHeader } = require('./errors.js');
const payloads = require('./payloads.js');
const promises = require('./promises.js');
const { isProperties, isUserId } = require('./values.js');

const METHODS = JSON.parse(addon.methods());
/** `(client, method, ticket, first, second, text)`, see src/client.rs. */
const send = addon.caller();
/** In place of a ticket: the arguments are only checked. */
const NO_TICKET = -1;

/** Text of an argument that goes into path or headers, by kind; undefined where it is refused. */
const texts = {
  tag: (value) => {
    if (value === null) return undefined;
    return typeof value === 'string' ? value : '';
  },
  id: (value) => (typeof value === 'string' ? value : undefined),
  user: (value) => (isUserId(value) ? querystring.escape(value) : undefined),
};

/** Whether an argument that makes up body or query is what it should be, by kind. */
const checks = {
  sender: isUserId,
  name: (value) => typeof value === 'string' && value !== '',
  text: (value) => typeof value === 'string',
  properties: isProperties,
  query: (value) => value === undefined || value === null || isProperties(value),
};

/** Passes every check in place of an argument that could not be looked at. */
const STAND_IN = '-';

function nop() {}

const isFunction = (value) => typeof value === 'function';

/**
 * The methods of one resource of a client, both forms, on a plain object: they work detached from it. Without an
 * `OwnPromise`, its promises are those of the process.
 */
exports.resource = (name, client, timeout, OwnPromise) => {
  const methods = {};
  METHODS.forEach((row, number) => {
    if (row.resource === name) methods[row.name] = callbackForm(row, number, client, timeout);
  });
  for (const row of METHODS) {
    if (row.resource === name) methods[`${row.name}Async`] = promiseForm(row, methods, OwnPromise);
  }
  return methods;
};

/** By this Bluebird knows what it made: services that began with 1.x have `Promise.promisifyAll(layer.messages)`. */
const PROMISIFIED = { value: true, configurable: true, writable: true };

/**
 * Calls the callback form with one more argument, so that what that throws, refuses or answers settles the promise. It
 * calls the one that is there by then: tests of services put stubs in place of methods.
 */
function promiseForm(row, methods, OwnPromise) {
  const { params, name } = row;
  const most = params.length;
  const needed = takesQuery(row) ? most - 1 : most;
  const form = (...args) => {
    const Chosen = OwnPromise || promises.ofProcess();
    // The callback form would take it for its callback.
    if (args.length > needed && (args.length > most || isFunction(args[needed]))) {
      return promises.rejected(Chosen, misuse(row, args));
    }
    while (args.length < needed) args.push(undefined);
    return promises.promiseOf(Chosen, methods, name, args);
  };
  return Object.defineProperty(form, '__isPromisified__', PROMISIFIED);
}

/** What is wrong with the arguments of a promise form. */
function misuse({ resource, name, params }, args) {
  const what = `layer.${resource}.${name}Async`;
  if (isFunction(args[args.length - 1])) return new TypeError(`${what} takes no function: it returns a promise`);
  const most = params.length === 1 ? '1 argument' : `${params.length} arguments`;
  return new TypeError(`${what} takes ${most} at the most, and was called with ${args.length}`);
}

const takesQuery = ({ params }) => params[params.length - 1].kind === 'query';

function callbackForm(row, number, client, timeout) {
  const call = caller(row, number, client, timeout);
  switch (row.params.length) {
    case 1:
      return (a, callback) => call(a, undefined, undefined, callback);
    case 2:
      return (a, b, callback) => call(a, b, undefined, callback);
    default:
      return (a, b, c, callback) => call(a, b, c, callback);
  }
}

function caller(row, number, client, timeout) {
  const { params, callbackOptional } = row;
  // Arguments of the path come first in every method; what remains makes up the body or the query.
  const [toFirst, toSecond] = params.map((param) => texts[param.kind]);
  const [, checkB, checkC] = params.map((param) => checks[param.kind]);
  const toPayload = payloads[row.payload];
  const hasQuery = takesQuery(row);

  return (a, b, c, callback) => {
    let isQueryGiven = hasQuery;
    if (hasQuery && isFunction(toSecond ? c : b)) {
      isQueryGiven = false;
      if (toSecond) [c, callback] = [undefined, c];
      else [b, callback] = [undefined, b];
    }
    if (!isFunction(callback)) {
      // A function among the arguments is the callback of a call with too few of them.
      const args = [a, b, c];
      const index = args.findIndex(isFunction);
      if (index !== -1) {
        callback = args[index];
        [a, b, c] = args.map((value, position) => (position < index ? value : undefined));
        isQueryGiven = false;
      } else if (callback || !callbackOptional) {
        throw new TypeError(`layer.${row.resource}.${row.name} needs a function as its callback`);
      }
    }
    if ((checkB && !checkB(b)) || (checkC && !checkC(c))) return callback(check([a, b, c]) || wrong([a, b, c]));

    let first;
    let second;
    let text;
    let payload;
    try {
      if (toFirst) first = toFirst(a);
      if (toSecond) second = toSecond(b);
      if (toPayload) payload = toSecond ? toPayload(c) : toFirst ? toPayload(b, c) : toPayload(a);
      if (isQueryGiven) text = `?${querystring.stringify(toSecond ? c : b)}`;
    } catch (fault) {
      const refused = check([a, b, c]);
      if (refused) return callback(refused);
      throw fault;
    }

    if (payload !== undefined) {
      try {
        text = JSON.stringify(payload);
      } catch (error) {
        return unsendable(error, [a, b, c], callback);
      }
      if (text === undefined) {
        return unsendable(new TypeError('The body has no JSON form'), [a, b, c], callback);
      }
    }

    const isDebugging = channel.flushSoon();
    const ticket = channel.take(callback || nop, timeout);
    let refused;
    try {
      refused = send(client, number, ticket, first, second, text);
    } catch (fault) {
      channel.giveBack(ticket);
      throw fault;
    }
    if (refused) {
      channel.giveBack(ticket);
      if (refused.message) return callback(new Error(refused.message));
      if (isDebugging) trace(row, [a, b, c]);
      throw invalidHeader(refused.header);
    }
    if (isDebugging) trace(row, [a, b, c]);
    return undefined;
  };

  /** Runs the checks of path and headers alone, with a stand-in for arguments that throw: they surface only once all checks have passed. */
  function check(args) {
    const [first, second] = [toFirst, toSecond].map((toText, index) => {
      try {
        return toText && toText(args[index]);
      } catch {
        return STAND_IN;
      }
    });
    const refused = send(client, number, NO_TICKET, first, second, toPayload && STAND_IN);
    return refused && refused.message && new Error(refused.message);
  }

  /** The error of the first argument that its check refuses. */
  function wrong(args) {
    const { error } = params.find(({ kind }, index) => checks[kind] && !checks[kind](args[index]));
    return new Error(error);
  }

  /** A body that cannot be written is an error of the request, so it comes later, through the callback. */
  function unsendable(error, args, callback) {
    const refused = check(args);
    if (refused) return callback(refused);
    channel.later(() => (callback || nop)(error));
    return undefined;
  }
}

/** Prints what `debug` says of a call. */
function trace(row, args) {
  const values = [];
  row.params.forEach(({ kind }, index) => {
    if (kind !== 'tag') values.push(kind === 'id' ? addon.uuidOf(args[index]) : args[index]);
  });
  try {
    debug.print(row.trace.replace(/\{(\d)\}/g, (_, index) => values[index]));
  } catch (_) {
    // An id that has no text any more. The request is on its way: what is printed of it must not make the call throw.
  }
}
