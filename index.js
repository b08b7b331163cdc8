'use strict';

const addon = require('./lib/addon.js');
const { agentOf } = require('./lib/agent.js');
const channel = require('./lib/channel.js');
const debug = require('./lib/debug.js');
const { proxyFor } = require('./lib/environment.js');
const { APIError, ResponseError } = require('./lib/errors.js');
const { resource } = require('./lib/methods.js');
const promises = require('./lib/promises.js');
const { version } = require('./package.json');

/** Default of `maxResponseBytes`: half of what V8 takes for a string. */
const MAX_RESPONSE_BYTES = 256 << 20;
/** Length of V8's longest string; Node 12 and 14 take longer ones. */
const LONGEST_TEXT = 536870888;

/** Options of the constructor. */
const OPTIONS = [
  ...['token', 'appId', 'version', 'timeout', 'maxResponseBytes', 'agent', 'agentOptions', 'baseUrl', 'proxy', 'debug'],
  'Promise',
];
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
  const OwnPromise = promises.ofConfig(config);
  const baseUrl = config.baseUrl || process.env.LAYER_API_URL || 'https://api.layer.com';
  const hasAgent = config.agent || config.agentOptions;
  const options = {
    appId: config.appId,
    token: `${config.token}`,
    version: `${config.version || '1.0'}`,
    baseUrl,
    proxy: config.proxy || (hasAgent ? undefined : proxyFor(baseUrl)),
    timeout,
    maxResponseBytes,
  };
  const { seat } = clientOf(agentOf(config), options);

  const { agent, agentOptions } = config;
  const make = (name) => {
    const methods = resource(name, seat, timeout, OwnPromise, options.version);
    if (name !== 'content') return methods;
    const promiseOf = (call) => promises.promiseOfCall(OwnPromise || promises.ofProcess(), call);
    const { baseUrl, proxy } = options;
    return require('./lib/content.js').extend(methods, { agent, agentOptions, baseUrl, proxy, timeout }, promiseOf);
  };
  this.conversations = make('conversations');
  this.messages = make('messages');
  this.announcements = make('announcements');
  this.blocklist = make('blocklist');
  this.identities = make('identities');
  makers.set(this, make);

  // The constructor decides for the whole process, as in 2.x.
  process.env.LAYER_API_DEBUG = `${config.debug || false}`;
  if (debug.isOn()) debug.print(`Initialized v${version} with appId: ${config.appId}`);
}

function clientOf(agent, options) {
  try {
    return new addon.Client(channel.open(), agent, options);
  } catch (error) {
    throw require('./lib/failures.js').fromAddon(error);
  }
}

/** What makes the resources of a client that the original does not have. */
const makers = new WeakMap();

/**
 * These are made when they are asked for. A service that inherits from the client may have a property of that name, and
 * keeps it.
 */
for (const name of ['users', 'content', 'notifications', 'exports', 'webhooks', 'app']) {
  const settle = (client, value) =>
    Object.defineProperty(client, name, { value, configurable: true, writable: true })[name];
  Object.defineProperty(LayerAPI.prototype, name, {
    get() {
      return makers.has(this) ? settle(this, makers.get(this)(name)) : undefined;
    },
    set(value) {
      Object.defineProperty(this, name, { value, enumerable: true, configurable: true, writable: true });
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
  const settle = (value) =>
    Object.defineProperty(LayerAPI, name, { value, enumerable: true, configurable: true, writable: true });
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
