'use strict';

const { clearInterval, setInterval } = require('timers');
const addon = require('./addon.js');
const { fromAddon } = require('./errors.js');

/** Longest delay of a timer, in milliseconds: about 24 days. */
const LONG = 2 ** 31 - 1;

/** Makes instances possible from in here only. */
const INTERNAL = Symbol('internal');

/** Requests on record where nothing is said: in memory a platform serves tests, on a file perhaps people. */
const RECORDED_IN_MEMORY = 1000;

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
    const checked = check(options);
    return new Platform(INTERNAL, await ours(() => addon.Platform.start(checked)));
  }

  /** Starts the platform that a command line describes; for bin/layer-api.js. */
  static async fromCommand(command) {
    return new Platform(INTERNAL, await ours(() => command.start()));
  }

  get url() {
    return this.#native.url;
  }

  async createApp() {
    return camel(await this.#call('POST', '/apps'));
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

/** What the addon does, with its errors as ours. */
async function ours(work) {
  try {
    return await work();
  } catch (error) {
    throw fromAddon(error);
  }
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

/** Reads an option of this type. */
const of = (type) => (value, name) => {
  const read = Buffer.isBuffer(value) ? value.toString() : value;
  if (typeof read !== type) throw new TypeError(`Platform option \`${name}\` needs to be a ${type}`);
  return read;
};

/** Reads an option that is a whole number up to `most`. */
const upTo = (most) => (value, name) => {
  if (!(Number.isInteger(of('number')(value, name)) && value >= 0 && value <= most)) {
    throw new RangeError(`Platform option \`${name}\` needs to be a whole number from 0 to ${most}`);
  }
  return value;
};

/** How each option is read, and its name in the addon where that is another one. */
const OPTIONS = {
  data: of('string'),
  port: upTo(65535),
  host: of('string'),
  cert: of('string'),
  key: of('string'),
  publicUrl: of('string'),
  seed: upTo(Number.MAX_SAFE_INTEGER),
  ids: (value) => {
    if (value !== 'random' && value !== 'counting') {
      throw new TypeError("Platform option `ids` needs to be 'random' or 'counting'");
    }
    return value;
  },
  clock: (value) => time(value, 'clock'),
  recordedRequests: upTo(100000),
  maxConnections: upTo(1000000),
  adminToken: of('string'),
  webhooks: group({ allowPrivateAddresses: of('boolean'), allowHttp: of('boolean'), ca: of('string') }),
  exports: group({ unlimited: of('boolean') }),
};

/** Reads an option that is an object of options. */
function group(readers) {
  return (value, name) => {
    if (value === null || typeof value !== 'object') {
      throw new TypeError(`Platform option \`${name}\` needs to be an object`);
    }
    return readAll(value, readers, `${name}.`);
  };
}

/** The options as the addon takes them. A name or type that it does not know is an error and not silence. */
function readAll(options, readers, prefix) {
  const read = {};
  for (const [name, given] of Object.entries(options)) {
    if (!Object.keys(readers).includes(name)) {
      const names = Object.keys(readers).join(', ');
      throw new TypeError(`Platform option \`${prefix}${name}\` does not exist; there are ${names}`);
    }
    if (given !== undefined) read[name] = readers[name](given, prefix + name);
  }
  return read;
}

function check(options) {
  const checked = readAll(options, OPTIONS, '');
  if (checked.seed !== undefined && checked.ids === 'counting') {
    throw new TypeError("Platform option `seed` is for random ids: leave it out with `ids: 'counting'`");
  }
  const { data = ':memory:', recordedRequests = data === ':memory:' ? RECORDED_IN_MEMORY : 0 } = checked;
  return { ...checked, recordedRequests };
}

module.exports = { Platform };
