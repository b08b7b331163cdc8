'use strict';

/** The classes of errors that services know, on the path that they have had since 2.x. */

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

module.exports = { APIError, ResponseError };
