/** Medians and ratios of the measurements, as Markdown. */

import { createRequire } from 'node:module';

const { variants } = createRequire(import.meta.url)('./variants.js');

/**
 * Figures in the order of the columns: words, digits after the point, and which way is better. A busy event loop is
 * neither, as long as the variants do not make the same number of requests.
 */
const FIGURES = [
  { name: 'perSecond', title: 'requests/s', digits: 0, better: 'more' },
  { name: 'p50Ms', title: 'p50 ms', digits: 2, better: 'less' },
  { name: 'p99Ms', title: 'p99 ms', digits: 2, better: 'less' },
  { name: 'mainUs', title: 'main thread µs/request', digits: 1, better: 'less' },
  { name: 'processUs', title: 'process µs/request', digits: 1, better: 'less' },
  { name: 'loop', title: 'event loop busy', digits: 2 },
  { name: 'rssMb', title: 'RSS MB', digits: 0, better: 'less' },
  { name: 'serverUs', title: 'server µs/request', digits: 1, better: 'less' },
];

/** The figures themselves. `rounds` has one object for each round: figures by name of the variant. */
export function figuresTable(rounds, names) {
  return table(names, FIGURES, (variant, { name, digits }) => {
    const values = rounds.map((round) => round[variant][name]);
    return spread(values, digits);
  });
}

/** How many times better each variant is than `base` in the same round: above 1 is better, whatever the figure. */
export function ratiosTable(rounds, names, base) {
  const others = names.filter((name) => name !== base);
  const comparable = FIGURES.filter(({ better }) => better);
  return table(others, comparable, (variant, { name, better }) => {
    const values = rounds.map((round) => {
      const [own, its] = [round[variant][name], round[base][name]];
      return better === 'more' ? own / its : its / own;
    });
    return spread(values, 2);
  });
}

function table(names, figures, cell) {
  const rows = [
    ['', ...figures.map(({ title }) => title)],
    ['---', ...figures.map(() => '--:')],
    ...names.map((name) => [variants[name].title, ...figures.map((figure) => cell(name, figure))]),
  ];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** `median [min..max]` */
function spread(values, digits) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  const [low, mid, high] = [sorted[0], median, sorted.at(-1)].map((value) => value.toFixed(digits));
  return `${mid} [${low}..${high}]`;
}
