'use strict';

/** Agents of Node, translated for the engine. */

const binding = require('../binding.js');

/** Options of Node's agents that the engine honours, besides the certificates. */
const HONOURED = [
  'keepAlive',
  'maxSockets',
  'maxFreeSockets',
  'scheduling',
  'host',
  'port',
  'rejectUnauthorized',
  'servername',
];

/** Options that change nothing here: the engine always does so, or has no part in what they control. */
const WITHOUT_EFFECT = ['defaultPort', 'keepAliveMsecs', 'maxCachedSessions', 'noDelay', 'path', 'protocol'];

/** One native agent for each agent of Node, so that clients with the same agent share its connections and limits. */
const translated = new WeakMap();
let shared;

/**
 * The native agent for a client's `agent` or `agentOptions`; without either, the one that all such clients share, with
 * the settings of Node's global agent.
 */
exports.agentOf = (config) => {
  if (config.agent) {
    const { Agent } = require('https');
    if (!(config.agent instanceof Agent)) {
      throw new Error('Constructor option `agent` needs to be an instance of https.Agent');
    }
    let native = translated.get(config.agent);
    if (!native) {
      const { keepAlive, maxSockets, maxFreeSockets, options } = config.agent;
      native = create({ ...options, keepAlive, maxSockets, maxFreeSockets });
      translated.set(config.agent, native);
    }
    return native;
  }
  if (config.agentOptions) return create(config.agentOptions);
  // Since Node 19 the global agent keeps connections, and closes them after five seconds of rest.
  shared ??= create(Number.parseInt(process.versions.node, 10) >= 19 ? { keepAlive: true, timeout: 5000 } : {});
  return shared;
};

function create(options) {
  const native = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || WITHOUT_EFFECT.includes(name)) continue;
    if (HONOURED.includes(name)) native[name] = value;
    else if (name === 'timeout') native.idleTimeout = value;
    else if (name === 'ca') native.ca = [value].flat().map((pem) => pemOf(pem, name));
    else if (name === 'cert' || name === 'key') native[name] = pemOf(value, name);
    else throw new Error(`Agent option \`${name}\` is not supported: remove it`);
  }
  if (native.port !== undefined) native.port = Number(native.port);
  return new binding.Agent(native);
}

function pemOf(value, name) {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.toString();
  throw new Error(`Agent option \`${name}\` needs to be PEM text, as a string or a Buffer`);
}
