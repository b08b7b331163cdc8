/**
 * The goals of version 3, and whether what was measured meets them. Ratios are taken within each round, so that above 1
 * is better whatever the figure; the median decides.
 */

import { NEWEST } from './plan.mjs';
import { ratios, spread } from './spread.mjs';

/** How many times as many (or as little) ours has of a figure. */
function more(figure, base, one = 'ours') {
  return (rounds) => ratios(rounds, figure, one, base);
}
function less(figure, base, one = 'ours') {
  return (rounds) => ratios(rounds, figure, base, one);
}

/** For cases of tables: words, limit, and the values of the rounds. A limit is `least` times, or `most` of a unit. */
export const GOALS = [
  {
    table: 'send',
    title: '64 in flight',
    goals: [
      ['requests/s against original', { least: 6 }, more('perSecond', 'original')],
      ['requests/s against undici', { least: 2.5 }, more('perSecond', 'undici')],
      ['main-thread CPU a request against original', { least: 18 }, less('mainUs', 'original')],
      ['main-thread CPU a request against undici', { least: 7 }, less('mainUs', 'undici')],
      ['p99 against original', { least: 3 }, less('p99Ms', 'original')],
      ['RSS against original', { least: 1 }, less('rssMb', 'original')],
      ['requests/s, promises against callbacks', { least: 0.9 }, more('perSecond', 'ours', 'ours-async')],
    ],
  },
  {
    table: 'send-more',
    title: '256 in flight',
    goals: [
      ['requests/s against original', { least: 6 }, more('perSecond', 'original')],
      ['requests/s against undici', { least: 2.5 }, more('perSecond', 'undici')],
      ['RSS against original', { least: 1 }, less('rssMb', 'original')],
    ],
  },
  {
    table: 'send',
    title: '1 in flight',
    goals: [
      ['p50 against original', { least: 1 }, less('p50Ms', 'original')],
      ['p50 against undici', { least: 1 / 1.1 }, less('p50Ms', 'undici')],
      ['requests/s against original', { least: 1 }, more('perSecond', 'original')],
      ['requests/s against undici', { least: 1 / 1.1 }, more('perSecond', 'undici')],
    ],
  },
  {
    table: 'delays',
    title: '20 ms, 256 in flight',
    goals: [['requests/s against original', { least: 1.5 }, more('perSecond', 'original')]],
  },
  ...['ASCII', 'Cyrillic'].map((script) => ({
    table: 'replies',
    title: `\`messages.getAll\`, 100 messages in ${script}`,
    goals: [['requests/s against original', { least: 1.5 }, more('perSecond', 'original')]],
  })),
  {
    table: 'bulk',
    title: '5,000 sends',
    goals: [
      ['time against original', { least: 5 }, less('wallMs', 'original')],
      ['time against undici', { least: 5 }, less('wallMs', 'undici')],
    ],
  },
  {
    table: 'cold',
    title: 'first reply',
    goals: [
      ['time against original', { least: 8 }, less('wallMs', 'original')],
      ['`require` more than an empty module', { most: 10, unit: 'ms' }, requireMs],
      ['binary, platform included', { most: 8, unit: 'MB' }, (_, { addon }) => [addon.mb]],
    ],
  },
];

function requireMs(rounds) {
  return rounds.map(({ ours }) => ours.requireMs - ours.emptyMs);
}

/** Goals that something was measured for, of the tables under this Node.js or under the newest: rows of words. */
export function checkGoals(results, isNewest = false) {
  return GOALS.flatMap(({ table, title, goals }) => {
    const result = results.find(({ name }) => name === (isNewest ? table + NEWEST : table));
    const measured = result?.cases.find((own) => own.title === title);
    if (!measured) return [];
    return goals.map(([what, limit, valuesOf]) => ({
      what: `${title}: ${what}`,
      ...verdict(valuesOf(measured.rounds, result), limit),
    }));
  });
}

/** Goal, measurement and verdict in words. */
function verdict(values, { least, most, unit }) {
  const goal = least ? `>= ${short(least)}x` : `<= ${most} ${unit}`;
  const { median, low, high } = spread(values);
  const measured = `${median.toFixed(2)}${unit ? ` ${unit}` : 'x'} [${low.toFixed(2)}..${high.toFixed(2)}]`;
  const isMet = least ? median >= least : median <= most;
  const missing = least ? 1 - median / least : median / most - 1;
  return { goal, measured, verdict: isMet ? 'met' : `missed by ${(100 * missing).toFixed(1)} %` };
}

const short = (number) => String(Number(number.toFixed(2)));
