'use strict';

/** The options of `withOptions`: what they may be, and how those of an outer client and an inner one come together. */

const addon = require('./addon.js');

/** Headers that the client sets itself, or that say how bytes are to be read. */
const OURS = [
  ...['accept', 'authorization', 'content-type', 'if-none-match', 'host', 'connection', 'transfer-encoding'],
  ...['content-length', 'expect', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade'],
];
/** What the name of a header is made of. */
const TOKEN = /^[\w!#$%&'*+\-.^`|~]+$/;
/** What no header can hold. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;
/** The most attempts that are counted. */
const MOST_RETRIES = 1000;

const isObject = (value) => typeof value === 'object' && value !== null;

const isSignal = (value) =>
  isObject(value) &&
  typeof value.aborted === 'boolean' &&
  typeof value.addEventListener === 'function' &&
  typeof value.removeEventListener === 'function';

const isTimeout = (value) => typeof value === 'number' && value > 0 && value < Infinity;

const isRetries = (value) => Number.isInteger(value) && value >= 0 && value <= MOST_RETRIES;

const RETRIES = `a whole number from 0 to ${MOST_RETRIES}`;

/** By name: whether a value is one, and in words what it needs to be. */
const OPTIONS = {
  signal: { isRight: isSignal, what: 'an AbortSignal' },
  timeout: { isRight: isTimeout, what: 'a positive number of milliseconds' },
  maxRetries: { isRight: isRetries, what: RETRIES },
  idempotencyKey: { isRight: (value) => typeof value === 'string' && addon.uuidOf(value) === value, what: 'a UUID' },
  headers: { isRight: (value) => isObject(value) && !Array.isArray(value), what: 'an object of texts by name' },
  version: { isRight: (value) => typeof value === 'string' && value !== '', what: 'text such as 3.0' },
};
const hasOwn = Object.prototype.hasOwnProperty;

/**
 * The options `given` over those of the client that they are given to, checked. An option that is undefined is not
 * given. A client may be made for one call: loops and arrays of numbers of places make less garbage than iterators.
 */
exports.merge = (outer, given) => {
  if (!isObject(given)) throw new TypeError('withOptions needs an object');
  const merged = Object.assign({}, outer);
  const names = Object.keys(given);
  for (let index = 0; index < names.length; index++) {
    const name = names[index];
    const value = given[name];
    if (value === undefined) continue;
    if (!hasOwn.call(OPTIONS, name)) throw new TypeError(`Option \`${name}\` of withOptions is unknown`);
    const { isRight, what } = OPTIONS[name];
    if (!isRight(value)) throw new TypeError(`Option \`${name}\` of withOptions needs to be ${what}`);
    merged[name] = name === 'headers' ? mergeHeaders(merged.headers, value) : value;
  }
  return merged;
};

/** What of a header stands in a row of places: its name in lower case, its name, its value. */
const WIDTH = 3;

function mergeHeaders(outer, given) {
  const names = Object.keys(given);
  const merged = outer === undefined ? new Array(names.length * WIDTH) : outer.slice();
  let end = outer === undefined ? 0 : merged.length;
  for (let index = 0; index < names.length; index++) {
    const name = names[index];
    const value = given[name];
    if (value === undefined) continue;
    const key = name.toLowerCase();
    if (!TOKEN.test(name))
      throw new TypeError(`Option \`headers\` of withOptions has a name that cannot be sent: "${name}"`);
    if (OURS.includes(key))
      throw new TypeError(`Option \`headers\` of withOptions cannot set ${name}: the client does`);
    if (typeof value !== 'string') throw new TypeError(`Option \`headers\` of withOptions needs text for ${name}`);
    if (UNSENDABLE.test(value)) throw require('./failures.js').invalidHeader(name);
    let place = 0;
    while (place < end && merged[place] !== key) place += WIDTH;
    if (place === end) end += WIDTH;
    merged[place] = key;
    merged[place + 1] = name;
    merged[place + 2] = value;
  }
  merged.length = end;
  return merged;
}

/** The same as the engine takes them: lines of name and value with a colon between. */
exports.linesOf = (headers) => {
  let lines = '';
  for (let place = 0; place < headers.length; place += WIDTH) {
    lines += `${headers[place + 1]}:${headers[place + 2]}\n`;
  }
  return lines;
};

/** The `maxRetries` of a constructor. */
exports.retriesOf = ({ maxRetries }) => {
  if (maxRetries === undefined || maxRetries === null) return 0;
  if (!isRetries(maxRetries)) throw new TypeError(`Constructor option \`maxRetries\` needs to be ${RETRIES}`);
  return maxRetries;
};
