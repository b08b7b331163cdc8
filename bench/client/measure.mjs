/**
 * Measures tables. Every round measures every variant once, each in a fresh process, so that what the machine does
 * meanwhile hits all of them.
 */

import { execFile, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const { operationOf, textOf } = createRequire(import.meta.url)('./operations.js');
const { variants } = createRequire(import.meta.url)('./variants.js');
const run = promisify(execFile);

/** Certificates of this machine that every process would read at its start: they are no part of any client. */
const ENV = { ...process.env, NODE_EXTRA_CA_CERTS: undefined };

/** More than the slowest measurement takes, in ms. */
const PATIENCE = 120_000;

/** Cases with `rounds`: figures by variant, an object for each round. */
export async function measureTable(table, programs, node) {
  const cases = [];
  for (const own of table.cases) cases.push({ ...own, rounds: await measureCase(table, own, programs, node) });
  return cases;
}

async function measureCase({ name: table, title, worker, variants: names, rounds: count }, own, programs, node) {
  const server = await startServer(programs.server, own.delayMs);
  const { port, ca, pid } = server;
  const settings = { ...own, port, ca, serverPid: pid, addon: programs.addon };
  const rounds = [];
  try {
    for (let round = 1; round <= count; round++) {
      const figures = {};
      for (const name of names) figures[name] = await measure(...commandOf(name, worker, settings, programs, node));
      console.error(`${table}: ${own.title}, round ${round} of ${count}`);
      rounds.push(figures);
    }
  } catch (error) {
    throw new Error(`${title}, ${own.title}: ${error.message}`);
  } finally {
    server.stop();
  }
  return rounds;
}

/** Program and arguments that measure a variant once. */
function commandOf(name, worker, settings, programs, node) {
  const { load, protocol, warmUpSeconds } = variants[name];
  if (load) {
    const { seconds } = settings.warmUp;
    if (seconds && warmUpSeconds) settings = { ...settings, warmUp: { ...settings.warmUp, seconds: warmUpSeconds } };
    return [node, [fileURLToPath(new URL(`worker/${worker}.js`, import.meta.url)), name, JSON.stringify(settings)]];
  }
  const operation = operationOf(settings.operation);
  return [programs.floor, [JSON.stringify({ ...settings, ...operation, ...textOf(operation), protocol })]];
}

async function measure(program, args) {
  try {
    const { stdout } = await run(program, args, { env: ENV, timeout: PATIENCE });
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`${args.length > 1 ? args[1] : 'floor'} cannot be measured:\n${error.stderr || error.message}`);
  }
}

/** Starts the server, which tells its port and its certificate in its first line. It stops when its stdin is closed. */
async function startServer(program, delayMs) {
  const server = spawn(program, ['--delay-ms', delayMs], { stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = new Promise((_, reject) => server.once('error', reject));
  const first = createInterface({ input: server.stdout })[Symbol.asyncIterator]().next();
  const { value } = await Promise.race([first, failed]);
  if (!value) throw new Error('The server stopped before it listened.');
  return { ...JSON.parse(value), pid: server.pid, stop: () => server.stdin.end() };
}
