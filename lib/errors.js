'use strict';

const { keptError } = require('./caller.js');

/** The service answered with a status of 300 or above. `message` is empty, as in 2.x: the body says what is wrong. */
class ResponseError extends Error {
  constructor(status, body) {
    super();
    this.name = 'ResponseError';
    this.status = status;
    this.body = body;
  }
}

/** The request came to nothing for a reason of our own: so far, only a timeout. */
class APIError extends Error {
  constructor(message, error, response) {
    super();
    this.name = 'APIError';
    this.message = message;
    this.error = error;
    this.response = response;
  }
}

/** The error of a request without a reply, from the engine's record of it, with the fields that Node gives it. */
function failure({ kind, message, ...fields }, timeout) {
  if (kind === 'timeout') return new APIError(`Request timeout after ${timeout / 1000}seconds.`);
  if (kind === 'caller') return keptError(fields.error);
  if (kind === 'several') return aggregate(fields.errors);
  return networkError(message, fields);
}

function networkError(message, fields) {
  const error = new Error(HAS_OLD_WORDS ? message.replace('self-signed', 'self signed') : message);
  // Node has this one, too, without a value.
  if ('path' in fields) fields.localAddress = undefined;
  return Object.assign(error, fields);
}

/** OpenSSL wrote it without a hyphen before its third version. */
const HAS_OLD_WORDS = /^1\./.test(process.versions.openssl);

/** Where none of several addresses could be connected to, Node has an error of all attempts with the first one's code. */
function aggregate(records) {
  const errors = records.map(({ message, ...fields }) => networkError(message, fields));
  const error = new AggregateError(errors);
  error.code = errors[0].code;
  return error;
}

/** What Node throws for a header value that cannot be sent. */
function invalidHeader(name) {
  const error = new TypeError(`Invalid character in header content ["${name}"]`);
  error.code = 'ERR_INVALID_CHAR';
  return error;
}

module.exports = { APIError, ResponseError, failure, invalidHeader };
