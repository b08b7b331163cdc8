'use strict';

/**
 * Both forms of every method, made from the table of the Rust core, over the class that the addon has for each
 * resource: `layer.messages.send` reads its arguments (`call.js`), takes a ticket (`channel.js`) and calls `send` of
 * the addon's `Messages`.
 */

const addon = require('./addon.js');
const { misuse, needed, reader, traceOf } = require('./call.js');
const channel = require('./channel.js');
const debug = require('./debug.js');
const promises = require('./promises.js');

/** In place of a ticket: the arguments are only checked. */
const CHECK_ONLY = -1;

function nop() {}

/**
 * Lists that come page by page: the method that reads a page, how many arguments it has before the query, and the
 * options of the list.
 */
const LISTS = {
  conversations: { listFromUser: ['getAllFromUser', 1, ['pageSize', 'from', 'sortBy']] },
  messages: {
    list: ['getAll', 1, ['pageSize', 'from']],
    listFromUser: ['getAllFromUser', 2, ['pageSize', 'from']],
  },
  announcements: { listFromUser: ['getAllFromUser', 1, ['pageSize', 'from']] },
};

/** Rows of the table by resource: few services use all of them. */
const tables = new Map();

function tableOf(resource) {
  if (!tables.has(resource)) tables.set(resource, JSON.parse(addon.methods(resource)));
  return tables.get(resource);
}

/**
 * The methods of one resource of the client with a `seat`, both forms, on a plain object: they work detached from it.
 * Without an `OwnPromise`, its promises are those of the process.
 *
 * Methods that a resource of the original does not have are not enumerable: what a service does to all methods that it
 * finds, it does to those that it knows.
 */
exports.resource = (name, seat, timeout, OwnPromise, version) => {
  const Class = addon[name[0].toUpperCase() + name.slice(1)];
  const rows = tableOf(name).map((row) => (row.later && row.later.versions.includes(version) ? row.later : row));
  const methods = {};
  const isExtended = rows.some((row) => row.isOriginal);
  for (const row of rows) add(methods, row.name, callbackForm(row, Class[row.name], seat, timeout), row.isOriginal);
  for (const row of rows) add(methods, `${row.name}Async`, promiseForm(row, methods, OwnPromise), row.isOriginal);
  for (const key of Object.keys(LISTS[name] || {})) add(methods, key, listing(key), false);
  return methods;

  function listing(key) {
    const [paged, count, options] = LISTS[name][key];
    const what = `layer.${name}.${key}`;
    const choose = () => OwnPromise || promises.ofProcess();
    const list = (...args) => {
      // Loaded here: few services list more than a page.
      const lists = require('./lists.js');
      return lists.list(what, methods, paged, args.slice(0, count), args[count], options, version, choose);
    };
    return Object.defineProperty(list, 'name', { value: key, configurable: true });
  }

  function add(owner, key, value, isOriginal) {
    if (isOriginal || !isExtended) owner[key] = value;
    else Object.defineProperty(owner, key, { value, configurable: true, writable: true });
  }
};

/** By this Bluebird knows what it made: services that began with 1.x have `Promise.promisifyAll(layer.messages)`. */
const PROMISIFIED = { value: true, configurable: true, writable: true };

/**
 * Calls the callback form with one more argument, so that what that throws, refuses or answers settles the promise. It
 * calls the one that is there by then: tests of services put stubs in place of methods.
 */
function promiseForm(row, methods, OwnPromise) {
  const least = needed(row);
  const name = `${row.name}Async`;
  const named = {
    [name]: (...args) => {
      const Chosen = OwnPromise || promises.ofProcess();
      if (args.length > least) {
        const error = misuse(row, args);
        if (error) return promises.rejected(Chosen, error);
      }
      while (args.length < least) args.push(undefined);
      return promises.promiseOf(Chosen, methods, row.name, args);
    },
  };
  return Object.defineProperty(named[name], '__isPromisified__', PROMISIFIED);
}

/** With a name and as many parameters as the original's: stacks, profilers and spies show the name. */
function callbackForm(row, native, seat, timeout) {
  const send = sender(row, native, seat, timeout);
  const { name, params } = row;
  switch (params.length) {
    case 0:
      return { [name]: (callback) => send(undefined, undefined, undefined, callback) }[name];
    case 1:
      return { [name]: (a, callback) => send(a, undefined, undefined, callback) }[name];
    case 2:
      return { [name]: (a, b, callback) => send(a, b, undefined, callback) }[name];
    case 3:
      return { [name]: (a, b, c, callback) => send(a, b, c, callback) }[name];
    default:
      return { [name]: (a, b, c, d, callback) => send(a, b, c, callback, d) }[name];
  }
}

/** `native` is the method of the addon: `Messages.send` for that of `layer.messages`. */
function sender(row, native, seat, timeout) {
  // Made at the first call: a client has far more methods than a service uses.
  let read;

  return (a, b, c, last, d) => {
    if (read === undefined) read = reader(row, check);
    const call = read(a, b, c, last, d);
    const { callback } = call;
    if (call.isRefused) return call.isLater ? failLater(call) : callback(call.error);
    const isDebugging = channel.flushSoon();
    const ticket = channel.take(callback || nop, timeout);
    let refused;
    try {
      refused = native(seat, ticket, call.first, call.second, call.text, call.third);
    } catch (fault) {
      channel.giveBack(ticket);
      throw fault;
    }
    if (refused) {
      channel.giveBack(ticket);
      if (refused.message) return callback(new Error(refused.message));
      if (isDebugging) trace(row, [a, b, c, d]);
      throw require('./failures.js').invalidHeader(refused.header);
    }
    if (isDebugging) trace(row, [a, b, c, d]);
    return undefined;
  };

  /** The checks of the engine alone: the error of the first that fails. */
  function check(first, second, text, third) {
    const refused = native(seat, CHECK_ONLY, first, second, text, third);
    return refused && refused.message ? new Error(refused.message) : undefined;
  }
}

function failLater({ callback, error }) {
  channel.later(() => (callback || nop)(error));
}

/** Prints what `debug` says of a call. */
function trace(row, args) {
  try {
    debug.print(traceOf(row, args, addon.uuidOf));
  } catch (_) {
    // An id that has no text any more. The request is on its way: what is printed of it must not make the call throw.
  }
}
