'use strict';

const addon = require('./addon.js');

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
  }

  static async start(options = {}) {
    return new Platform(INTERNAL, await addon.Platform.start(check(options)));
  }

  /** Starts the platform that a command line describes; for bin/layer-api.js. */
  static async fromCommand(command) {
    return new Platform(INTERNAL, await command.start());
  }

  get url() {
    return this.#native.url;
  }

  async createApp() {
    return this.#native.createApp();
  }

  async close() {
    try {
      await this.#native.close();
    } finally {
      clearInterval(this.#hold);
    }
  }
}

const TYPES = { data: 'string', port: 'number', host: 'string', cert: 'string', key: 'string', publicUrl: 'string' };

/** The options as the addon takes them. A name or type that it does not know is an error and not silence. */
function check(options) {
  const checked = {};
  for (const [name, given] of Object.entries(options)) {
    if (!Object.keys(TYPES).includes(name)) {
      throw new TypeError(`Platform option \`${name}\` does not exist; there are ${Object.keys(TYPES).join(', ')}`);
    }
    if (given === undefined) continue;
    const value = Buffer.isBuffer(given) ? given.toString() : given;
    if (typeof value !== TYPES[name]) throw new TypeError(`Platform option \`${name}\` needs to be a ${TYPES[name]}`);
    checked[name] = value;
  }
  const { port } = checked;
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65535)) {
    throw new RangeError('Platform option `port` needs to be a whole number from 0 to 65535');
  }
  return checked;
}

module.exports = { Platform };
