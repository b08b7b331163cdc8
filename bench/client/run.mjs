/**
 * Compares clients of the Layer API on loopback, side by side: every round measures every variant once, each in a fresh
 * process, so that what the machine does meanwhile hits all of them. See ../README.md.
 */

import { execFile, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { optionsFrom, USAGE } from './options.mjs';
import { figuresTable, ratiosTable } from './report.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WORKER = fileURLToPath(new URL('worker.js', import.meta.url));

/** Ratios are given to these. */
const BASES = ['original', 'undici'];

const require = createRequire(import.meta.url);
const { variants } = require('./variants.js');
const run = promisify(execFile);

async function main() {
  const options = readOptions();
  requirePlatform();
  requireAddon();
  const binary = options.server ?? (await buildServer());
  const server = await startServer(binary, options['delay-ms']);
  console.log(heading());
  try {
    for (const concurrency of options.concurrency) await compare(server, concurrency, options);
  } finally {
    server.stop();
  }
}

/** Measures the variants at one concurrency, and prints the tables. */
async function compare({ port, ca }, concurrency, options) {
  const { 'warm-up': warmUp, seconds, requests, op: operation, variants: names } = options;
  const connections = options.connections ?? concurrency;
  const settings = JSON.stringify({ port, ca, operation, concurrency, connections, warmUp, seconds, requests });
  const rounds = [];
  for (let round = 1; round <= options.rounds; round++) {
    const figures = {};
    for (const name of names) {
      figures[name] = await measure(name, settings);
      const speed = figures[name].perSecond.toFixed(0);
      console.error(`concurrency ${concurrency}, round ${round} of ${options.rounds}, ${name}: ${speed} requests/s`);
    }
    rounds.push(figures);
  }

  console.log(`\n### \`${operation}\`, ${concurrency} in flight\n\n${figuresTable(rounds, names)}`);
  for (const base of BASES.filter((name) => names.includes(name))) {
    console.log(`\nTimes better than ${variants[base].title}:\n\n${ratiosTable(rounds, names, base)}`);
  }
}

/** Measures one variant once. */
async function measure(name, settings) {
  try {
    const { stdout } = await run(process.execPath, [WORKER, name, settings]);
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`${name} cannot be measured:\n${error.stderr || error.message}`);
  }
}

function readOptions() {
  let options;
  try {
    options = optionsFrom(process.argv.slice(2));
  } catch (error) {
    fail(`${error.message}\n\n${USAGE}`);
  }
  if (options.help) {
    console.log(USAGE);
    process.exit();
  }
  return options;
}

function requirePlatform() {
  if (process.platform !== 'linux') fail('CPU time per thread is read from /proc: the benchmark needs Linux.');
}

function requireAddon() {
  try {
    require('../../index.js');
  } catch (error) {
    fail(`The addon is not built: run \`npm run build\` first. (${error.message.split('\n')[0]})`);
  }
}

/** Builds the server, and gives the path of its binary. */
async function buildServer() {
  console.error('Building the server (cargo build --release -p layer-bench-server) ...');
  const args = ['build', '--release', '-p', 'layer-bench-server', '--message-format=json-render-diagnostics'];
  const cargo = spawn('cargo', args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  cargo.once('error', (error) => fail(`cargo cannot be run: ${error.message}`));
  const exited = new Promise((resolve) => cargo.once('close', resolve));
  let binary;
  for await (const line of createInterface({ input: cargo.stdout })) {
    const { executable } = JSON.parse(line);
    if (executable) binary = executable;
  }
  return (await exited) === 0 ? binary : fail('The server could not be built.');
}

/** Starts the server, which tells its port and its certificate in its first line. It stops when its stdin is closed. */
async function startServer(binary, delayMs) {
  const server = spawn(binary, ['--delay-ms', delayMs], { stdio: ['pipe', 'pipe', 'inherit'] });
  server.once('error', (error) => fail(`The server cannot be run: ${error.message}`));
  for await (const line of createInterface({ input: server.stdout })) {
    return { ...JSON.parse(line), stop: () => server.stdin.end() };
  }
  return fail('The server stopped before it listened.');
}

function heading() {
  const load = loadavg()[0].toFixed(2);
  return [
    `- ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, load average before the run ${load}`,
    `- ${availableParallelism()} × ${cpus()[0].model}, Node ${process.version}`,
    `- \`${['node bench/client/run.mjs', ...process.argv.slice(2)].join(' ')}\``,
  ].join('\n');
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

try {
  await main();
} catch (error) {
  fail(error.message);
}
