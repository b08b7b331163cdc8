'use strict';

/** Agents of Node, translated for the engine. */

const addon = require('./addon.js');
const { asker, hook } = require('./answers.js');
const { NODE_MAJOR, addressDefaults, extraAuthorities, versionLimits } = require('./environment.js');
const { fromAddon } = require('./errors.js');

/** Options of Node's agents that the engine honours, and how each is read. */
const HONOURED = {
  keepAlive: Boolean,
  keepAliveMsecs: number,
  maxSockets: number,
  maxTotalSockets: count,
  maxFreeSockets: number,
  maxCachedSessions: number,
  timeout: number,
  scheduling,
  host: text,
  port,
  family,
  hints: number,
  localAddress,
  lookup: callable,
  autoSelectFamily: boolean,
  autoSelectFamilyAttemptTimeout: number,
  noDelay: Boolean,
  ca: pems,
  crl: pems,
  cert: pem,
  key: privateKey,
  pfx: (value, name, { passphrase }) => require('./pfx.js').read(value, passphrase, (why) => refused(name, why)),
  // Nothing but `false` itself turns it off, as in Node.
  rejectUnauthorized: (value) => value !== false,
  servername: text,
  checkServerIdentity: callable,
  minVersion: (value, name) => version(value, name),
  maxVersion: (value, name) => version(value, name),
  secureProtocol,
  secureOptions,
  ciphers: text,
  ecdhCurve: (value, name) => (value === 'auto' ? undefined : text(value, name)),
  sigalgs: text,
  ALPNProtocols: protocols,
};

/** Names of options that are others on the engine's side. */
const RENAMED = {
  timeout: 'idleTimeout',
  autoSelectFamilyAttemptTimeout: 'attemptTimeout',
  ecdhCurve: 'curves',
  ALPNProtocols: 'protocols',
};

/**
 * Options that change nothing here: the engine has no part in what they control, or they are for servers and Node's
 * client ignores them, too. `passphrase` is read with the key that it opens.
 */
const WITHOUT_EFFECT = new Set([
  'defaultPort',
  'path',
  'protocol',
  'passphrase',
  'minDHSize',
  'honorCipherOrder',
  'dhparam',
  'requestCert',
  'sessionIdContext',
  'sessionTimeout',
  'ticketKeys',
  'SNICallback',
  'handshakeTimeout',
]);

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
  if (!shared) shared = create(GLOBAL);
  return shared;
};

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
  const settings = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || WITHOUT_EFFECT.has(name)) continue;
    if (!Object.keys(HONOURED).includes(name)) throw refused(name, REASONS[name] || 'is not supported: remove it');
    settings[name] = HONOURED[name](value, name, options);
  }
  const { pfx, lookup, checkServerIdentity, secureProtocol, secureOptions, autoSelectFamily, ...native } = settings;
  for (const name of Object.keys(RENAMED)) {
    if (!(name in native)) continue;
    native[RENAMED[name]] = native[name];
    delete native[name];
  }
  addVersions(native, secureProtocol, secureOptions);
  if (pfx) {
    if (native.cert || native.key) throw refused('pfx', 'is not supported together with `cert` or `key`');
    native.cert = pfx.cert;
    native.key = pfx.key;
  }
  addAuthorities(native, pfx);
  if (native.rejectUnauthorized === undefined) {
    native.expectsUnauthorized = process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0';
  }
  const defaults = addressDefaults();
  const isSelecting = autoSelectFamily === undefined ? defaults.autoSelectFamily : autoSelectFamily;
  native.firstFamily = defaults.firstFamily;
  native.attemptTimeout = isSelecting ? Math.max(native.attemptTimeout || defaults.attemptTimeout, 10) : undefined;
  native.asksLookup = Boolean(lookup);
  native.asksIdentity = Boolean(checkServerIdentity);
  try {
    return new addon.Agent(native, asker(), hook({ lookup, checkServerIdentity, isSelecting, native }));
  } catch (error) {
    throw fromAddon(error);
  }
}

/** Why Node's options that are not honoured are not. */
const REASONS = {
  socketPath: 'is not supported: connections are made over TCP',
  localPort: 'is not supported: the system chooses a port for each connection',
  secureContext: 'is not supported: pass `ca`, `cert`, `key` and the others instead',
  session: 'is not supported: sessions are resumed by themselves',
  createConnection: 'is not supported; for requests through a proxy use the option `proxy`',
  pskCallback: 'is not supported: keys that are shared beforehand cannot be used',
  ALPNCallback: 'is not supported: use `ALPNProtocols`',
};

function addVersions(native, secureProtocol, secureOptions) {
  const limits = versionLimits();
  if (secureProtocol && (native.minVersion || native.maxVersion)) {
    throw refused('secureProtocol', 'does not go together with `minVersion` or `maxVersion`');
  }
  const { only } = secureProtocol || {};
  const flags = secureOptions || {};
  native.minVersion = only || flags.minVersion || native.minVersion || limits.minVersion;
  native.maxVersion = flags.maxVersion || only || native.maxVersion || limits.maxVersion;
  if (flags.hasNoTickets) native.maxCachedSessions = 0;
  if (native.maxVersion === 'TLSv1' || native.maxVersion === 'TLSv1.1') {
    throw refused('maxVersion', 'needs to be TLSv1.2 or TLSv1.3: older ones are not spoken');
  }
}

