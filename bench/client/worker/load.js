'use strict';

/**
 * Measures one variant under load in its own process, prints the figures as one line of JSON, and exits.
 *
 * Usage: node load.js VARIANT SETTINGS, where SETTINGS is JSON: `{port, ca, serverPid, addon, operation, concurrency,
 * connections, clients, warmUp, measured}`; the last two are `{seconds, requests}`, whichever comes first.
 */

const { operationOf } = require('../operations.js');
const { appOf, variants } = require('../variants.js');
const { callerOf } = require('./call.js');
const { run } = require('./lanes.js');
const { mainThreadNs, processMs, report, rssMb } = require('./use.js');

/** Connections that are opened at once: what the server's queue takes. */
const CROWD = 1000;

async function main([name, text]) {
  const settings = JSON.parse(text);
  const { operation, concurrency, clients, warmUp, measured, serverPid } = settings;
  const { form, load, create } = variants[name];
  const library = load(settings);

  const before = { nowMs: performance.now(), rssMb: rssMb() };
  const made = Array.from({ length: clients }, (_, index) => create(library, settings, appOf(index)));
  const constructUs = ((performance.now() - before.nowMs) * 1000) / clients;

  const call = inTurn(made.map((client) => callerOf(client, operationOf(operation), form)));
  for (let lanes = CROWD; lanes < concurrency; lanes += CROWD) await run(form, call, { lanes, requests: lanes });
  await run(form, call, { lanes: concurrency, ...warmUp });

  const use = () => ({
    nowMs: performance.now(),
    activeMs: performance.eventLoopUtilization().active,
    processMs: processMs(),
    mainNs: mainThreadNs(process.pid),
    serverNs: mainThreadNs(serverPid),
  });
  const begin = use();
  const latencies = await run(form, call, { lanes: concurrency, ...measured });
  const end = use();

  const count = latencies.length;
  const used = (what) => end[what] - begin[what];
  const sorted = latencies.slice().sort();
  report({
    perSecond: count / (used('nowMs') / 1000),
    p50Ms: sorted[Math.floor(0.5 * count)],
    p99Ms: sorted[Math.floor(0.99 * count)],
    mainUs: used('mainNs') / 1000 / count,
    processUs: (used('processMs') * 1000) / count,
    loop: used('activeMs') / used('nowMs'),
    rssMb: rssMb(),
    serverUs: used('serverNs') / 1000 / count,
    constructUs,
    grownMb: rssMb() - before.rssMb,
  });
}

/** Calls one after the other, round and round. */
function inTurn(calls) {
  if (calls.length === 1) return calls[0];
  let next = 0;
  return (done) => {
    const call = calls[next];
    next = (next + 1) % calls.length;
    return call(done);
  };
}

main(process.argv.slice(2));
