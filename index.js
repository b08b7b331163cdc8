'use strict';

const addon = require('./lib/addon.js');
const { agentOf, sharedAgent } = require('./lib/agent.js');
const channel = require('./lib/channel.js');
const client = require('./lib/client.js');
const debug = require('./lib/debug.js');
const { proxyFor } = require('./lib/environment.js');
const { APIError, ResponseError } = require('./lib/errors.js');
const { lazyResource, resource } = require('./lib/methods.js');
const { retriesOf } = require('./lib/options.js');
const promises = require('./lib/promises.js');
const { version } = require('./package.json');

/** Default of `maxResponseBytes`: half of what V8 takes for a string. */
const MAX_RESPONSE_BYTES = 256 << 20;
/** Length of V8's longest string; Node 12 and 14 take longer ones. */
const LONGEST_TEXT = 536870888;

/** Options of the constructor. */
const OPTIONS = [
  ...['token', 'appId', 'version', 'timeout', 'maxResponseBytes', 'agent', 'agentOptions', 'baseUrl', 'proxy', 'debug'],
  ...['Promise', 'maxRetries', 'transport'],
];
/** Who carries requests: the engine itself, or Node's `https`. */
const TRANSPORTS = ['native', 'node'];
/** Names of others that were warned of. */
const warned = new Set();

/** 2.x took any, and services may share the object with other modules; but one with a typo must not pass in silence. */
function warnOfUnknown(config) {
  for (const name of Object.keys(config)) {
    if (OPTIONS.includes(name) || warned.has(name)) continue;
    warned.add(name);
    const message = `Constructor option \`${name}\` is unknown to layer-api and has no effect`;
    process.emitWarning(message, { code: 'LAYER_UNKNOWN_OPTION' });
  }
}

/**
 * A client of the Layer Server API. A function and not a class: services inherit from it with `LayerAPI.call(this)`.
 * Documented in index.d.ts.
 */
function LayerAPI(config) {
  config = config || {};
  if (!config.token) throw new Error('You need to pass a valid `token` to constructor');
  // The bare UUID is left in the caller's object, as in 2.x.
  config.appId = typeof config.appId === 'string' ? addon.uuidOf(config.appId) : null;
  if (!config.appId) throw new Error('You need to pass a valid `appId` to constructor');

  warnOfUnknown(config);
  const timeout = config.timeout || 10000;
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout < Infinity)) {
    throw new TypeError('Constructor option `timeout` needs to be a positive number of milliseconds');
  }
  const given = config.maxResponseBytes;
  const maxResponseBytes = given === undefined || given === null ? MAX_RESPONSE_BYTES : given;
  if (!Number.isInteger(maxResponseBytes) || maxResponseBytes < 1 || maxResponseBytes > LONGEST_TEXT) {
    throw new TypeError(`Constructor option \`maxResponseBytes\` needs to be a whole number from 1 to ${LONGEST_TEXT}`);
  }
  for (const name of ['baseUrl', 'proxy']) {
    const value = config[name];
    if (value && typeof value !== 'string') throw new TypeError(`Constructor option \`${name}\` needs to be text`);
  }
  const isCarried = transportOf(config) === 'node';
  if (isCarried && config.proxy) {
    throw new TypeError("Constructor option `proxy` cannot be used with `transport: 'node'`: pass an `agent` for it");
  }
  const OwnPromise = promises.ofConfig(config);
  const baseUrl = config.baseUrl || process.env.LAYER_API_URL || 'https://api.layer.com';
  const hasAgent = config.agent || config.agentOptions;
  const options = {
    appId: config.appId,
    token: `${config.token}`,
    version: `${config.version || '1.0'}`,
    baseUrl,
    proxy: config.proxy || (hasAgent || isCarried ? undefined : proxyFor(baseUrl)),
    timeout,
    maxResponseBytes,
    maxRetries: retriesOf(config),
  };
  const native = isCarried ? carriedOf(config, options) : nativeOf(agentOf(config), options);
  const context = client.found(this, native, timeout, options.version, OwnPromise);

  const { agent, agentOptions } = config;
  context.family.ways = { agent, agentOptions, baseUrl, proxy: options.proxy, maxRetries: config.maxRetries };
  for (const name of ORIGINAL) makeWhenRead(this, name, context);

  // The constructor decides for the whole process, as in 2.x.
  process.env.LAYER_API_DEBUG = `${config.debug || false}`;
  if (debug.isOn()) debug.print(`Initialized v${version} with appId: ${config.appId}`);
}

/** A client that shares connections, app and limits with this one, and has options of its own for its requests. */
function withOptions(options) {
  return client.withOptions(this, options, RESOURCES, makeLazily);
}

/** Takes no more calls; resolves when those under way are over and connections that nobody else needs are closed. */
function close() {
  return client.close(this);
}

