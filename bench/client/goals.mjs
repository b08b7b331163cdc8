/**
 * The goals of version 3, and whether what was measured meets them. Ratios are taken within each round, so that above 1
 * is better whatever the figure; the median decides.
 */

import { NEWEST } from './plan.mjs';
import { ratios, spread } from './spread.mjs';

const more =
  (figure, base, one = 'ours') =>
  (rounds) =>
    ratios(rounds, figure, one, base);
const less =
  (figure, base, one = 'ours') =>
  (rounds) =>
    ratios(rounds, figure, base, one);
const [ONE, MANY, CROWD] = ['1 in flight', '64 in flight', '256 in flight'];
const COLD = 'first reply in a fresh process';

/** What, table, case, limit, and the values of the rounds. A limit is `least` times as good, or `most` of a unit. */
const GOALS = [
  ['requests/s, 64 in flight, against original', 'send', MANY, { least: 6 }, more('perSecond', 'original')],
  ['requests/s, 64 in flight, against undici', 'send', MANY, { least: 2.5 }, more('perSecond', 'undici')],
  ['requests/s, 256 in flight, against original', 'send', CROWD, { least: 6 }, more('perSecond', 'original')],
  ['requests/s, 256 in flight, against undici', 'send', CROWD, { least: 2.5 }, more('perSecond', 'undici')],
  [
    'main-thread CPU a request, 64 in flight, against original',
    'send',
    MANY,
    { least: 18 },
    less('mainUs', 'original'),
  ],
  ['main-thread CPU a request, 64 in flight, against undici', 'send', MANY, { least: 7 }, less('mainUs', 'undici')],
  ['p99, 64 in flight, against original', 'send', MANY, { least: 3 }, less('p99Ms', 'original')],
  ['p50, 1 in flight, against original', 'send', ONE, { least: 1 }, less('p50Ms', 'original')],
  ['p50, 1 in flight, against undici', 'send', ONE, { least: 1 / 1.1 }, less('p50Ms', 'undici')],
  ['requests/s, 1 in flight, against original', 'send', ONE, { least: 1 }, more('perSecond', 'original')],
  ['requests/s, 1 in flight, against undici', 'send', ONE, { least: 1 / 1.1 }, more('perSecond', 'undici')],
  [
    'requests/s, 20 ms, 256 in flight, against original',
    'delays',
    '20 ms, 256 in flight',
    { least: 1.5 },
    more('perSecond', 'original'),
  ],
  [
    '100 messages in ASCII a second, against original',
    'replies',
    '`messages.getAll`, 100 messages in ASCII',
    { least: 1.5 },
    more('perSecond', 'original'),
  ],
  [
    '100 messages in Cyrillic a second, against original',
    'replies',
    '`messages.getAll`, 100 messages in Cyrillic',
    { least: 1.5 },
    more('perSecond', 'original'),
  ],
  ['5,000 sends in a fresh process, against original', 'bulk', MANY, { least: 5 }, less('wallMs', 'original')],
  ['5,000 sends in a fresh process, against undici', 'bulk', MANY, { least: 5 }, less('wallMs', 'undici')],
  ['cold start to the first reply, against original', 'cold', COLD, { least: 8 }, less('wallMs', 'original')],
  [
    '`require` more than an empty module',
    'cold',
    COLD,
    { most: 10, unit: 'ms' },
    (rounds) => rounds.map(({ ours }) => ours.requireMs - ours.emptyMs),
  ],
  ['memory after load, 64 in flight, against original', 'send', MANY, { least: 1 }, less('rssMb', 'original')],
  ['memory after load, 256 in flight, against original', 'send', CROWD, { least: 1 }, less('rssMb', 'original')],
  ['binary, stripped, platform included', 'cold', COLD, { most: 8, unit: 'MB' }, (_, { addon }) => [addon.mb]],
  [
    'requests/s, 64 in flight, promises against callbacks',
    'send',
    MANY,
    { least: 0.9 },
    more('perSecond', 'ours', 'ours-async'),
  ],
];

/** Goals that something was measured for, of the tables under this Node.js or under the newest: rows of words. */
export function checkGoals(results, isNewest = false) {
  return GOALS.flatMap(([what, table, title, limit, valuesOf]) => {
    const result = results.find(({ name }) => name === (isNewest ? table + NEWEST : table));
    const measured = result?.cases.find((own) => own.title === title);
    if (!measured) return [];
    return [{ what, ...verdict(valuesOf(measured.rounds, result).filter(Number.isFinite), limit) }];
  });
}

/** Goal, measurement and verdict in words. */
function verdict(values, { least, most, unit }) {
  const goal = least ? `>= ${short(least)}x` : `<= ${most} ${unit}`;
  if (values.length === 0) return { goal, measured: 'not measured', verdict: '' };
  const { median, low, high } = spread(values);
  const measured = `${median.toFixed(2)}${unit ? ` ${unit}` : 'x'} [${low.toFixed(2)}..${high.toFixed(2)}]`;
  const isMet = least ? median >= least : median <= most;
  const missing = least ? 1 - median / least : median / most - 1;
  return { goal, measured, verdict: isMet ? 'met' : `missed by ${(100 * missing).toFixed(0)} %` };
}

const short = (number) => String(Number(number.toFixed(2)));
