'use strict';

/** What many requests leave behind: nothing. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const {
  OK,
  clientOf,
  closeAll,
  eachRequest,
  run,
  secureServer,
  sleep,
  subjects,
  tcpServer,
  program,
} = require('./support.js');

afterEach(closeAll);

/** Requests that are made at once, and what becomes of them. */
const ROUND = 1000;
const REQUESTS = 100_000;
const WARM_UP = 20_000;

/**
 * Growth that is not a leak: what the garbage collector and malloc have not given back yet. A leak of 30 bytes is one.
 */
const BOUNDS = { heapUsed: 2e6, external: 2e6, rss: 12e6, fds: 0, threads: 0, resources: 0 };

/**
 * Answers by the user that a request is about, without the cost of Node's parser: at once, or `together-50` when there
 * are 50 of them, each on a connection that no other has.
 */
const answering = () => {
  const waiting = [];
  return tcpServer((socket) => {
    eachRequest(socket, (head) => {
      // The end of a chunked body is no head.
      if (!head.includes('HTTP/1.1')) return;
      const [, user] = /users\/([^/]+)/.exec(head);
      const [, count] = /^together-(\d+)$/.exec(user) ?? [];
      if (count) {
        waiting.push(socket);
        if (waiting.length === Number(count)) for (const one of waiting.splice(0)) one.write(OK);
      } else if (user === 'missing')
        socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\n{"id":"not_found"}');
      else if (user === 'cut') socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}');
      else if (user !== 'never') socket.write(OK);
    });
  });
};

async function growthIn(...args) {
  const options = { server: await answering(), args: ['--expose-gc'], patience: 1_800_000 };
  const { code, stdout, stderr } = await run(program('leak.js', ...args.map(String)), options);
  assert.strictEqual(code, 0, stderr);
  return JSON.parse(stdout);
}

const leaking = (growth) => Object.keys(BOUNDS).filter((key) => growth[key] > BOUNDS[key]);

test(`${REQUESTS} requests, fine, failed, given up and abandoned, leave nothing behind`, async () => {
  const growth = await growthIn(WARM_UP, REQUESTS);
  assert.deepStrictEqual(leaking(growth), [], JSON.stringify(growth));
});

const LEAKS = ['heapUsed', 'external', 'rss', 'fds', 'resources'];

test('leaks are noticed: a measurement finds each that is put into it', async () => {
  for (const key of LEAKS) {
    const growth = await growthIn(3000, 13_000, key);
    assert.ok(leaking(growth).includes(key), `${key}: ${JSON.stringify(growth)}`);
  }
});

for (const subject of Object.values(subjects)) {
  test(`a thousand requests at once are answered once each (${subject.name})`, async () => {
    const server = await secureServer((request, response) => {
      const user = /users\/u(\d+)\//.exec(request.url)[1];
      setTimeout(() => response.end(`"${user}"`), user % 7);
    });
    const layer = clientOf(subject, server, { keepAlive: true, maxSockets: 100 });
    const answers = Array.from({ length: ROUND }, () => []);
    await new Promise((resolve) => {
      let left = ROUND;
      for (let index = 0; index < ROUND; index++) {
        layer.blocklist.get(`u${index}`, (error, result) => {
          answers[index].push(error ?? result.body);
          if (--left === 0) resolve();
        });
      }
    });
    await sleep(100);
    assert.deepStrictEqual(
      answers,
      answers.map((_, index) => [String(index)]),
    );
  });
}
