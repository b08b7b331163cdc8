/** The command line of the benchmark. */

import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { completed, PLAN } from './plan.mjs';

const require = createRequire(import.meta.url);
const { names: operations, operationOf } = require('./operations.js');
const { variants } = require('./variants.js');

const EXTRA = [...PLAN.values()].filter(({ isExtra }) => isExtra).map(({ name }) => name);

export const USAGE = `Usage: npm run bench -- [options]

Runs the suite of bench/client/plan.mjs, saves what it measures, prints tables, and says which goals are met.

  --only LIST          only these tables: ${[...PLAN.keys()].join(',')}
                       (only when named: ${EXTRA.join(',')})
  --rounds N           how often every variant is measured, in place of the plan's 7 or more
  --seconds N          how long it is measured
  --variants LIST      only these of ${Object.keys(variants).join(',')}
  --node ID|PATH       another Node.js: a runtime of scripts/runtimes.mjs, such as 26, or a program
  --out FOLDER         where measurements are saved (default: target/bench)

A table of your own, in place of the suite:

  --concurrency LIST   calls in flight; a case for each
  --op NAME            ${operations.join(', ')} (default: send)
  --delay-ms N         how long the server holds back every reply
  --connections N      connections that a client may open (default: as many as calls in flight)

Without a measurement, from what is saved:

  --goals              says which goals are met
  --render             writes docs/benchmark-results.md, and draws docs/benchmarks/*.svg

For the tests of the benchmark:

  --smoke              one round and a few requests of everything: the figures mean nothing
  --profile dev        builds programs without optimisation`;

/** How the text of each option is read. */
const OPTIONS = {
  only: listOf(oneOf([...PLAN.keys()])),
  rounds: count,
  seconds: duration,
  variants: listOf(oneOf(Object.keys(variants))),
  node: (text) => text,
  out: (text) => text,
  concurrency: listOf(count),
  op: operation,
  'delay-ms': (text) => (text === '0' ? 0 : count(text)),
  connections: count,
  profile: oneOf(['dev', 'release']),
};

const FLAGS = ['goals', 'render', 'smoke', 'help'];

/** Options by name, with values in place of texts. Throws at nonsense. */
export function optionsFrom(args) {
  const known = [...Object.keys(OPTIONS).map((name) => [name, 'string']), ...FLAGS.map((name) => [name, 'boolean'])];
  const { values } = parseArgs({ args, options: Object.fromEntries(known.map(([name, type]) => [name, { type }])) });
  const read = ([name, value]) => {
    try {
      return [name, OPTIONS[name] ? OPTIONS[name](value) : value];
    } catch (error) {
      throw new Error(`--${name} ${error.message}, not ${value}`);
    }
  };
  return { profile: 'release', out: 'target/bench', ...Object.fromEntries(Object.entries(values).map(read)) };
}

/** The tables that are asked for. */
export function tablesFrom(options) {
  const { concurrency, op, connections, variants: only, rounds, seconds, smoke } = options;
  const delayMs = options['delay-ms'];
  let tables = [...PLAN.values()].filter(({ name, isExtra }) => options.only?.includes(name) ?? !isExtra);
  if (concurrency || op || delayMs !== undefined || connections) {
    if (options.only) throw new Error('--only and a table of your own exclude each other');
    const words = [op ?? 'send', delayMs && `${delayMs} ms`, connections && `${connections} connections`];
    const title = `\`${words.filter(Boolean).join(', ')}\``;
    const own = Object.entries({ operation: op, delayMs, connections }).filter(([, value]) => value !== undefined);
    const cases = (concurrency ?? [64]).map((count) => ({
      title: `${count} in flight`,
      concurrency: count,
      ...Object.fromEntries(own),
    }));
    const names = Object.keys(variants).filter((name) => !variants[name].protocol);
    tables = [completed({ name: 'own', title, variants: names, cases })];
  }
  if (smoke) tables = tables.map(small);
  return tables.map((table) => ({
    ...table,
    variants: only ? table.variants.filter((name) => only.includes(name)) : table.variants,
    rounds: rounds ?? table.rounds,
    cases: seconds ? table.cases.map((own) => ({ ...own, measured: { ...own.measured, seconds } })) : table.cases,
  }));
}

/** The same table with next to no work in it. */
function small(table) {
  const cases = table.cases.slice(0, table.growth ? 2 : 1).map((own) => ({
    ...own,
    warmUp: { requests: own.concurrency },
    measured: { requests: Math.min(own.measured.requests ?? Infinity, 20) },
  }));
  return { ...table, rounds: 1, cases };
}

function count(text) {
  if (!/^[1-9]\d*$/.test(text)) throw new Error('must be a whole number above 0');
  return Number(text);
}

function duration(text) {
  if (!(Number(text) > 0 && Number(text) <= 3600)) throw new Error('must be seconds, an hour at the most');
  return Number(text);
}

function operation(text) {
  try {
    operationOf(text);
  } catch {
    throw new Error(`must be of ${operations.join(', ')}`);
  }
  return text;
}

function oneOf(names) {
  return (text) => {
    if (!names.includes(text)) throw new Error(`must be of ${names.join(', ')}`);
    return text;
  };
}

function listOf(read) {
  return (text) => text.split(',').map(read);
}
