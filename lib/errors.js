'use strict';

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
  return Object.assign(new Error(message), fields);
}

/** What Node throws for a header value that cannot be sent. */
function invalidHeader(name) {
  const error = new TypeError(`Invalid character in header content ["${name}"]`);
  error.code = 'ERR_INVALID_CHAR';
  return error;
}

module.exports = { APIError, ResponseError, failure, invalidHeader };
