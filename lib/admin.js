'use strict';

/** Requests to the admin API of a running platform, as the commands of `npx layer-api` make them. */

/** A command line that makes no sense. */
class Misuse extends Error {}

/** What the platform says no with. */
class Refusal extends Error {
  /**
   * @param {number | undefined} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Where a platform is when nothing is said. */
const DEFAULT_URL = 'http://127.0.0.1:8080';

/**
 * Asks the admin API, with the token in LAYER_ADMIN_TOKEN; resolves to the answer, once its head is there.
 *
 * @param {string} method
 * @param {string | undefined} url of the platform
 * @param {string} path
 * @param {string} [body] JSON
 */
async function open(method, url = DEFAULT_URL, path, body) {
  const target = new URL(`${url.replace(/\/$/, '')}/_platform${path}`);
  const token = process.env.LAYER_ADMIN_TOKEN;
  if (!token) throw new Misuse('LAYER_ADMIN_TOKEN needs to hold the admin token of the platform');
  const { request } = require(target.protocol === 'https:' ? 'https' : 'http');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  /** @type {import('http').IncomingMessage} */
  const answer = await new Promise((resolve, reject) => {
    request(target, { method, headers }, resolve).on('error', reject).end(body);
  });
  if (answer.statusCode !== undefined && answer.statusCode < 300) return answer;
  throw new Refusal(answer.statusCode, reason(answer.statusCode, await textOf(answer)));
}

/**
 * All of an answer.
 *
 * @param {import('http').IncomingMessage} answer
 */
async function textOf(answer) {
  answer.setEncoding('utf8');
  let text = '';
  for await (const chunk of answer) text += chunk;
  return text;
}

function reason(status, text) {
  try {
    const { message } = JSON.parse(text);
    if (message) return message;
  } catch (_) {
    // Something else answers there.
  }
  return `the answer has the status ${status}`;
}

module.exports = { DEFAULT_URL, Misuse, Refusal, open, textOf };
