'use strict';

/**
 * `rest` ends a program with what the client's threads did in two seconds: how often each was given the processor, and
 * whether it has a timer. `hasTimer` tells that at once: a thread that has none waits for events without a limit.
 */

const { readdirSync, readFileSync } = require('fs');
const { setTimeout: sleep } = require('timers/promises');
const LayerAPI = require(process.env.SUBJECT);

const config = JSON.parse(process.env.CONFIG);

const threads = () =>
  readdirSync('/proc/self/task')
    .map((id) => '/proc/self/task/' + id + '/')
    .filter((folder) => readFileSync(folder + 'comm', 'utf8').startsWith('layer-'));
const switches = (folder) =>
  [...readFileSync(folder + 'status', 'utf8').matchAll(/ctxt_switches:\s*(\d+)/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );

// epoll_wait and epoll_pwait on x86-64, epoll_pwait on ARM; the limit is their fourth argument.
const WAITS = { x64: ['232', '281'], arm64: ['22'] }[process.arch];
const limitOf = async (folder) => {
  for (;;) {
    const [call, , , , limit] = readFileSync(folder + 'syscall', 'utf8').split(' ');
    if (WAITS.includes(call)) return Number(limit) | 0;
    await sleep(10);
  }
};
const hasTimer = async () => (await Promise.all(threads().map(limitOf))).some((limit) => limit !== -1);
const hasFired = async () => {
  while (await hasTimer()) await sleep(50);
};

const rest = async () => {
  const count = () => JSON.stringify(threads().map(switches));
  // What has to be done yet, is done: they wait for events, and have waited for a while.
  for (let last, now = count(); now !== last; ) {
    last = now;
    await sleep(400);
    await hasTimer();
    now = count();
  }
  const before = new Map(threads().map((folder) => [folder, switches(folder)]));
  await sleep(2000);
  const ran = [...before.values()].reduce((sum, count) => sum + count, 0);
  const wakeUps = threads().reduce((sum, folder) => sum + switches(folder) - (before.get(folder) || 0), 0);
  const resources = process.getActiveResourcesInfo();
  console.log(JSON.stringify({ ran, wakeUps, hasTimer: await hasTimer(), resources }));
  process.exit();
};
const use = (layer) => Promise.all(Array.from({ length: 20 }, () => layer.blocklist.getAsync('maria')));
const using = (agentOptions) =>
  use(new LayerAPI({ ...config, agentOptions: { ...config.agentOptions, ...agentOptions } }));
// A machine that is slow may come too late to see it.
const checkTimer = async (limit, start) => {
  if (!(await hasTimer()) && Date.now() - start < limit) throw new Error('There is no timer');
};

module.exports = { checkTimer, hasFired, rest, use, using };
