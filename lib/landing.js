'use strict';

/**
 * What the engine says of the end of a request: status, text, and the head, which is read only when somebody asks for
 * it.
 */

const addon = require('./addon.js');
const { hidden, hide } = require('./hidden.js');

const { FLAG_ABORTED, FLAG_ATTEMPTS, FLAG_NEWS, FLAG_RETRYABLE } = addon;

/** The landing of a request that JavaScript knows as `pending`. */
class Landing {
  /**
   * @param {any} pending
   * @param {number} status HTTP status; 0 where there was no reply
   * @param {string} text body, or record of the failure
   * @param {number} flags
   * @param {Buffer} memory what holds the head: one of many landings, so that none costs an allocation
   * @param {number} start where it begins there
   * @param {number} length
   */
  constructor(pending, status, text, flags, memory, start, length) {
    this.pending = pending;
    this.status = status;
    this.text = text;
    this.flags = flags;
    this.memory = memory;
    this.start = start;
    this.length = length;
    /** Why it cannot be read, where V8 has no room for its text. */
    this.fault = undefined;
  }

  /** Whether the request goes on. */
  get isNews() {
    return (this.flags & FLAG_NEWS) !== 0;
  }

  get isAborted() {
    return (this.flags & FLAG_ABORTED) !== 0;
  }

  get isRetryable() {
    return (this.flags & FLAG_RETRYABLE) !== 0;
  }

  get attempts() {
    return this.flags & FLAG_ATTEMPTS;
  }

  /** Headers of the reply, by lower-case name; those that came several times are joined, but for cookies. */
  get headers() {
    const headers = {};
    for (const [name, value] of this.lines()) {
      if (name.startsWith(':')) continue;
      if (name === 'set-cookie') headers[name] = [...(headers[name] || []), value];
      else headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    return headers;
  }

  get requestId() {
    return this.value('x-request-id');
  }

  /** Seconds that the service asks to wait. */
  get retryAfter() {
    const seconds = this.value(':retry-after');
    return seconds === undefined ? undefined : Number(seconds);
  }

  /** What the last attempt took, for who watches. */
  get timings() {
    const text = this.value(':timings');
    return text === undefined ? undefined : JSON.parse(text);
  }

  value(wanted) {
    const line = this.lines().find(([name]) => name === wanted);
    return line && line[1];
  }

  /** Name and value of each line of the head. */
  lines() {
    if (this.length === 0) return [];
    const lines = this.memory.toString('latin1', this.start, this.start + this.length).split('\n');
    lines.pop();
    return lines.map((line) => {
      // The names of ours begin with a colon.
      const end = line.indexOf(':', 1);
      return [line.slice(0, end), line.slice(end + 1)];
    });
  }
}

/** A property that is there without being a key: `assert.deepStrictEqual(response, {status, body})` holds. */
const beside = (name) => ({
  get() {
    return hidden(this)[name];
  },
  configurable: true,
  enumerable: false,
});
const HEADERS = beside('headers');
const REQUEST_ID = beside('requestId');
const ATTEMPTS = beside('attempts');
const { defineProperty } = Object;

/** A reply as callers get it: a plain object. */
function Response(status, body, landing) {
  this.status = status;
  this.body = body;
  defineProperty(this, 'headers', HEADERS);
  defineProperty(this, 'requestId', REQUEST_ID);
  defineProperty(this, 'attempts', ATTEMPTS);
  hide(this, landing);
}
Response.prototype = Object.prototype;

module.exports = { Landing, Response };
