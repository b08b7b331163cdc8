'use strict';

/**
 * What the methods of a client have in common: a context for each client, and a family of all that were made of one by
 * `withOptions`. They share all but the options of requests.
 */

const { hidden, hide, hideAnew } = require('./hidden.js');
const { linesOf, merge } = require('./options.js');
const promises = require('./promises.js');

/** A client and those made of it. */
class Family {
  /**
   * @param {import('../src/addon').Client} native
   * @param {number} timeout
   * @param {string} version
   * @param {any} OwnPromise
   */
  constructor(native, timeout, version, OwnPromise) {
    this.native = native;
    this.timeout = timeout;
    this.version = version;
    this.OwnPromise = OwnPromise;
    this.seat = native.seat;
    /** Requests whose callbacks are not over, and transfers of content that are not. */
    this.open = 0;
    this.isClosed = false;
    /** What waits for the end of all requests. */
    this.closed = undefined;
    this.end = undefined;
    /** How the client goes to the service, for transfers of content, which go past the engine. */
    this.ways = undefined;
    /** What makes their requests: `links.js`; made by the first of them. */
    this.links = undefined;
  }

  /** A request or a transfer begins. */
  begin() {
    this.open += 1;
  }

  /** It is over. */
  over() {
    this.open -= 1;
    if (this.open === 0 && this.isClosed) this.end();
  }

  /** Makes a request of what began before the client was closed, which may come to its end. */
  within(call) {
    const { isClosed } = this;
    this.isClosed = false;
    try {
      return call();
    } finally {
      this.isClosed = isClosed;
    }
  }

  /** The error of a call that comes too late. */
  closedError() {
    return Object.assign(new Error('The client is closed'), { code: 'ERR_LAYER_CLIENT_CLOSED' });
  }

  /** Takes no more requests; resolves when none is under way and no connection is kept. */
  close() {
    if (this.closed === undefined) {
      this.isClosed = true;
      const Chosen = this.OwnPromise || promises.ofProcess();
      this.closed = new Chosen((resolve) => {
        this.end = () => {
          this.native.close();
          if (this.links) this.links.close();
          resolve();
        };
      });
      if (this.open === 0) this.end();
    }
    return this.closed;
  }
}

/** What one client adds to the requests of its family. */
class Context {
  constructor(family, options) {
    this.family = family;
    this.options = options;
    this.timeout = options.timeout === undefined ? family.timeout : options.timeout;
    this.version = options.version === undefined ? family.version : options.version;
    this.signal = options.signal;
    /** Made when a request needs it. */
    this.made = undefined;
  }

  /** What the methods of the addon take. */
  get seat() {
    if (this.made === undefined) this.made = this.makeSeat();
    return this.made;
  }

  makeSeat() {
    const { native, seat } = this.family;
    const { timeout, maxRetries, idempotencyKey, version, headers } = this.options;
    const isOwn = timeout || maxRetries !== undefined || idempotencyKey || version || headers;
    if (!isOwn) return seat;
    return native.seatWith(timeout, maxRetries, idempotencyKey, version, headers && linesOf(headers));
  }
}

const NONE = Object.freeze({});

/** Makes `client` one of its own, and returns its context. */
exports.found = (client, native, timeout, version, OwnPromise) => {
  const context = new Context(new Family(native, timeout, version, OwnPromise), NONE);
  // The constructor may be called on the same object again.
  hideAnew(client, { context, resources: undefined });
  return context;
};

/** The prototypes of clients that `withOptions` makes, by that of the client that it is called on. */
const prototypes = new WeakMap();

/** The context of a client; undefined for what is none. */
exports.contextOf = (client) => {
  try {
    return hidden(client).context;
  } catch (_) {
    return undefined;
  }
};

/** A client that differs from `client` in `options` of its requests. `make` makes a resource, by name and context. */
exports.withOptions = (client, options, names, make) => {
  const { context } = hidden(client);
  const made = Object.create(prototypeFor(client, names, make));
  hide(made, { context: new Context(context.family, merge(context.options, options)), resources: {} });
  return made;
};

/** The resources of such a client are made when somebody asks for them: most are made for one call. */
function prototypeFor(client, names, make) {
  const parent = Object.getPrototypeOf(client);
  if (hasOwn(parent, IS_DERIVED)) return parent;
  let prototype = prototypes.get(parent);
  if (prototype === undefined) {
    prototype = Object.create(parent, { [IS_DERIVED]: { value: true } });
    for (const name of names) {
      Object.defineProperty(prototype, name, {
        get() {
          const state = hidden(this);
          if (state.resources[name] === undefined) state.resources[name] = make(name, state.context);
          return state.resources[name];
        },
        set(value) {
          hidden(this).resources[name] = value;
        },
        enumerable: true,
        configurable: true,
      });
    }
    prototypes.set(parent, prototype);
  }
  return prototype;
}

const IS_DERIVED = Symbol('made by withOptions');
const hasOwn = (object, key) => Object.prototype.hasOwnProperty.call(object, key);

exports.close = (client) => hidden(client).context.family.close();
