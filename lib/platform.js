'use strict';

const { clearInterval, setInterval } = require('timers');
const addon = require('./addon.js');
const { fromAddon } = require('./failures.js');

/** Longest delay of a timer, in milliseconds: about 24 days. */
const LONG = 2 ** 31 - 1;

/** Makes instances possible from in here only. */
const INTERNAL = Symbol('internal');

/** A running platform. Documented in index.d.ts. */
class Platform {
  #native;
  /** Keeps the process alive: the platform's own threads do not. */
  #hold;

  constructor(internal, native) {
    if (internal !== INTERNAL) throw new TypeError('A platform is started with `await Platform.start(options)`');
    this.#native = native;
    this.#hold = setInterval(() => {}, LONG);
    const call = (...args) => this.#call(...args);
    this.clock = {
      now: async () => toDate(await call('GET', '/clock')),
      freeze: async (at) =>
        toDate(await call('POST', '/clock/freeze', at === undefined ? {} : { at_ms: time(at, 'at') })),
      advance: async (ms) => toDate(await call('POST', '/clock/advance', { by_ms: whole(ms, 'ms') })),
      resume: async () => toDate(await call('POST', '/clock/resume')),
    };
  }

  static async start(options = {}) {
    const json = toJson(options);
    return new Platform(INTERNAL, await ours(() => addon.Platform.start(json)));
  }

  /** Starts the platform that a command line describes; for bin/layer-api.js. */
  static async fromCommand(command) {
    return new Platform(INTERNAL, await ours(() => command.start()));
  }

  get url() {
    return this.#native.url;
  }

  get websocketUrl() {
    return this.#native.websocketUrl;
  }

