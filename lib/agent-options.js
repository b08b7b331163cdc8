'use strict';

/** Options of Node's agents, each in one row: how it is read, what the engine calls it, or why it is refused. */

const { addressDefaults, extraAuthorities, versionLimits } = require('./environment.js');

/**
 * Options by name:
 *
 *   read   `(value, refuse, options)` to what the engine gets; throws `refuse(why)` where the value cannot be honoured
 *   as     what the engine calls it, where that is another name; undefined where `optionsOf` has more to do with it
 *   group  the line of the README that names it
 *   why    why it is refused
 *
 * One with none of these changes nothing here: the engine has no part in what it controls, or it is for servers and
 * Node's client ignores it, too.
 *
 * @typedef {(value: any, refuse: (why: string, name?: string) => Error, options: any) => unknown} Read
 * @type {Record<string, {read?: Read, as?: string, group?: string, why?: string}>}
 */
const OPTIONS = {
  keepAlive: { read: Boolean, group: 'connections' },
  keepAliveMsecs: { read: number, group: 'connections' },
  maxSockets: { read: number, group: 'connections' },
  maxTotalSockets: { read: count, group: 'connections' },
  maxFreeSockets: { read: number, group: 'connections' },
  timeout: { read: number, as: 'idleTimeout', group: 'connections' },
  scheduling: { read: scheduling, group: 'connections' },
  noDelay: { read: Boolean, group: 'connections' },

  host: { read: text, group: 'the way to the server' },
  port: { read: port, group: 'the way to the server' },
  family: { read: family, group: 'the way to the server' },
  hints: { read: number, group: 'the way to the server' },
  lookup: { read: callable, group: 'the way to the server' },
  localAddress: { read: localAddress, group: 'the way to the server' },
  autoSelectFamily: { read: boolean, group: 'the way to the server' },
  autoSelectFamilyAttemptTimeout: { read: number, as: 'attemptTimeout', group: 'the way to the server' },

  ca: { read: ofTls('pems'), group: 'trust' },
  crl: { read: ofTls('pems'), group: 'trust' },
  // Nothing but `false` itself turns it off, as in Node.
  rejectUnauthorized: { read: (value) => value !== false, group: 'trust' },
  servername: { read: text, group: 'trust' },
  checkServerIdentity: { read: callable, group: 'trust' },

  cert: { read: ofTls('pem'), group: "the client's own certificate" },
  key: { read: ofTls('privateKey'), group: "the client's own certificate" },
  // It is read with the key that it opens.
  passphrase: { group: "the client's own certificate" },
  pfx: { read: pfx, group: "the client's own certificate" },

  minVersion: { read: ofTls('version'), group: 'TLS' },
  maxVersion: { read: ofTls('version'), group: 'TLS' },
  secureProtocol: { read: ofTls('secureProtocol'), group: 'TLS' },
  secureOptions: { read: ofTls('secureOptions'), group: 'TLS' },
  ciphers: { read: text, group: 'TLS' },
  ecdhCurve: {
    read: (value, refuse) => (value === 'auto' ? undefined : text(value, refuse)),
    as: 'curves',
    group: 'TLS',
  },
  sigalgs: { read: text, group: 'TLS' },
  ALPNProtocols: { read: ofTls('protocols'), as: 'protocols', group: 'TLS' },
  maxCachedSessions: { read: number, group: 'TLS' },

  socketPath: { why: 'is not supported: connections are made over TCP' },
  localPort: { why: 'is not supported: the system chooses a port for each connection' },
  secureContext: { why: 'is not supported: pass `ca`, `cert`, `key` and the others instead' },
  session: { why: 'is not supported: sessions are resumed by themselves' },
  createConnection: { why: 'is not supported; for requests through a proxy use the option `proxy`' },
  pskCallback: { why: 'is not supported: keys that are shared beforehand cannot be used' },
  ALPNCallback: { why: 'is not supported: use `ALPNProtocols`' },

  defaultPort: {},
  path: {},
  protocol: {},
  minDHSize: {},
  honorCipherOrder: {},
  dhparam: {},
  requestCert: {},
  sessionIdContext: {},
  sessionTimeout: {},
  ticketKeys: {},
  SNICallback: {},
  handshakeTimeout: {},
};
exports.OPTIONS = OPTIONS;

/** @type {typeof OPTIONS[string]} */
const UNKNOWN = { why: 'is not supported: remove it' };

/**
 * Options of an agent in the words of the engine, and the functions among them. Throws for one that cannot be honoured.
 */
exports.optionsOf = (options) => {
  /** @type {any} */
  const read = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    const option = Object.keys(OPTIONS).includes(name) ? OPTIONS[name] : UNKNOWN;
    if (option.why) throw refused(name, option.why);
    if (option.read) read[option.as || name] = option.read(value, (why, other = name) => refused(other, why), options);
  }
  const { pfx, lookup, checkServerIdentity, secureProtocol, secureOptions, autoSelectFamily, ...native } = read;
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
  return { native, hooks: { lookup, checkServerIdentity, isSelecting, native } };
};

/** Which versions are spoken, of all that has a say in it. */
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

/** The error for an option that cannot be honoured. */
function refused(name, why) {
  return new Error(`Agent option \`${name}\` ${why}`);
}

/** Certificates beside Node's list count only where `ca` does not replace it; those of a `pfx` always do. */
function addAuthorities(native, pfx) {
  const own = pfx ? pfx.ca : [];
  if (native.ca) native.ca = native.ca.concat(own);
  else native.extraCa = extraAuthorities().concat(own);
}

/** A reader of tls-options.js, which is loaded when one is needed: each module takes time at the start. */
function ofTls(reader) {
  return (value, refuse, options) => require('./tls-options.js')[reader](value, refuse, options);
}

function pfx(value, refuse, { passphrase }) {
  return require('./pfx.js').read(value, passphrase, (why) => refuse(why));
}

function count(value, refuse) {
  const read = number(value, refuse);
  if (read < 1) throw refuse('needs to be 1 or more');
  return read;
}

function port(value, refuse) {
  const read = number(value, refuse);
  if (!Number.isInteger(read) || read < 0 || read > 65535) throw refuse('needs to be from 0 to 65535');
  return read;
}

function boolean(value, refuse) {
  if (typeof value !== 'boolean') throw refuse('needs to be true or false');
  return value;
}

function callable(value, refuse) {
  if (typeof value !== 'function') throw refuse('needs to be a function');
  return value;
}

function scheduling(value, refuse) {
  if (value !== 'lifo' && value !== 'fifo') throw refuse("needs to be 'lifo' or 'fifo'");
  return value;
}

function family(value, refuse) {
  const known = { 0: undefined, 4: 4, 6: 6, IPv4: 4, IPv6: 6 };
  if (!(value in known)) throw refuse('needs to be 4, 6 or 0');
  return known[value];
}

function localAddress(value, refuse) {
  if (require('net').isIP(value) === 0) throw refuse('needs to be an IP address');
  return value;
}

/** Numbers may come as text: settings often come from the environment. */
function number(value, refuse) {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof read !== 'number' || Number.isNaN(read)) throw refuse('needs to be a number');
  return read;
}

function text(value, refuse) {
  if (typeof value !== 'string') throw refuse('needs to be text');
  return value;
}
