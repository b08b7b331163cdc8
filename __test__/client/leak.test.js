'use strict';

/** What many requests leave behind: nothing. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const { OK, clientOf, closeAll, eachRequest, run, secureServer, sleep, subjects, tcpServer } = require('./support.js');

afterEach(closeAll);

/** Requests that are made at once, and what becomes of them. */
const ROUND = 1000;
const REQUESTS = 100_000;
const WARM_UP = 20_000;

/**
 * Growth that is not a leak: what the garbage collector and malloc have not given back yet. A leak of 30 bytes is one.
 */
const BOUNDS = { heapUsed: 2e6, external: 2e6, rss: 12e6, fds: 0, threads: 0, resources: 0 };

/** Answers at once, by the user that a request is about; without the cost of Node's parser. */
const answering = () =>
  tcpServer((socket) => {
    eachRequest(socket, (head) => {
      // The end of a chunked body is no head.
      if (!head.includes('HTTP/1.1')) return;
      if (head.includes('/missing/'))
        socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\n{"id":"not_found"}');
      else if (head.includes('/cut/')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}');
      else if (!head.includes('/never/')) socket.write(OK);
    });
  });

/**
 * Prints by how much things have grown from the end of the warm-up to the end. `leak(index)` is called for each
 * request.
 */
const script = (warmUp, requests, leak) => `
  const { openSync, readdirSync } = require('fs');
  const LayerAPI = require('./');
  const config = { token: process.env.TOKEN, appId: process.env.APP_ID, timeout: 600_000 };
  const keep = { agentOptions: { keepAlive: true, maxSockets: 50 } };
  const layer = new LayerAPI({ ...config, ...keep });
  const impatient = new LayerAPI({ ...config, timeout: 20 });
  const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const leaked = [];
  const leak = ${leak};
  let open = 0;

  /** Counts what is under way, so that the end of what nobody waits for is seen, too. */
  const callback = (check) => {
    let isOver = false;
    open++;
    return (error, result) => {
      if (isOver) throw new Error('called back twice');
      isOver = true;
      open--;
      check(error, result);
    };
  };
  const expect = (truth) => { if (!truth) throw new Error('another outcome'); };
  const fine = (error, result) => expect(result.status === 200);
  const awaited = (promise) => {
    const done = callback(expect);
    promise.then(() => done(true), () => done(true));
  };
  const kinds = [
    ...Array(62).fill((i) => layer.blocklist.get('u' + i, callback(fine))),
    ...Array(20).fill((i) => awaited(layer.identities.getAsync('u' + i))),
    ...Array(5).fill(() => layer.blocklist.get('missing', callback((error) => expect(error.status === 404)))),
    () => awaited(layer.blocklist.getAsync('missing')),
    () => layer.blocklist.get('', callback((error) => expect(error))),
    () => layer.blocklist.get('cut', callback((error) => expect(error.code === 'ECONNRESET'))),
    ...Array(3).fill(() => impatient.blocklist.get('never', callback((error) => expect(error.message)))),
    () => awaited(impatient.blocklist.getAsync('never')),
    // Abandoned: without a callback, by its client, and with a promise that nobody looks at.
    ...Array(3).fill((i) => layer.blocklist.block('u' + i, 'u')),
    () => new LayerAPI({ ...config, ...keep }).blocklist.get('u', callback(fine)),
    ...Array(2).fill((i) => { layer.blocklist.getAsync('u' + i); }),
  ];

  const many = async (requests) => {
    for (let made = 0; made < requests; ) {
      for (let i = 0; i < ${ROUND}; i++, made++) { kinds[i % kinds.length](i); leak(made); }
      while (open > 0) await sleep(1);
      // Clients that nobody holds keep their connections until they are collected. When that is, is V8's affair: with a
      // heap as small as this one's it is rarely, and what they have meanwhile would look like a leak.
      gc();
    }
  };
  const count = (folder) => process.platform === 'linux' ? readdirSync('/proc/self/' + folder).length : 0;
  const measure = async () => {
    // Time for connections that close and for what finalizers let go.
    for (let i = 0; i < 5; i++) { await sleep(200); gc(); }
    const { heapUsed, external, rss } = process.memoryUsage();
    const resources = process.getActiveResourcesInfo().length;
    return { heapUsed, external, rss, fds: count('fd'), threads: count('task'), resources };
  };
  (async () => {
    expect(kinds.length === 100);
    await many(${warmUp});
    const before = await measure();
    await many(${requests - warmUp});
    const after = await measure();
    for (const key in after) after[key] -= before[key];
    console.log(JSON.stringify(after));
    // Some of the leaks that are put in would keep it alive.
    process.exit();
  })();`;

async function growthIn(warmUp, requests, leak = '() => {}') {
  const options = { server: await answering(), args: ['--expose-gc'], patience: 1_800_000 };
  const { code, stdout, stderr } = await run(script(warmUp, requests, leak), options);
  assert.strictEqual(code, 0, stderr);
  return JSON.parse(stdout);
}

const leaking = (growth) => Object.keys(BOUNDS).filter((key) => growth[key] > BOUNDS[key]);

test(`${REQUESTS} requests, fine, failed, given up and abandoned, leave nothing behind`, async () => {
  const growth = await growthIn(WARM_UP, REQUESTS);
  assert.deepStrictEqual(leaking(growth), [], JSON.stringify(growth));
});

const LEAKS = {
  heapUsed: '(i) => leaked.push(Array(60).fill(i))',
  external: '() => leaked.push(new ArrayBuffer(1000))',
  rss: '() => leaked.push(Buffer.alloc(3000, 1))',
  fds: "(i) => { if (i % 100 === 0) openSync('/dev/null'); }",
  resources: '(i) => { if (i % 100 === 0) setTimeout(() => {}, 1e6); }',
};

test('leaks are noticed: a measurement finds each that is put into it', async () => {
  for (const [key, leak] of Object.entries(LEAKS)) {
    const growth = await growthIn(3000, 13_000, leak);
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
