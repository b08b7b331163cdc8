'use strict';

/**
 * Prints by how much things have grown from the end of the warm-up to the end. Arguments: requests of the warm-up, all
 * requests, and the name of a leak to put in, if there is to be one.
 */

const { openSync, readdirSync } = require('fs');
const LayerAPI = require('../../..');

const WARM_UP = Number(process.argv[2]);
const REQUESTS = Number(process.argv[3]);

/** Requests that are made at once. */
const ROUND = 1000;
/** Connections that the client may have. */
const CONNECTIONS = 50;

const leaked = [];

/** What each leak does at each request; every one shows in the measure that it is named after. */
const LEAKS = {
  heapUsed: (i) => leaked.push(Array(60).fill(i)),
  external: () => leaked.push(new ArrayBuffer(1000)),
  rss: () => leaked.push(Buffer.alloc(3000, 1)),
  fds: (i) => {
    if (i % 100 === 0) openSync('/dev/null');
  },
  resources: (i) => {
    if (i % 100 === 0) setTimeout(() => {}, 1e6);
  },
};

const config = { token: process.env.TOKEN, appId: process.env.APP_ID, timeout: 600_000 };
const keep = { agentOptions: { keepAlive: true, maxSockets: CONNECTIONS } };
const layer = new LayerAPI({ ...config, ...keep });
const impatient = new LayerAPI({ ...config, timeout: 20 });
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const leak = LEAKS[process.argv[4]] || (() => {});
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
const expect = (truth) => {
  if (!truth) throw new Error('another outcome');
};
const fine = (_error, result) => expect(result.status === 200);
const awaited = (promise) => {
  const done = callback(expect);
  promise.then(
    () => done(true),
    () => done(true),
  );
};
const kinds = [
  ...Array(62).fill((i) => layer.blocklist.get('u' + i, callback(fine))),
  ...Array(20).fill((i) => awaited(layer.identities.getAsync('u' + i))),
  ...Array(5).fill(() =>
    layer.blocklist.get(
      'missing',
      callback((error) => expect(error.status === 404)),
    ),
  ),
  () => awaited(layer.blocklist.getAsync('missing')),
  () =>
    layer.blocklist.get(
      '',
      callback((error) => expect(error)),
    ),
  () =>
    layer.blocklist.get(
      'cut',
      callback((error) => expect(error.code === 'ECONNRESET')),
    ),
  ...Array(3).fill(() =>
    impatient.blocklist.get(
      'never',
      callback((error) => expect(error.message)),
    ),
  ),
  () => awaited(impatient.blocklist.getAsync('never')),
  // Abandoned: without a callback, by its client, and with a promise that nobody looks at.
  ...Array(3).fill((i) => layer.blocklist.block('u' + i, 'u')),
  () => new LayerAPI({ ...config, ...keep }).blocklist.get('u', callback(fine)),
  ...Array(2).fill((i) => {
    layer.blocklist.getAsync('u' + i);
  }),
];

const many = async (requests) => {
  for (let made = 0; made < requests; ) {
    for (let i = 0; i < ROUND; i++, made++) {
      kinds[i % kinds.length](i);
      leak(made);
    }
    while (open > 0) await sleep(1);
    // Clients that nobody holds keep their connections until they are collected. When that is, is V8's affair: with a
    // heap as small as this one's it is rarely, and what they have meanwhile would look like a leak.
    gc();
  }
};
const count = (folder) => (process.platform === 'linux' ? readdirSync('/proc/self/' + folder).length : 0);
/**
 * Has the client keep as many connections as it may. Without that they are one fewer where one was cut at the end, and
 * what is kept the next time looks like a leak.
 */
const fill = () =>
  Promise.all(Array.from({ length: CONNECTIONS }, () => layer.identities.getAsync('together-' + CONNECTIONS)));
/** The least of each: connections that close, and what finalizers let go, take their time. */
const measure = async () => {
  await fill();
  const least = {};
  for (let i = 0; i < 10; i++) {
    await sleep(200);
    gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    const resources = process.getActiveResourcesInfo().length;
    const found = { heapUsed, external, rss, fds: count('fd'), threads: count('task'), resources };
    for (const key in found) least[key] = key in least ? Math.min(found[key], least[key]) : found[key];
  }
  return least;
};
(async () => {
  expect(kinds.length === 100);
  await many(WARM_UP);
  const before = await measure();
  await many(REQUESTS - WARM_UP);
  const after = await measure();
  for (const key in after) after[key] -= before[key];
  console.log(JSON.stringify(after));
  // Some of the leaks that are put in would keep it alive.
  process.exit();
})();
