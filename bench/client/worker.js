'use strict';

/**
 * Measures one variant in a process of its own, prints the figures as one line of JSON, and exits.
 *
 * Usage: node worker.js VARIANT SETTINGS, where SETTINGS is JSON: `{port, ca, operation, concurrency, connections,
 * warmUp, seconds, requests}`. It warms up for `warmUp` seconds and measures for `seconds`, or `requests` if given.
 */

const fs = require('fs');
const https = require('https');
const { performance } = require('perf_hooks');
const { operations, variants } = require('./variants.js');

/** No client comes near it, so the list of latencies has room for all. */
const MOST_PER_SECOND = 500_000;

async function main([name, settings]) {
  const { port, ca, operation, concurrency, connections, warmUp, seconds, requests } = JSON.parse(settings);
  const { form, create } = variants[name];
  const call = caller(create({ port, ca, connections }), operations[operation], form);
  const run = form === 'callback' ? runCallbacks : runPromises;
  const during = (time) => ({ concurrency, seconds: time, requests: Math.ceil(time * MOST_PER_SECOND) });
  const serverCpu = serverCpuFrom(new https.Agent({ host: 'localhost', port, ca, keepAlive: true }));

  await run(call, during(warmUp));
  const before = { ...(await serverCpu()), ...ownUse() };
  const latencies = await run(call, requests ? { concurrency, seconds: Infinity, requests } : during(seconds));
  const after = { ...ownUse(), ...(await serverCpu()) };

  const count = latencies.length;
  const used = (what) => after[what] - before[what];
  const figures = {
    perSecond: count / (used('nowMs') / 1000),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    mainUs: used('mainNs') / 1000 / count,
    processUs: used('processUs') / count,
    serverUs: used('serverNs') / 1000 / count,
    loop: used('activeMs') / used('nowMs'),
    rssMb: process.memoryUsage.rss() / 2 ** 20,
  };
  // Connections at rest may hold the process.
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit());
}

/** Calls the operation once, with the callback if the client takes one. */
function caller(client, { resource, method, args, status }, form) {
  const target = client[resource];
  const check = (reply) => {
    if (reply.status !== status) throw new Error(`Status ${reply.status}`);
  };
  if (form === 'promise') {
    return async () => check(await target[`${method}Async`](...args));
  }
  return (done) =>
    target[method](...args, (error, reply) => {
      if (error) throw error;
      check(reply);
      done();
    });
}

/** Keeps `concurrency` calls in flight until the time is up or all are sent. Resolves to the latencies, in ms. */
function runCallbacks(call, { concurrency, seconds, requests }) {
  return new Promise((resolve) => {
    const latencies = new Float64Array(requests);
    const end = performance.now() + seconds * 1000;
    let sent = 0;
    let done = 0;
    const next = (begun) => {
      sent++;
      call(() => {
        const now = performance.now();
        latencies[done++] = now - begun;
        if (now < end && sent < requests) next(now);
        else if (done === sent) resolve(latencies.subarray(0, done));
      });
    };
    for (let lane = 0; lane < Math.min(concurrency, requests); lane++) next(performance.now());
  });
}

/** The same with promises. */
async function runPromises(call, { concurrency, seconds, requests }) {
  const latencies = new Float64Array(requests);
  const end = performance.now() + seconds * 1000;
  let sent = 0;
  let done = 0;
  const lane = async () => {
    let now = performance.now();
    while (now < end && sent < requests) {
      const begun = now;
      sent++;
      await call();
      now = performance.now();
      latencies[done++] = now - begun;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return latencies.subarray(0, done);
}

/** What this process has used so far. The first field of `schedstat` is the CPU time of one thread, to the nanosecond. */
function ownUse() {
  const { user, system } = process.cpuUsage();
  return {
    nowMs: performance.now(),
    activeMs: performance.eventLoopUtilization().active,
    processUs: user + system,
    mainNs: Number(fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]),
  };
}

/** Asks the server for its CPU time, through a connection that no client shares. */
function serverCpuFrom(agent) {
  return () =>
    new Promise((resolve, reject) => {
      const request = https.get({ path: '/cpu', agent }, async (reply) => {
        const [chunk] = await reply.toArray();
        resolve({ serverNs: JSON.parse(chunk).ns });
      });
      request.on('error', reject);
    });
}

function percentile(latencies, part) {
  return latencies.sort()[Math.floor(part * latencies.length)];
}

main(process.argv.slice(2));
