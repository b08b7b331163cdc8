'use strict';

/** The classes of errors that services know, on the path that they have had since 2.x. */

const { hidden } = require('./hidden.js');

/** Statuses after which another attempt may end better, for errors that services make. `retry.rs` has the rules. */
const RETRYABLE = [408, 429, 500, 502, 503, 504];

/** Names that two copies of the package have in common, so that `instanceof` holds for the errors of either. */
const IS_RESPONSE_ERROR = Symbol.for('layer-api.ResponseError');
const IS_API_ERROR = Symbol.for('layer-api.APIError');

/** The service answered with a status of 300 or above. */
class ResponseError extends Error {
  constructor(status, body) {
    super(worded(status, body));
    this.name = 'ResponseError';
    this.status = status;
    this.body = body;
  }

  /** Name of the error, such as `not_found`. */
  get id() {
    return idOf(this.body);
  }

  get headers() {
    const landing = landingOf(this);
    return landing ? landing.headers : {};
  }

  get requestId() {
    const landing = landingOf(this);
    return landing && landing.requestId;
  }

  get attempts() {
    const landing = landingOf(this);
    return landing ? landing.attempts : 1;
  }

  get retryable() {
    const landing = landingOf(this);
    return landing ? landing.isRetryable : RETRYABLE.includes(this.status);
  }

  get retryAfter() {
    const landing = landingOf(this);
    return landing && landing.retryAfter;
  }
}

/** What the engine says of the reply; nothing, where a service made the error. */
function landingOf(error) {
  try {
    return hidden(error);
  } catch (_) {
    return undefined;
  }
}

const isObject = (value) => typeof value === 'object' && value !== null;

const idOf = (body) => (isObject(body) ? body.id : undefined);

/** `404 not_found: The conversation does not exist`, as far as the body says it. */
function worded(status, body) {
  const { id, message } = isObject(body) ? body : {};
  const what = typeof id === 'string' ? `${status} ${id}` : `${status}`;
  return typeof message === 'string' ? `${what}: ${message}` : what;
}

/** The request came to nothing for a reason of our own: a timeout. */
class APIError extends Error {
  constructor(message, error, response) {
    super();
    this.name = 'APIError';
    this.message = message;
    this.error = error;
    this.response = response;
  }
}

/** Has `instanceof Class` hold for what carries the name `brand`. Classes that extend it are told apart as ever. */
function tellApart(Class, brand) {
  Object.defineProperty(Class.prototype, brand, { value: true });
  const isInstance = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(Class, Symbol.hasInstance, {
    value: function (value) {
      return this === Class ? isObject(value) && value[brand] === true : isInstance.call(this, value);
    },
  });
}
tellApart(ResponseError, IS_RESPONSE_ERROR);
tellApart(APIError, IS_API_ERROR);

module.exports = { APIError, ResponseError };
