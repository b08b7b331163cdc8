'use strict';

/**
 * Preloaded into a file of tests of the client, it has Node carry their requests (`transport: 'node'`). Tests with the
 * original need not run again, and those in this list are about what the own transport does.
 */

const Module = require('node:module');
const path = require('node:path');

/** How names begin, by what the tests are about. */
const OF_NATIVE = {
  'Agents and their options are read, translated and checked; Node takes them as they are': [
    'an agent with a way to connect of its own is refused',
    "an agent that is not an https.Agent is refused with the original's text",
    'a global agent with a way to connect of its own is refused',
    'an option that is not supported is refused by name',
    'an unusable option is refused by name',
    'settings of an agent are read when the first client is made with it',
    'neither token nor key is in what the constructor and the methods throw',
    'passphrase: is not needed for a key in the clear',
    'pfx: a wrong passphrase and what cannot be used are refused',
    'what the caller’s own functions throw or answer is an error of the call',
    'checkServerIdentity: what it throws is the error of the request',
    'lookup: what it throws is the error of the request',
  ],
  'Connections at rest, and those that an agent lets go': [
    'calls in flight beyond maxFreeSockets keep their connections',
    'bytes that nobody asked for end a kept connection',
    'destroy() of an agent does not bear on requests under way',
    'a reply before the body was read',
    'a client that',
  ],
  'Work on the thread of the engine, without the modules of Node': [
    'a dns.lookup that was replaced is not asked',
    "neither the module nor a first request loads Node's own clients",
    'without it, no module is loaded for it, and none of Node',
    'async_hooks: each request is one resource',
    'what an AsyncLocalStorage holds where the first client is made is not kept',
    'errors are of this realm, with a stack',
    'the module of Node.js is loaded when a subscriber has loaded it',
  ],
  'Further headers come before those that Node adds': ['options go with the requests of the client'],
  'The option `proxy`, which an agent of Node takes the place of': [
    'https goes through a tunnel',
    'http is asked for by its whole URL',
    'a proxy that',
    'a reply may have as many bytes as the limit, and no more (through a proxy)',
    'the connection of a reply that is too large is closed, and the rest of it is not read (through a proxy)',
    'NODE_USE_ENV_PROXY=1',
    'NO_PROXY',
    'without NODE_USE_ENV_PROXY, and with an agent',
  ],
};

/** Whether a test is about the own transport only. */
const isOfNative = (name) =>
  Object.values(OF_NATIVE)
    .flat()
    .some((beginning) => name.startsWith(beginning));

// A program that is preloaded into has no main module yet.
if (path.dirname(process.argv[1] ?? '') === __dirname) {
  process.env.LAYER_API_TRANSPORT = 'node';
  const load = Module._load;
  Module._load = (name, ...rest) => {
    const loaded = load(name, ...rest);
    if (name !== 'node:test') return loaded;
    const test = (title, ...args) =>
      isOfNative(title) || title.endsWith(' (original)') ? undefined : loaded.test(title, ...args);
    return { ...loaded, test };
  };
}

module.exports = { OF_NATIVE, isOfNative };
