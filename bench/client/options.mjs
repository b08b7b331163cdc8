/** The command line of the benchmark. */

import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const { operations, variants } = createRequire(import.meta.url)('./variants.js');

export const USAGE = `Usage: node bench/client/run.mjs [options]

  --concurrency 1,64   calls in flight; tables for each
  --rounds 7           how often every variant is measured
  --warm-up 3          seconds before it is measured: V8 takes about two to optimise the clients in JavaScript
  --seconds 2          how long it is measured
  --requests N         instead of --seconds: how many requests are measured
  --op send            ${Object.keys(operations).join(', ')}
  --delay-ms 0         how long the server holds back every reply
  --connections N      connections that a client may open (default: as many as calls in flight)
  --variants LIST      only these of ${Object.keys(variants).join(',')}
  --server PATH        a server that is built already (default: cargo builds it)
  --help`;

/** What each option is without a word from the caller, and how its text is read. */
const OPTIONS = {
  concurrency: { default: '1,64', read: listOf(count) },
  rounds: { default: '7', read: count },
  'warm-up': { default: '3', read: duration },
  seconds: { default: '2', read: duration },
  requests: { read: count },
  op: { default: 'send', read: oneOf(operations) },
  'delay-ms': { default: '0', read: (text) => (text === '0' ? 0 : count(text)) },
  connections: { read: count },
  variants: { default: Object.keys(variants).join(), read: listOf(oneOf(variants)) },
  server: { read: (text) => text },
};

/** Options by name, with values in place of texts; `help` is true if that is what is asked for. Throws at nonsense. */
export function optionsFrom(args) {
  const known = Object.entries(OPTIONS).map(([name, option]) => [name, { type: 'string', default: option.default }]);
  const { values } = parseArgs({ args, options: { ...Object.fromEntries(known), help: { type: 'boolean' } } });
  const { help = false, ...texts } = values;
  const read = ([name, text]) => {
    try {
      return [name, OPTIONS[name].read(text)];
    } catch (error) {
      throw new Error(`--${name} ${error.message}, not ${text}`);
    }
  };
  return { help, ...Object.fromEntries(Object.entries(texts).map(read)) };
}

function count(text) {
  if (!/^[1-9]\d*$/.test(text)) throw new Error('must be a whole number above 0');
  return Number(text);
}

function duration(text) {
  if (!(Number(text) > 0 && Number(text) <= 3600)) throw new Error('must be seconds, an hour at the most');
  return Number(text);
}

function oneOf(table) {
  return (text) => {
    if (!Object.hasOwn(table, text)) throw new Error(`must be of ${Object.keys(table).join(', ')}`);
    return text;
  };
}

function listOf(read) {
  return (text) => text.split(',').map(read);
}
