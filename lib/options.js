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
  signal: [isSignal, 'an AbortSignal'],
  timeout: [isTimeout, 'a positive number of milliseconds'],
  maxRetries: [isRetries, RETRIES],
  idempotencyKey: [(value) => typeof value === 'string' && addon.uuidOf(value) === value, 'a UUID'],
  headers: [(value) => isObject(value) && !Array.isArray(value), 'an object of texts by name'],
  version: [(value) => typeof value === 'string' && value !== '', 'text such as 3.0'],
};

/**
 * The options `given` over those of the client that they are given to, checked. An option that is undefined is not
 * given.
 */
exports.merge = (outer, given) => {
  if (!isObject(given)) throw new TypeError('withOptions needs an object');
  const merged = Object.assign({}, outer);
  for (const name of Object.keys(given)) {
    const value = given[name];
    if (value === undefined) continue;
    const [isRight, what] = Object.prototype.hasOwnProperty.call(OPTIONS, name) ? OPTIONS[name] : [];
    if (!isRight) throw new TypeError(`Option \`${name}\` of withOptions is unknown`);
    if (!isRight(value)) throw new TypeError(`Option \`${name}\` of withOptions needs to be ${what}`);
    merged[name] = name === 'headers' ? mergeHeaders(merged.headers, value) : value;
  }
  return merged;
};

/** By lower-case name: name and value. */
function mergeHeaders(outer, given) {
  const merged = Object.assign(Object.create(null), outer);
  for (const name of Object.keys(given)) {
    const value = given[name];
    if (value === undefined) continue;
    const key = name.toLowerCase();
    if (!TOKEN.test(name))
      throw new TypeError(`Option \`headers\` of withOptions has a name that cannot be sent: "${name}"`);
    if (OURS.includes(key))
      throw new TypeError(`Option \`headers\` of withOptions cannot set ${name}: the client does`);
    if (typeof value !== 'string') throw new TypeError(`Option \`headers\` of withOptions needs text for ${name}`);
    if (UNSENDABLE.test(value)) throw require('./failures.js').invalidHeader(name);
    merged[key] = [name, value];
  }
  return merged;
}

/** The same as the engine takes them: name and value in turn. */
exports.flatten = (headers) => {
  const flat = [];
  for (const key of Object.keys(headers)) flat.push(...headers[key]);
  return flat;
};

/** The `maxRetries` of a constructor. */
exports.retriesOf = ({ maxRetries }) => {
  if (maxRetries === undefined || maxRetries === null) return 0;
  if (!isRetries(maxRetries)) throw new TypeError(`Constructor option \`maxRetries\` needs to be ${RETRIES}`);
  return maxRetries;
};
