'use strict';

/** Errors of requests that came to nothing, from the engine's records of them, as Node makes its own. */

const { keptError } = require('./answers.js');
const { NODE_MAJOR, usesSystem } = require('./environment.js');
const { APIError } = require('./errors.js');

/** The error of a request without a reply, from the engine's record of it, with the fields that Node gives it. */
function failure(record, timeout, landing) {
  return describe(errorOf(record, timeout), landing);
}

function errorOf({ kind, message, ...fields }, timeout) {
  if (kind === 'timeout') return new APIError(`Request timeout after ${timeout / 1000}seconds.`);
  if (kind === 'answer') return keptError(fields.error);
  if (kind === 'several') return aggregate(fields.errors);
  return networkError(message, fields);
}

function networkError(message, fields) {
  const error = new Error(worded(message, fields.code));
  // Node has this one, too, without a value.
  if ('path' in fields) fields.localAddress = undefined;
  return Object.assign(error, fields);
}

/** What Node has for a certificate depends on its version. */
function worded(message, code) {
  if (HAS_OLD_WORDS) return message.replace('self-signed', 'self signed');
  if (NODE_MAJOR < 24 || !UNKNOWN_TO_NODE.includes(code) || usesSystem()) return message;
  return `${message}; if the root CA is installed locally, try running Node.js with --use-system-ca`;
}

/** Codes with which newer Nodes think of the system's certificates. */
const UNKNOWN_TO_NODE = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
];

/** OpenSSL wrote it without a hyphen before its third version. */
const HAS_OLD_WORDS = /^1\./.test(process.versions.openssl);

/** The error of a request whose outcome could not be read on this side: `fault` says why. */
function unreadable(fault, landing) {
  const why = fault instanceof Error ? `: ${fault.message}` : '';
  const error = Object.assign(new Error(`The response cannot be read${why}`), { code: 'ERR_RESPONSE_UNREADABLE' });
  return describe(error, landing);
}

/**
 * Where none of several addresses could be connected to, Node has an error of all attempts with the first one's code.
 */
function aggregate(records) {
  const errors = records.map(({ message, ...fields }) => networkError(message, fields));
  // Node 12 has none, and tries no second address unless it is told to.
  const error =
    typeof AggregateError === 'function' ? new AggregateError(errors) : Object.assign(new Error(), { errors });
  return Object.assign(error, { code: errors[0].code });
}

/** What Node throws for a header value that cannot be sent. */
function invalidHeader(name) {
  const error = new TypeError(`Invalid character in header content ["${name}"]`);
  return Object.assign(error, { code: 'ERR_INVALID_CHAR' });
}

/**
 * An error of the addon as one of ours: the addon's are of the realm that loaded it first, so that in a Jest file they
 * are no instances of `Error`, and they carry codes of N-API.
 */
function fromAddon({ message }) {
  return new Error(message);
}

/** The caller gave the request up; as Node's own. */
class AbortError extends Error {
  constructor(signal) {
    super('The operation was aborted');
    Object.defineProperty(this, 'name', { value: 'AbortError', configurable: true, writable: true });
    this.code = 'ABORT_ERR';
    if ('reason' in signal) {
      Object.defineProperty(this, 'cause', { value: signal.reason, configurable: true, writable: true });
    }
  }
}

/** Tells of an error without a reply whether another attempt may end better, and how many there were. */
function describe(error, { isRetryable, attempts }) {
  // What a function of the caller has thrown can be anything.
  if (typeof error !== 'object' || error === null || !Object.isExtensible(error)) return error;
  for (const [name, value] of [
    ['retryable', isRetryable],
    ['attempts', attempts],
  ]) {
    Object.defineProperty(error, name, { value, configurable: true, writable: true });
  }
  return error;
}

module.exports = { AbortError, describe, errorOf, failure, fromAddon, invalidHeader, unreadable };
