'use strict';

const addon = require('./lib/addon.js');
const { agentOf } = require('./lib/agent.js');
const channel = require('./lib/channel.js');
const debug = require('./lib/debug.js');
const { proxyFor } = require('./lib/environment.js');
const { APIError, ResponseError, fromAddon } = require('./lib/errors.js');
const { resource } = require('./lib/methods.js');
const promises = require('./lib/promises.js');
const { version } = require('./package.json');

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

  const timeout = config.timeout || 10000;
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout < Infinity)) {
    throw new TypeError('Constructor option `timeout` needs to be a positive number of milliseconds');
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
  };
  const client = clientOf(agentOf(config), options);

  this.conversations = resource('conversations', client, timeout, OwnPromise);
  this.messages = resource('messages', client, timeout, OwnPromise);
  this.announcements = resource('announcements', client, timeout, OwnPromise);
  this.blocklist = resource('blocklist', client, timeout, OwnPromise);
  this.identities = resource('identities', client, timeout, OwnPromise);

  // The constructor decides for the whole process, as in 2.x.
  process.env.LAYER_API_DEBUG = `${config.debug || false}`;
  if (debug.isOn()) debug.print(`Initialized v${version} with appId: ${config.appId}`);
}

function clientOf(agent, options) {
  try {
    return addon.client(channel.open(), agent, options);
  } catch (error) {
    throw fromAddon(error);
  }
}

/** Whose promises the `*Async` methods return; read at each call. */
Object.defineProperty(LayerAPI, 'Promise', { enumerable: true, get: promises.ofProcess, set: promises.setOfProcess });

/** What few services use is loaded when one asks for it: it would take a tenth of the time to the first reply of all of them. */
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