  get console() {
    const { consoleUrl: url } = this.#native;
    if (!url) return undefined;
    return { url, token: this.#native.consoleToken(), isTokenNew: this.#native.isAdminTokenNew };
  }

  async createApp(options) {
    return camel(await this.#call('POST', '/apps', named(options)));
  }

  async apps() {
    return (await this.#call('GET', '/apps')).map(dated);
  }

  async deleteApp(appId) {
    await this.#call('DELETE', `/apps/${segment(appId, 'appId')}`);
  }

  async createToken(appId, options) {
    return dated(await this.#call('POST', tokens(appId), named(options)));
  }

  async tokens(appId) {
    return (await this.#call('GET', tokens(appId))).map(dated);
  }

  async revokeToken(appId, tokenId) {
    await this.#call('DELETE', tokens(appId, tokenId));
  }

  async rotateToken(appId, tokenId, options) {
    return dated(await this.#call('POST', `${tokens(appId, tokenId)}/rotate`, givenGrace(options)));
  }

  async createIdentityProvider(appId, options) {
    return camel(await this.#call('POST', providers(appId), givenKey(options)));
  }

  async identityProviders(appId) {
    return (await this.#call('GET', providers(appId))).map(camel);
  }

  async removeIdentityProvider(appId, providerId) {
    await this.#call('DELETE', providers(appId, providerId));
  }

  async addIdentityKey(appId, providerId, options) {
    return camel(await this.#call('POST', `${providers(appId, providerId)}/keys`, givenKey(options)));
  }

  async removeIdentityKey(appId, providerId, keyId) {
    await this.#call('DELETE', `${providers(appId, providerId)}/keys/${segment(keyId, 'keyId')}`);
  }

  async pushTokens(appId, userId) {
    const path = `/apps/${segment(appId, 'appId')}/users/${segment(userId, 'userId')}/push_tokens`;
    return (await this.#call('GET', path)).map(camel);
  }

  async reset() {
    await this.#call('POST', '/reset');
  }

  async snapshot() {
    return this.#send('GET', '/snapshot');
  }

  async restore(snapshot) {
    if (!(snapshot instanceof Uint8Array)) throw new TypeError('`snapshot` needs to be what `snapshot()` resolved to');
    await this.#send('PUT', '/snapshot', Buffer.from(snapshot.buffer, snapshot.byteOffset, snapshot.byteLength));
  }

  async requests() {
    const recorded = await this.#call('GET', '/requests');
    return recorded.map(({ response, ...request }) => ({
      ...decoded(request),
      response: response && decoded(response),
    }));
  }

  async webhooks() {
    return (await this.#call('GET', '/deliveries')).map(decoded);
  }

  async inject(fault) {
    const { id } = await this.#call('POST', '/faults', fault);
    return {
      id,
      // One that struck as often as it was told is gone already.
      remove: async () => {
        await this.#call('DELETE', `/faults/${id}`, undefined, [404]);
      },
    };
  }

  async close() {
    try {
      await ours(() => this.#native.close());
    } finally {
      clearInterval(this.#hold);
    }
  }

  /** Calls the admin API in-process, JSON both ways. */
  #call = async (method, path, body, fineStatuses) => {
    const bytes = await this.#send(method, path, body && Buffer.from(JSON.stringify(body)), fineStatuses);
    return bytes.length > 0 ? JSON.parse(bytes) : undefined;
  };

  #send = async (method, path, body, fineStatuses = []) => {
    const answer = await ours(() => this.#native.callAdmin(method, `/_platform${path}`, body));
    if (answer.status < 300 || fineStatuses.includes(answer.status)) return answer.body;
    throw new Error(JSON.parse(answer.body).message);
  };
}

// Not every Node has the symbol.
if (Symbol.asyncDispose) {
  const value = Platform.prototype.close;
  Object.defineProperty(Platform.prototype, Symbol.asyncDispose, { value, configurable: true, writable: true });
}

/** What the addon does, with its errors as ours. */
async function ours(work) {
  try {
    return await work();
  } catch (error) {
    throw error.code === 'InvalidArg' ? new TypeError(error.message) : fromAddon(error);
  }
}

/** An id as a segment of a path. */
function segment(id, name) {
  if (typeof id !== 'string' || !id) throw new TypeError(`\`${name}\` needs to be text`);
  return encodeURIComponent(id);
}

/** The path of the tokens of an app, or of one of them. */
function tokens(appId, ...tokenId) {
  return ['/apps', segment(appId, 'appId'), 'tokens', ...tokenId.map((id) => segment(id, 'tokenId'))].join('/');
}

/**
 * The name in the options, if there is one.
 *
 * @param {{name?: unknown}} options
 */
function named({ name } = {}) {
  if (name === undefined) return {};
  if (typeof name !== 'string') throw new TypeError('`name` needs to be text');
  return { name };
}

/**
 * The grace in the options, if there is one.
 *
 * @param {{grace?: unknown}} options
 */
function givenGrace({ grace } = {}) {
  return grace === undefined ? {} : { grace_in_seconds: Math.ceil(whole(grace, 'grace') / 1000) };
}

/** The path of the identity providers of an app, or of one of them. */
function providers(appId, ...providerId) {
  return [
    '/apps',
    segment(appId, 'appId'),
    'identity_providers',
    ...providerId.map((id) => segment(id, 'providerId')),
  ].join('/');
}

/**
 * The public key of the options, if there is one.
 *
 * @param {{publicKey?: unknown}} options
 */
function givenKey({ publicKey } = {}) {
  if (publicKey === undefined) return {};
  const text = Buffer.isBuffer(publicKey) ? publicKey.toString() : publicKey;
  if (typeof text !== 'string') throw new TypeError('`publicKey` needs to be a public key in PEM form');
  return { public_key: text };
}

/** The clock's answer as a Date. */
function toDate(clock) {
  return new Date(clock.now_ms);
}

/** A record with camel-case keys and, where its body is JSON, what that says. */
function decoded(record) {
  const { body, encoding, ...rest } = camel(record);
  if (encoding) return { ...rest, body: Buffer.from(body, encoding) };
  try {
    return { ...rest, body: JSON.parse(body) };
  } catch {
    return { ...rest, body };
  }
}

/** The same with keys as JavaScript writes them; deeper keys, such as names of headers, stay. */
function camel(object) {
  const rename = (key) => key.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [rename(key), value]));
}

/** The same with times as Dates. */
function dated(record) {
  const entries = Object.entries(camel(record));
  return Object.fromEntries(entries.map(([key, value]) => [key, key.endsWith('At') ? new Date(value) : value]));
}

/** Milliseconds since 1970 of a point in time. */
function time(value, name) {
  const ms = new Date(value).getTime();
  if (Number.isNaN(ms)) throw new TypeError(`\`${name}\` needs to be a Date, an ISO 8601 text or milliseconds`);
  return ms;
}

function whole(value, name) {
  if (!Number.isSafeInteger(value)) throw new TypeError(`\`${name}\` needs to be a whole number of milliseconds`);
  return value;
}

/**
 * The options in JSON, for Rust to read by its table of settings. What JSON has nothing for becomes `null`, to be
 * refused.
 */
function toJson(options) {
  return JSON.stringify(options, function plain(key) {
    const value = this[key];
    if (Buffer.isBuffer(value)) return value.toString();
    if (key === 'clock' && this === options && value !== undefined) return time(value, 'clock');
    return ['bigint', 'function', 'symbol'].includes(typeof value) ? null : value;
  });
}

module.exports = { Platform };
