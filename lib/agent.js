'use strict';

/** Agents of Node, recognised and translated for the engine. */

const addon = require('./addon.js');
const { optionsOf } = require('./agent-options.js');
const { asker, hook } = require('./answers.js');
const { NODE_MAJOR } = require('./environment.js');

/** What an agent does by methods that a subclass may replace. */
const METHODS = ['createConnection', 'createSocket', 'addRequest', 'getName', 'keepSocketAlive', 'reuseSocket'];

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
    return translate(config.agent, 'Constructor option `agent`');
  }
  if (config.agentOptions) return create(config.agentOptions);
  // Loading https takes longer than all the rest of a first request. While nobody has, nobody has changed its agent.
  const loaded = process.moduleLoadList;
  if (!loaded || loaded.includes('NativeModule https')) {
    const { globalAgent } = require('https');
    if (!isUnchanged(globalAgent)) return translate(globalAgent, '`https.globalAgent`');
  }
  return sharedAgent();
};

/** The agent that all clients share that have none. */
const sharedAgent = () => {
  if (!shared) shared = create(GLOBAL);
  return shared;
};
exports.sharedAgent = sharedAgent;

/** Since Node 19 the global agent keeps connections, and closes them after five seconds of rest. */
const GLOBAL = NODE_MAJOR >= 19 ? { keepAlive: true, timeout: 5000 } : { keepAlive: false };

/** Whether the global agent is as Node made it. */
function isUnchanged(agent) {
  const { keepAlive, timeout, scheduling, maxSockets, maxFreeSockets, maxTotalSockets, ...rest } = settingsOf(agent);
  const { protocol, path, noDelay, keepAliveMsecs, maxCachedSessions, defaultPort, ...unknown } = rest;
  return (
    agent.constructor === require('https').Agent &&
    METHODS.every((name) => agent[name] === agent.constructor.prototype[name]) &&
    Boolean(keepAlive) === GLOBAL.keepAlive &&
    timeout === GLOBAL.timeout &&
    (scheduling === undefined || scheduling === 'lifo') &&
    maxSockets === Infinity &&
    maxFreeSockets === 256 &&
    (maxTotalSockets === undefined || maxTotalSockets === Infinity) &&
    (keepAliveMsecs === undefined || keepAliveMsecs === 1000) &&
    maxCachedSessions === 100 &&
    noDelay !== false &&
    Object.keys(unknown).length === 0
  );
}

/** The options of an agent, with those that Node keeps on the agent itself. */
function settingsOf(agent) {
  const { keepAlive, keepAliveMsecs, maxSockets, maxFreeSockets, maxTotalSockets, maxCachedSessions } = agent;
  return {
    ...agent.options,
    keepAlive,
    keepAliveMsecs,
    maxSockets,
    maxFreeSockets,
    maxTotalSockets,
    maxCachedSessions,
  };
}

function translate(agent, what) {
  let native = translated.get(agent);
  if (native) return native;
  const { Agent } = require('https');
  for (const name of METHODS) {
    if (agent[name] === Agent.prototype[name]) continue;
    const why = 'which cannot be honoured; for requests through a proxy use the option `proxy`';
    throw new Error(`${what} brings a ${name} of its own, ${why}`);
  }
  native = create(settingsOf(agent));
  translated.set(agent, native);
  closeWith(agent, native);
  return native;
}

/** Has `agent.destroy()` close the idle connections that the engine holds for it. */
function closeWith(agent, native) {
  const { destroy } = agent;
  Object.defineProperty(agent, 'destroy', {
    configurable: true,
    writable: true,
    value: function (...args) {
      native.closeIdle();
      return destroy.apply(this, args);
    },
  });
}

function create(options) {
  const { native, hooks } = optionsOf(options);
  try {
    return new addon.Agent(native, asker(), hook(hooks));
  } catch (error) {
    throw require('./failures.js').fromAddon(error);
  }
}
