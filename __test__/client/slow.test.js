'use strict';

/**
 * What is slow is not given up: the timeout is how long nothing moves on a connection, not how long a request takes.
 * Here servers take their time by the clock, and none comes near a timeout, so the tests wait side by side.
 */

const assert = require('node:assert');
const { after, describe, test } = require('node:test');
const { OK, clientOf, closeAll, eachRequest, get, secureServer, sleep, subjects, tlsServer } = require('./support.js');

after(closeAll);

/** Milliseconds. A pause is a small part of it, so that a machine that stands still for seconds changes nothing. */
const TIMEOUT = 4000;
const PAUSE = 600;
const PIECES = 8;

/** A text in `PIECES` parts. */
function inPieces(text) {
  const length = Math.ceil(text.length / PIECES);
  return Array.from({ length: PIECES }, (_, index) => text.slice(index * length, (index + 1) * length));
}

/** Writes pieces with a pause before each. */
async function drip(stream, pieces) {
  for (const piece of pieces) {
    await sleep(PAUSE);
    stream.write(piece);
  }
}

/** What holds for ours has to hold for the original: a request that takes longer than the timeout has its reply. */
function both(name, body) {
  for (const subject of Object.values(subjects)) {
    test(`${name} (${subject.name})`, async () => {
      const start = Date.now();
      const { error, result } = await body(subject);
      assert.ifError(error);
      assert.strictEqual(result.status, 200);
      const took = Date.now() - start;
      assert.ok(took > TIMEOUT, `the server was not slow: ${took} ms`);
    });
  }
}

describe('slow', { concurrency: true }, () => {
  both('a body that drips for longer than the timeout is read to its end', async (subject) => {
    const text = JSON.stringify('x'.repeat(22));
    const server = await secureServer(async (_request, response) => {
      await drip(response, inPieces(text));
      response.end();
    });
    const outcome = await get(clientOf(subject, server, {}, { timeout: TIMEOUT }));
    assert.strictEqual(outcome.result?.body, 'x'.repeat(22), outcome.error?.stack);
    return outcome;
  });

  both('a head that drips for longer than the timeout is read to its end', async (subject) => {
    const server = await tlsServer((socket) => {
      socket.setNoDelay(true);
      eachRequest(socket, () => drip(socket, inPieces(OK)));
    });
    const outcome = await get(clientOf(subject, server, {}, { timeout: TIMEOUT }));
    assert.deepStrictEqual(outcome.result?.body, {}, outcome.error?.stack);
    return outcome;
  });

  both('waiting for a turn does not count', async (subject) => {
    const server = await secureServer(async (_request, response) => {
      await sleep(PAUSE);
      response.end('{}');
    });
    const layer = clientOf(subject, server, { keepAlive: true, maxSockets: 1 }, { timeout: TIMEOUT });
    const outcomes = await Promise.all(Array.from({ length: PIECES }, () => get(layer)));
    assert.deepStrictEqual(
      outcomes.map(({ error, result }) => error ?? result.status),
      outcomes.map(() => 200),
    );
    return outcomes.at(-1);
  });

  both('a server that reads slowly is not given up', async (subject) => {
    // Many times what the system holds in its buffers, which moves unseen.
    const LENGTH = 24e6;
    const server = await tlsServer((socket) => {
      const start = Date.now();
      let read = 0;
      socket.on('data', (data) => {
        read += data.length;
        if (data.includes('"end"}')) socket.end(OK);
        // By the clock: where the machine was slow already, there is no pause.
        const due = start + (read / LENGTH) * PIECES * PAUSE;
        socket.pause();
        setTimeout(() => socket.resume(), due - Date.now());
      });
    });
    const layer = clientOf(subject, server, {}, { timeout: TIMEOUT });
    return new Promise((resolve) => {
      layer.conversations.create({ text: 'x'.repeat(LENGTH), z: 'end' }, (error, result) => resolve({ error, result }));
    });
  });
});
