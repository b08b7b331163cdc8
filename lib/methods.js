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
const { setImmediate } = require('./timers.js');

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
  looseId: (value) => {
    if (!value) return undefined;
    return typeof value === 'string' ? value : '';
  },
  user: (value) => (value ? querystring.escape(value) : undefined),
};

/** Passes every check in place of an argument that could not be looked at. */
const STAND_IN = '-';

function nop() {}

/**
 * The methods of one resource of a client, both forms, on a plain object: they work detached from it. Without an
 * `OwnPromise`, its promises are those of the process.
 */
exports.resource = (name, client, timeout, OwnPromise) => {
  const methods = {};
  METHODS.forEach((row, number) => {
    if (row.resource === name) methods[row.name] = callbackForm(row, number, client, timeout);
  });
  for (const key of Object.keys(methods)) methods[`${key}Async`] = promiseForm(methods, key, OwnPromise);
  return methods;
};

/**
 * Calls the callback form with one more argument, so that what that throws, refuses or answers settles the promise. It
 * calls the one that is there by then: tests of services put stubs in place of methods.
 */
function promiseForm(methods, key, OwnPromise) {
  return (...args) => promises.promiseOf(OwnPromise || promises.ofProcess(), methods, key, args);
}

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
  const toPayload = payloads[row.payload];
  const takesQuery = params[params.length - 1].kind === 'query';

  return (a, b, c, callback) => {
    let first;
    let second;
    let text;
    let payload;
    try {
      if (toFirst) first = toFirst(a);
      if (toSecond) second = toSecond(b);
      if (toPayload) payload = toSecond ? toPayload(c) : toFirst ? toPayload(b, c) : toPayload(a);
      if (takesQuery) {
        const query = toSecond ? c : b;
        if (typeof query === 'function') callback = query;
        else text = `?${querystring.stringify(query)}`;
      }
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

    const ticket = channel.take(callbackOptional ? callback || nop : callback, timeout);
    const refused = send(client, number, ticket, first, second, text);
    if (refused) {
      channel.giveBack(ticket);
      if (refused.message) return callback(new Error(refused.message));
      if (debug.isOn()) trace(row, [a, b, c]);
      throw invalidHeader(refused.header);
    }
    if (channel.flushSoon()) trace(row, [a, b, c]);
    return undefined;
  };

  /** Runs the checks alone, with a stand-in for arguments that throw: they surface only once all checks have passed. */
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

  /** A body that cannot be written is an error of the request, so it comes later, through the callback. */
  function unsendable(error, args, callback) {
    const refused = check(args);
    if (refused) return callback(refused);
    const done = callbackOptional ? callback || nop : callback;
    setImmediate(() => done(error));
    return undefined;
  }
}

/** Prints what `debug` says of a call. */
function trace(row, args) {
  const values = [];
  row.params.forEach(({ kind }, index) => {
    const value = args[index];
    if (kind !== 'tag') values.push(kind === 'id' || kind === 'looseId' ? addon.uuidOf(String(value)) : value);
  });
  debug.print(row.trace.replace(/\{(\d)\}/g, (_, index) => values[index]));
}
