'use strict';

/** Agents of Node, translated for the engine. */

const addon = require('./addon.js');

/** Options of Node's agents that the engine honours, and how each is read. */
const HONOURED = {
  keepAlive: Boolean,
  maxSockets: number,
  maxFreeSockets: number,
  timeout: number,
  scheduling,
  host: text,
  port,
  ca: (value, name) => [value].flat().map((one) => pem(one, name)),
  cert: pem,
  key: pem,
  // Nothing but `false` itself turns it off, as in Node.
  rejectUnauthorized: (value) => value !== false,
  servername: text,
};

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
    if (config.agent.createConnection !== Agent.prototype.createConnection) {
      throw new Error('Constructor option `agent` brings a createConnection of its own, which cannot be honoured');
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
  if (!shared)
    shared = create(Number.parseInt(process.versions.node, 10) >= 19 ? { keepAlive: true, timeout: 5000 } : {});
  return shared;
};

function create(options) {
  const native = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || WITHOUT_EFFECT.includes(name)) continue;
    if (!Object.keys(HONOURED).includes(name)) throw refused(name, 'is not supported: remove it');
    native[name === 'timeout' ? 'idleTimeout' : name] = HONOURED[name](value, name);
  }
  return new addon.Agent(native);
}

function refused(name, why) {
  return new Error(`Agent option \`${name}\` ${why}`);
}

/** Numbers may come as text: settings often come from the environment. */
function number(value, name) {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof read !== 'number' || Number.isNaN(read)) throw refused(name, 'needs to be a number');
  return read;
}

function port(value, name) {
  const read = number(value, name);
  if (!Number.isInteger(read) || read < 0 || read > 65535) throw refused(name, 'needs to be from 0 to 65535');
  return read;
}

function text(value, name) {
  if (typeof value !== 'string') throw refused(name, 'needs to be text');
  return value;
}

function scheduling(value, name) {
  if (value !== 'lifo' && value !== 'fifo') throw refused(name, "needs to be 'lifo' or 'fifo'");
  return value;
}

function pem(value, name) {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.toString();
  throw refused(name, 'needs to be PEM text, as a string or a Buffer');
}
