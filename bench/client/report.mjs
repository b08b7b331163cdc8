/** Tables in Markdown: figures, ratios, and how cost grows. */

import { createRequire } from 'node:module';
import { ratios, spread, written } from './spread.mjs';

const { variants } = createRequire(import.meta.url)('./variants.js');

/** Figures in the order of the columns: name, words, digits after the point, and which way is better. */
const FIGURES = {
  load: [
    ['perSecond', 'requests/s', 0, 'more'],
    ['p50Ms', 'p50 ms', 2, 'less'],
    ['p99Ms', 'p99 ms', 2, 'less'],
    ['mainUs', 'main thread µs/request', 1, 'less'],
    ['processUs', 'process µs/request', 1, 'less'],
    // Neither way, as long as the variants do not make the same number of requests.
    ['loop', 'event loop busy', 2],
    ['rssMb', 'RSS MB', 0, 'less'],
    ['serverUs', 'server µs/request', 1, 'less'],
  ],
  fresh: [
    ['wallMs', 'all ms', 1, 'less'],
    ['emptyMs', '`require` of nothing ms', 1],
    ['requireMs', '`require` ms', 1, 'less'],
    ['constructMs', 'constructor ms', 1, 'less'],
    ['firstMs', 'first reply ms', 1, 'less'],
    ['mainMs', 'main thread CPU ms', 1, 'less'],
    ['processMs', 'process CPU ms', 1, 'less'],
    ['rssMb', 'RSS MB', 0, 'less'],
  ],
};

/** Ratios are those of the first to each of the second, where both were measured. */
const COMPARED = [
  ['ours', 'original'],
  ['ours-async', 'original'],
  ['ours', 'undici'],
  ['ours-async', 'undici'],
  ['http2', 'http1'],
];

/** A step is worse than linear when cost grows faster than size to the power of this; above 1 for noise and caches. */
const LINEAR = 1.2;

/** All of a table. */
export function tablesOf(result) {
  const parts = [`### ${result.title}`];
  if (result.growth) return [...parts, ...growthTables(result)].join('\n\n');
  for (const { title, rounds } of result.cases) {
    parts.push(`**${title}**`, figuresTable(result, rounds));
    const better = ratiosTable(result, rounds);
    if (better) parts.push('Times better, in the same round:', better);
  }
  return parts.join('\n\n');
}

/** The table of the goals: rows of `checkGoals`. */
export function goalsTable(rows) {
  const cells = rows.map(({ what, goal, measured, verdict }) => [what, goal, measured, verdict]);
  return table(['', 'goal', 'measured', ''], cells);
}

function figuresTable({ worker, variants: names }, rounds) {
  const figures = FIGURES[worker];
  const rows = names.map((name) => [
    variants[name].title,
    ...figures.map(([figure, , digits]) => {
      const values = rounds.map((round) => round[name][figure]);
      return values.every(Number.isFinite) ? written(values, digits) : '';
    }),
  ]);
  return table(['', ...figures.map(([, words]) => words)], rows);
}

function ratiosTable({ worker, variants: names }, rounds) {
  const figures = FIGURES[worker].filter(([, , , better]) => better);
  const rows = COMPARED.filter((pair) => pair.every((name) => names.includes(name))).map(([one, base]) => [
    `${variants[one].title} : ${variants[base].title}`,
    ...figures.map(([figure, , , better]) => {
      const values = better === 'more' ? ratios(rounds, figure, one, base) : ratios(rounds, figure, base, one);
      return values.every(Number.isFinite) ? written(values, 2) : '';
    }),
  ]);
  return rows.length > 0 && table(['', ...figures.map(([, words]) => words)], rows);
}

/**
 * How cost grows with `size`, step by step, as a power of it: 1 is linear. Where the request itself grows, its cost is
 * what counts; where there is more of something around it, the cost of as many requests.
 */
function growthTables({ growth, unit, variants: names, cases }) {
  return names.flatMap((name) => {
    const points = cases.map(({ title, size, rounds }) => {
      const median = (figure) => spread(rounds.map((round) => round[name][figure])).median;
      return { title, size, median };
    });
    const rows = points.map(({ title, size, median }, index) => {
      const before = points[index - 1];
      const power = (figure) => {
        const grown = Math.log(median(figure) / before.median(figure)) / Math.log(size / before.size);
        return growth === 'count' ? grown + 1 : grown;
      };
      const powers = before ? [power('mainUs'), power('processUs')] : [];
      const isWorse = powers.some((value) => value > LINEAR);
      return [
        title,
        median('perSecond').toFixed(0),
        median('mainUs').toFixed(1),
        median('processUs').toFixed(1),
        growth === 'count' ? median('constructUs').toFixed(1) : ((1000 * median('processUs')) / size).toFixed(2),
        growth === 'count' ? ((1024 * median('grownMb')) / size).toFixed(1) : median('rssMb').toFixed(0),
        powers.map((value) => value.toFixed(2)).join(', '),
        isWorse ? '**worse than linear**' : '',
      ];
    });
    const head = ['', 'requests/s', 'main thread µs/request', 'process µs/request'];
    const units = growth === 'count' ? ['constructor µs/client', `KB/${unit}`] : [`process ns/${unit}`, 'RSS MB'];
    return [`**${variants[name].title}**`, table([...head, ...units, 'power: main thread, process', ''], rows)];
  });
}

function table(head, rows) {
  const lines = [head, ['---', ...head.slice(1).map(() => '--:')], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
