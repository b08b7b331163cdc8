'use strict';

/** Builds what counts, and measures what requests cost with it. Linux only. */

const { execFile, spawn } = require('node:child_process');
const { once } = require('node:events');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { createInterface } = require('node:readline');
const { promisify } = require('node:util');
const { operationOf, textOf } = require('../../bench/client/operations.js');

const WORKER = join(__dirname, 'worker.js');
const run = promisify(execFile);

const send = operationOf('send');
const list = operationOf('list');

/** Options as a service gives them for one call. */
const options = { timeout: 30e3, maxRetries: 2 };

/** What is measured, by the names that the budget has for it. */
exports.SCENARIOS = {
  'send, 1 in flight': { ...send, concurrency: 1, warmUp: 500, requests: 2000, countsInstructions: true },
  'sendAsync, 1 in flight': { ...send, method: 'sendAsync', concurrency: 1, warmUp: 500, requests: 2000 },
  'send, 64 in flight': { ...send, concurrency: 64, warmUp: 1280, requests: 3200 },
  'withOptions and one send on it, 64 in flight': { ...send, options, concurrency: 64, warmUp: 1280, requests: 3200 },
  'list of 100 messages, 1 in flight': { ...list, concurrency: 1, warmUp: 200, requests: 400 },
  'list of 100 messages, 64 in flight': { ...list, concurrency: 64, warmUp: 640, requests: 640 },
  'new LayerAPI, no request': { constructs: true, concurrency: 1, warmUp: 200, requests: 1000 },
};

/** Without a compiler and without a collection, V8 takes the same memory for the same work each time. */
const FLAGS = ['--jitless', '--min-semi-space-size=256', '--max-semi-space-size=256'];

/**
 * Builds what counts.
 *
 * @returns {Promise<{addon: string, server: string, floor: string}>} paths
 */
exports.build = async () => {
  const { buildForTests } = await import('../../scripts/programs.mjs');
  const { addon, 'layer-bench-server': server, 'layer-bench-floor': floor } = await buildForTests();
  return { addon, server, floor };
};

/** Starts the server; it ends with `stop`, or with this process. */
exports.serve = async (binary) => {
  const server = spawn(binary, [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  return { ...JSON.parse(line), pid: server.pid, stop: () => server.stdin.end() };
};

/** Figures per request of one scenario. */
exports.measure = async ({ addon, floor }, server, name) => {
  const { port, ca } = server;
  const scenario = exports.SCENARIOS[name];
  const settings = JSON.stringify({ port, ca, ...scenario });
  const { stdout } = await run(process.execPath, [...FLAGS, WORKER, addon, settings]);
  const figures = JSON.parse(stdout);
  if (scenario.countsInstructions) figures.instructions = await instructions(floor, server, scenario);
  return figures;
};

/** Instructions per request of the program without Node. */
function instructions(floor, { port, ca, pid }, { resource, method, args, status, concurrency }) {
  const call = { resource, method, status, ...textOf({ method, args }) };
  return slope([100, 600], async (requests) => {
    const limits = { warmUp: { requests: concurrency }, measured: { requests } };
    const settings = { port, ca, serverPid: pid, concurrency, connections: concurrency, ...limits, ...call };
    const { stderr } = await callgrind(['--callgrind-out-file=/dev/null'], [floor, JSON.stringify(settings)]);
    return Number(/Collected : (\d+)/.exec(stderr)[1]);
  });
}

/** Instructions per request of the thread that runs JavaScript, which V8 does not compile. */
exports.mainThread = ({ addon }, { port, ca }, name) => {
  const scenario = { ...exports.SCENARIOS[name], warmUp: 128 };
  return slope([128, 1408], async (requests) => {
    const folder = mkdtempSync(join(tmpdir(), 'layer-api-cost-'));
    try {
      const settings = JSON.stringify({ port, ca, ...scenario, requests });
      const options = ['--separate-threads=yes', `--callgrind-out-file=${join(folder, 'thread')}`];
      await callgrind(options, [process.execPath, ...FLAGS, WORKER, addon, settings]);
      return Number(/^summary: (\d+)/m.exec(readFileSync(join(folder, 'thread-01'), 'utf8'))[1]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
};

/** What each request takes: what more requests take more. */
async function slope([few, many], total) {
  return ((await total(many)) - (await total(few))) / (many - few);
}

async function callgrind(options, command) {
  try {
    return await run('valgrind', ['--tool=callgrind', ...options, ...command]);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new Error('valgrind is missing, which counts instructions (Debian: apt-get install valgrind)');
  }
}
