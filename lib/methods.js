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
const { hidden, hide } = require('./hidden.js');
const insight = require('./insight.js');
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

/** Rows of the table by resource, with what sends their calls: few services use all of them. */
const tables = new Map();

function tableOf(resource) {
  if (!tables.has(resource)) {
    const Class = addon[resource[0].toUpperCase() + resource.slice(1)];
    const sending = (row) => ({ ...row, send: sender(row, Class[row.name]), later: row.later && sending(row.later) });
    tables.set(resource, JSON.parse(addon.methods(resource)).map(sending));
  }
  return tables.get(resource);
}

/** The rows of a resource that hold in a version. */
const rowsOf = (resource, version) =>
  tableOf(resource).map((row) => (row.later && row.later.versions.includes(version) ? row.later : row));

/**
 * The methods of one resource of the client with this `context`, both forms, on a plain object: they work detached from
 * it.
 *
 * Methods that a resource of the original does not have are not enumerable: what a service does to all methods that it
 * finds, it does to those that it knows.
 */
exports.resource = (name, context) => {
  const rows = rowsOf(name, context.version);
  const methods = {};
  const isExtended = rows.some((row) => row.isOriginal);
  for (const row of rows) add(methods, row.name, callbackForm(row, context), row.isOriginal);
  for (const row of rows) add(methods, `${row.name}Async`, promiseForm(row, methods, context), row.isOriginal);
  for (const key of Object.keys(LISTS[name] || {})) add(methods, key, listing(name, key, methods, context), false);
  return methods;

  function add(owner, key, value, isOriginal) {
    if (isOriginal || !isExtended) owner[key] = value;
    else Object.defineProperty(owner, key, { value, configurable: true, writable: true });
  }
};

function listing(name, key, methods, context) {
  const [paged, count, options] = LISTS[name][key];
  const what = `layer.${name}.${key}`;
  const choose = () => context.family.OwnPromise || promises.ofProcess();
  const list = (...args) => {
    // Loaded here: few services list more than a page.
    const lists = require('./lists.js');
    return lists.list(what, methods, paged, args.slice(0, count), args[count], options, context.version, choose);
  };
  return asPromisified(Object.defineProperty(list, 'name', { value: key, configurable: true }));
}

/** Prototypes of resources whose methods are made when somebody asks for them, by version and resource. */
const prototypes = new Map();

/** The same, for a client of `withOptions`: it is made for one call or for a few, and so are its methods. */
exports.lazyResource = (name, context) => {
  const { version } = context;
  let ofVersion = prototypes.get(version);
  if (ofVersion === undefined) {
    ofVersion = new Map();
    prototypes.set(version, ofVersion);
  }
  let prototype = ofVersion.get(name);
  if (prototype === undefined) {
    prototype = lazyPrototype(name, version);
    ofVersion.set(name, prototype);
  }
  const methods = Object.create(prototype);
  hide(methods, { context, made: {} });
  return methods;
};

function lazyPrototype(name, version) {
  const prototype = {};
  const rows = rowsOf(name, version);
  const isExtended = rows.some((row) => row.isOriginal);
  for (const row of rows) {
    const isListed = row.isOriginal || !isExtended;
    makeLater(prototype, row.name, isListed, (_, context) => callbackForm(row, context));
    makeLater(prototype, `${row.name}Async`, isListed, (methods, context) => promiseForm(row, methods, context));
  }
  for (const key of Object.keys(LISTS[name] || {})) {
    makeLater(prototype, key, false, (methods, context) => listing(name, key, methods, context));
  }
  return prototype;
}

/** A property that is made once, when it is read, and can be replaced, as test doubles do. */
function makeLater(prototype, name, enumerable, make) {
  Object.defineProperty(prototype, name, {
    get() {
      const { context, made } = hidden(this);
      if (made[name] === undefined) made[name] = make(this, context);
      return made[name];
    },
    set(value) {
      hidden(this).made[name] = value;
    },
    enumerable,
    configurable: true,
  });
}

/** By this Bluebird knows what it made: services that began with 1.x have `Promise.promisifyAll(layer.messages)`. */
const PROMISIFIED = { value: true, configurable: true, writable: true };

/** Has Bluebird's promisifyAll leave a function alone, as what it takes for its own. */
const asPromisified = (method) => Object.defineProperty(method, '__isPromisified__', PROMISIFIED);
exports.asPromisified = asPromisified;

/**
 * Calls the callback form with one more argument, so that what that throws, refuses or answers settles the promise. It
 * calls the one that is there by then: tests of services put stubs in place of methods.
 */
function promiseForm(row, methods, context) {
  const { OwnPromise } = context.family;
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
  return asPromisified(named[name]);
}

/** With a name and as many parameters as the original's: stacks, profilers and spies show the name. */
function callbackForm(row, context) {
  const { name, params, send } = row;
  switch (params.length) {
    case 0:
      return { [name]: (callback) => send(context, undefined, undefined, undefined, callback) }[name];
    case 1:
      return { [name]: (a, callback) => send(context, a, undefined, undefined, callback) }[name];
    case 2:
      return { [name]: (a, b, callback) => send(context, a, b, undefined, callback) }[name];
    case 3:
      return { [name]: (a, b, c, callback) => send(context, a, b, c, callback) }[name];
    default:
      return { [name]: (a, b, c, d, callback) => send(context, a, b, c, callback, d) }[name];
  }
}

/** `native` is the method of the addon: `Messages.send` for that of `layer.messages`. */
function sender(row, native) {
  // Made at the first call: a client has far more methods than a service uses.
  let read;

  return (context, a, b, c, last, d) => {
    if (read === undefined) read = reader(row, check);
    const { family, signal, seat } = context;
    const call = read(seat, a, b, c, last, d);
    const { callback } = call;
    if (call.isRefused) return call.isLater ? failLater(call) : callback(call.error);
    if (family.isClosed) return (callback || nop)(family.closedError());
    if (signal !== undefined && signal.aborted) return abortLater(seat, call, signal);
    const isSeen = insight.isOn();
    const isDebugging = channel.flushSoon();
    const watch = signal !== undefined || isSeen ? watching(row, context, isSeen) : undefined;
    const ticket = channel.take(callback || nop, context, watch);
    let refused;
    try {
      refused =
        watch === undefined
          ? native(seat, ticket, call.first, call.second, call.text, call.third)
          : native(seat, ticket, call.first, call.second, call.text, call.third, watch.manner);
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
    if (watch !== undefined) watch.begin(ticket);
    if (isDebugging) trace(row, [a, b, c, d]);
    return undefined;
  };

  /** A signal that is aborted already: nothing is sent, but a wrong argument is told first. */
  function abortLater(seat, { callback, first, second, text, third }, signal) {
    const error = check(seat, first, second, text, third);
    if (error) return callback(error);
    const { aborted } = require('./watch.js');
    return failLater({ callback, error: aborted(signal) });
  }

  /** The checks of the engine alone: the error of the first that fails. */
  function check(seat, first, second, text, third) {
    const refused = native(seat, CHECK_ONLY, first, second, text, third);
    return refused && refused.message ? new Error(refused.message) : undefined;
  }
}

/** Who follows a request. Loaded when a request is followed. */
function watching(row, context, isSeen) {
  const { Watch } = require('./watch.js');
  return new Watch(row, context, isSeen);
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