/** Certificates beside Node's list count only where `ca` does not replace it; those of a `pfx` always do. */
function addAuthorities(native, pfx) {
  const own = pfx ? pfx.ca : [];
  if (native.ca) native.ca = native.ca.concat(own);
  else native.extraCa = extraAuthorities().concat(own);
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

function count(value, name) {
  const read = number(value, name);
  if (read < 1) throw refused(name, 'needs to be 1 or more');
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

function boolean(value, name) {
  if (typeof value !== 'boolean') throw refused(name, 'needs to be true or false');
  return value;
}

function callable(value, name) {
  if (typeof value !== 'function') throw refused(name, 'needs to be a function');
  return value;
}

function scheduling(value, name) {
  if (value !== 'lifo' && value !== 'fifo') throw refused(name, "needs to be 'lifo' or 'fifo'");
  return value;
}

function family(value, name) {
  const known = { 0: undefined, 4: 4, 6: 6, IPv4: 4, IPv6: 6 };
  if (!(value in known)) throw refused(name, 'needs to be 4, 6 or 0');
  return known[value];
}

function localAddress(value, name) {
  if (require('net').isIP(value) === 0) throw refused(name, 'needs to be an IP address');
  return value;
}

function pem(value, name) {
  if (Array.isArray(value)) {
    if (value.length !== 1) throw refused(name, 'needs to be one: only one certificate and its key can be used');
    return pem(value[0], name);
  }
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.toString();
  throw refused(name, 'needs to be PEM text, as a string or a Buffer');
}

function pems(value, name) {
  return [].concat(value).map((one) => pem(one, name));
}

/** A private key without encryption. What opens it is tried by Node, and never told. */
function privateKey(value, name, { passphrase }) {
  let secret = passphrase;
  let given = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (given && given.pem !== undefined) {
    if (given.passphrase !== undefined) secret = given.passphrase;
    given = given.pem;
  }
  const read = pem(given, name);
  if (!/^(-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED)/m.test(read)) return read;
  if (secret === undefined || secret === null) throw refused('passphrase', 'is missing: `key` is encrypted');
  const { createPrivateKey } = require('crypto');
  let key;
  try {
    key = createPrivateKey({ key: read, passphrase: secret });
  } catch (_) {
    throw refused('passphrase', 'does not open `key`');
  }
  return key.export({ type: 'pkcs8', format: 'pem' });
}

/** A lower limit may be lower than what is spoken; an upper one is refused when all is known. */
function version(value, name) {
  if (!['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'].includes(value)) {
    throw refused(name, 'needs to be TLSv1.2 or TLSv1.3');
  }
  return value;
}

/** OpenSSL's old way to choose a version. */
function secureProtocol(value, name) {
  if (/^(TLS|SSLv23)(_client)?_method$/.test(value)) return {};
  if (/^TLSv1_2(_client)?_method$/.test(value)) return { only: 'TLSv1.2' };
  throw refused(name, 'needs to be TLS_method or TLSv1_2_method: TLS 1.2 and 1.3 are spoken');
}

/** Flags of OpenSSL that have a meaning here, or none at all for a client of TLS 1.2 and 1.3. */
function secureOptions(value, name) {
  const { constants } = require('crypto');
  const harmless = [
    'SSL_OP_ALL',
    'SSL_OP_NO_SSLv2',
    'SSL_OP_NO_SSLv3',
    'SSL_OP_NO_TLSv1',
    'SSL_OP_NO_TLSv1_1',
    'SSL_OP_NO_COMPRESSION',
    'SSL_OP_NO_RENEGOTIATION',
    'SSL_OP_CIPHER_SERVER_PREFERENCE',
    'SSL_OP_SINGLE_DH_USE',
    'SSL_OP_SINGLE_ECDH_USE',
  ];
  const { SSL_OP_NO_TLSv1_2: no12, SSL_OP_NO_TLSv1_3: no13, SSL_OP_NO_TICKET: noTicket } = constants;
  const known = harmless.reduce((all, flag) => all | (constants[flag] || 0), no12 | no13 | noTicket);
  const flags = number(value, name);
  // Bits as OpenSSL has them, in 32 of them: `|` makes signed numbers.
  if (!Number.isInteger(flags) || (flags & ~known) !== 0) throw refused(name, 'has flags that are not supported');
  return {
    minVersion: flags & no12 ? 'TLSv1.3' : undefined,
    maxVersion: flags & no13 ? 'TLSv1.2' : undefined,
    hasNoTickets: (flags & noTicket) !== 0,
  };
}

/** Names of protocols as an array, or as TLS has them in a buffer: each after its length. */
function protocols(value, name) {
  const names = [];
  if (Array.isArray(value)) names.push(...value.map(String));
  else {
    const bytes = Buffer.from(value);
    for (let start = 0; start < bytes.length; start += 1 + bytes[start]) {
      names.push(bytes.toString('latin1', start + 1, start + 1 + bytes[start]));
    }
  }
  if (names.some((one) => one !== 'http/1.1')) throw refused(name, "needs to be ['http/1.1']: no other is spoken");
  return names;
}