/** As a class has its methods. */
const asMethod = (value) => ({ value, configurable: true, writable: true });
Object.defineProperty(LayerAPI.prototype, 'withOptions', asMethod(withOptions));
Object.defineProperty(LayerAPI.prototype, 'close', asMethod(close));
Object.defineProperty(LayerAPI.prototype, Symbol.for('nodejs.util.inspect.custom'), asMethod(inspected));
// Not every Node has the symbol.
if (Symbol.asyncDispose) Object.defineProperty(LayerAPI.prototype, Symbol.asyncDispose, asMethod(close));

/** Which transport a client asks for; without that, tests of a service do, by the environment. */
function transportOf({ transport }) {
  const isOption = transport !== undefined && transport !== null;
  const chosen = isOption ? transport : process.env.LAYER_API_TRANSPORT || 'native';
  if (TRANSPORTS.includes(chosen)) return chosen;
  const what = isOption ? 'Constructor option `transport`' : 'Environment variable `LAYER_API_TRANSPORT`';
  throw new TypeError(`${what} needs to be \`native\` or \`node\``);
}

let carriers;

/** A client whose requests Node carries. */
function carriedOf(config, options) {
  if (!carriers) carriers = require('./lib/carrier.js').carrierFor(channel);
  const { carrier, route } = carriers.open(config, options.baseUrl);
  return nativeOf(sharedAgent(), { ...options, route }, carrier);
}

function nativeOf(agent, options, carrier) {
  try {
    return new addon.Client(channel.open(), agent, options, carrier);
  } catch (error) {
    throw require('./lib/failures.js').fromAddon(error);
  }
}

/** Resources that the original has, and those that it does not have. */
const ORIGINAL = ['conversations', 'messages', 'announcements', 'blocklist', 'identities'];
const ADDED = ['users', 'content', 'notifications', 'exports', 'webhooks', 'app'];
const RESOURCES = [...ORIGINAL, ...ADDED];

/** A resource of the client with this context, made by `make`. */
function makeResource(name, context, make) {
  const methods = make(name, context);
  if (name !== 'content') return methods;
  return require('./lib/content.js').extend(methods, context);
}

/**
 * Has a client make a resource when somebody reads it: few services use all of them, and to make them takes most of the
 * time of the constructor. Accessors of the client itself: what stands in a client's place, such as a Proxy, or an
 * object that inherits from it, reads the resources of the client.
 */
function makeWhenRead(owner, name, context) {
  // A class that inherits from the client may have a property of that name, which hears of the resource as ever.
  if (!Object.isExtensible(owner) || name in owner) {
    owner[name] = makeResource(name, context, resource);
    return;
  }
  let made;
  Object.defineProperty(owner, name, {
    get() {
      if (made === undefined) {
        made = makeResource(name, context, resource);
        // One that is frozen stays as it is.
        Reflect.defineProperty(owner, name, plain(made));
      }
      return made;
    },
    set(value) {
      Object.defineProperty(this, name, plain(value));
    },
    enumerable: true,
    configurable: true,
  });
}

/** As an assignment makes it. */
const plain = (value) => ({ value, enumerable: true, configurable: true, writable: true });

/** `util.inspect` shows a client as it is once its resources are made: it goes on with what it is given back. */
function inspected() {
  for (const name of Object.keys(this)) void this[name];
  return this;
}

const makeLazily = (name, context) => makeResource(name, context, lazyResource);

/**
 * These are made when they are asked for. A service that inherits from the client may have a property of that name, and
 * keeps it.
 */
for (const name of ADDED) {
  const settle = (owner, value) =>
    Object.defineProperty(owner, name, { value, configurable: true, writable: true })[name];
  Object.defineProperty(LayerAPI.prototype, name, {
    get() {
      const context = client.contextOf(this);
      return context && settle(this, makeResource(name, context, resource));
    },
    set(value) {
      Object.defineProperty(this, name, plain(value));
    },
    configurable: true,
  });
}

/** Whose promises the `*Async` methods return; read at each call. */
Object.defineProperty(LayerAPI, 'Promise', { enumerable: true, get: promises.ofProcess, set: promises.setOfProcess });

/**
 * What few services use is loaded when one asks for it: it would take a tenth of the time to the first reply of all of
 * them.
 */
function loadLater(name, load) {
  const settle = (value) => Object.defineProperty(LayerAPI, name, plain(value));
  const get = () => settle(load())[name];
  Object.defineProperty(LayerAPI, name, { get, set: settle, enumerable: true, configurable: true });
}

module.exports = LayerAPI;
module.exports.default = LayerAPI;
module.exports.LayerAPI = LayerAPI;
module.exports.ResponseError = ResponseError;
module.exports.APIError = APIError;
loadLater('Platform', () => require('./lib/platform.js').Platform);
loadLater('webhooks', () => require('./lib/webhooks.js'));
loadLater('identityToken', () => require('./lib/identity-token.js').identityToken);
