/**
 * The pictures in docs/benchmarks.md: what was measured, as SVG, for light and dark pages. Nothing in them is told by
 * colour alone: bars have names and patterns, lines have dashes and names at their ends.
 */

import { spread } from './spread.mjs';

const WIDTH = 720;
const FONT = 'system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Noto Sans, sans-serif';

const THEMES = {
  light: {
    ground: '#ffffff',
    ink: '#171b26',
    dim: '#565f75',
    line: '#dfe3ec',
    ours: '#4353d9',
    undici: '#b8602a',
    original: '#7b8498',
  },
  dark: {
    ground: '#0f1219',
    ink: '#e8ebf3',
    dim: '#a1aac0',
    line: '#2a3040',
    ours: '#8794ff',
    undici: '#e2965c',
    original: '#939db3',
  },
};

/** The clients that are drawn: their variant, their name, their pattern. */
const CLIENTS = [
  { variant: 'ours', name: 'layer-api 3', pattern: undefined, dash: undefined },
  { variant: 'undici', name: 'undici', pattern: 'M0 6L6 0', dash: '7 4' },
  { variant: 'original', name: 'layer-api 2.3.3', pattern: 'M0 3H6', dash: '2 4' },
];

/**
 * The pictures by name, each for both themes: `throughput-light.svg` and so on. Tables that are not there are left out.
 */
export function pictures(results) {
  return inThemes({ throughput, 'main-thread': mainThread, latency, growth }, results);
}

/** The same of what `npm run bench:platform` saves. */
export function platformPictures(saved) {
  return inThemes({ platform: platformThroughput }, saved);
}

function inThemes(drawings, results) {
  const made = {};
  for (const [name, draw] of Object.entries(drawings)) {
    for (const [theme, colours] of Object.entries(THEMES)) {
      const svg = draw(results, colours);
      if (svg) made[`${name}-${theme}.svg`] = svg;
    }
  }
  return made;
}

const escaped = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
const number = (value) => value.toLocaleString('en', { maximumSignificantDigits: value < 100 ? 2 : 4 });

/** The cases that are drawn in bars: table, title of the case, words for it. */
const CASES = [
  ['send', '64 in flight', 'send, 64 at a time'],
  ['send', '1 in flight', 'send, one at a time'],
  ['replies', '`messages.getAll`, 100 messages in ASCII', 'lists of 100 messages, 64 at a time'],
];

const roundsOf = (results, table, title) =>
  results.find(({ name }) => name === table)?.cases.find((one) => one.title === title)?.rounds;

function throughput(results, colours) {
  return bars(results, colours, {
    figure: 'perSecond',
    title: 'Requests in a second',
    about: 'More is better.',
    show: number,
  });
}

function mainThread(results, colours) {
  return bars(results, colours, {
    figure: 'mainUs',
    title: 'What a request takes from the thread that runs JavaScript',
    about: 'Microseconds of CPU. Less is better.',
    show: (value) => `${number(value)} µs`,
  });
}

/** The servers that are drawn, each in the look of a client: kind of the target, its name. */
const SERVERS = [
  { variant: 'ours', name: 'layer-api', isOne: ({ kind }) => kind === 'platform' },
  { variant: 'undici', name: 'ejabberd', isOne: ({ kind }) => kind.peer === 'ejabberd' },
  { variant: 'original', name: 'Synapse', isOne: ({ kind }) => kind.peer === 'synapse' },
];

/** Their cases: scenario, connections, words for it. */
const LOADS = [
  ['send-v7', 64, 'send a message, 64 connections'],
  ['send-v7', 16, 'send a message, 16 connections'],
  ['messages', 16, 'list 100 messages, 16 connections'],
];

/** A bar for each server in each case that it has. */
function platformThroughput({ targets, cases }, colours) {
  const groups = LOADS.flatMap(([scenario, connections, words]) => {
    const rounds = cases.find((one) => one.scenario === scenario && one.pace.closed === connections)?.rounds;
    const rows = SERVERS.flatMap(({ isOne, ...server }) => {
      const target = targets.find(isOne)?.name;
      return rounds?.[0]?.[target] ? [{ ...server, ...spread(rounds.map((round) => round[target].perSecond)) }] : [];
    });
    return rows.length > 0 ? [{ words, rows }] : [];
  });
  const title = 'Requests that a server answers in a second';
  return barsOf(groups, colours, { title, about: 'More is better.', show: number });
}

/** A bar for each client in each case. */
function bars(results, colours, { figure, title, about, show }) {
  const groups = CASES.flatMap(([table, case_, words]) => {
    const rounds = roundsOf(results, table, case_);
    if (!rounds) return [];
    const rows = CLIENTS.filter(({ variant }) => rounds[0][variant]);
    return [
      {
        words,
        rows: rows.map((client) => ({ ...client, ...spread(rounds.map((round) => round[client.variant][figure])) })),
      },
    ];
  });
  return barsOf(groups, colours, { title, about, show });
}

/** A bar for each row of each group; a line across its end goes from the lowest round to the highest. */
function barsOf(groups, colours, { title, about, show }) {
  if (groups.length === 0) return undefined;
  const left = 128;
  const right = 84;
  const [bar, gap, head] = [20, 6, 30];
  let y = 62;
  const parts = groups.flatMap(({ words, rows }) => {
    // Each case has a scale of its own: they differ by an order of magnitude.
    const most = Math.max(...rows.map(({ high }) => high));
    const scale = (value) => (value / most) * (WIDTH - left - right);
    const drawn = [text(0, y + 14, words, colours.ink, { weight: 600 })];
    y += head - 6;
    for (const row of rows) {
      const [width, low, high] = [row.median, row.low, row.high].map(scale);
      const middle = y + bar / 2;
      drawn.push(
        text(left - 10, middle + 4.5, row.name, row.variant === 'ours' ? colours.ink : colours.dim, { anchor: 'end' }),
        `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="${bar}" rx="3" fill="${colours[row.variant]}"/>`,
      );
      if (row.pattern)
        drawn.push(
          `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="${bar}" rx="3" fill="url(#${row.variant})"/>`,
        );
      drawn.push(
        `<path d="M${(left + low).toFixed(1)} ${middle}H${(left + high).toFixed(1)}" stroke="${colours.ink}" stroke-width="1.5"/>`,
        text(left + Math.max(width, high) + 8, middle + 4.5, show(row.median), colours.ink, {
          weight: row.variant === 'ours' ? 650 : 400,
        }),
      );
      y += bar + gap;
    }
    y += 14;
    return drawn;
  });
  return frame(colours, y, title, about, parts);
}

/** From the median to what 99 of 100 calls take no longer than, for each client. */
function latency(results, colours) {
  const groups = CASES.flatMap(([table, case_, words]) => {
    const rounds = roundsOf(results, table, case_);
    if (!rounds) return [];
    const median = (variant, figure) => spread(rounds.map((round) => round[variant][figure])).median;
    const rows = CLIENTS.filter(({ variant }) => rounds[0][variant]);
    return [
      {
        words,
        rows: rows.map((client) => ({
          ...client,
          p50: median(client.variant, 'p50Ms'),
          p99: median(client.variant, 'p99Ms'),
        })),
      },
    ];
  });
  if (groups.length === 0) return undefined;
  const left = 128;
  const right = 150;
  let y = 62;
  const parts = groups.flatMap(({ words, rows }) => {
    const most = Math.max(...rows.map(({ p99 }) => p99));
    const scale = (value) => left + (value / most) * (WIDTH - left - right);
    const drawn = [text(0, y + 14, words, colours.ink, { weight: 600 })];
    y += 24;
    for (const { variant, name, dash, p50, p99 } of rows) {
      const middle = y + 11;
      const [from, to] = [scale(p50), scale(p99)].map((value) => value.toFixed(1));
      drawn.push(
        text(left - 10, middle + 4.5, name, variant === 'ours' ? colours.ink : colours.dim, { anchor: 'end' }),
        `<path d="M${left} ${middle}H${WIDTH - right}" stroke="${colours.line}"/>`,
        `<path d="M${from} ${middle}H${to}" stroke="${colours[variant]}" stroke-width="4"${dash ? ` stroke-dasharray="${dash}"` : ''}/>`,
        `<circle cx="${from}" cy="${middle}" r="6" fill="${colours[variant]}"/>`,
        `<rect x="${Number(to) - 5.5}" y="${middle - 5.5}" width="11" height="11" fill="${colours.ground}" stroke="${colours[variant]}" stroke-width="2.5"/>`,
        text(Number(to) + 13, middle + 4.5, `${number(p50)} and ${number(p99)} ms`, colours.ink, {
          weight: variant === 'ours' ? 650 : 400,
        }),
      );
      y += 26;
    }
    y += 12;
    return drawn;
  });
  const about = 'From half of the calls (round) to 99 of 100 (square), in milliseconds. Less is better.';
  return frame(colours, y, 'How long a call takes', about, parts);
}

/** Tables about growth, and what there is more of. */
const GROWTH = [
  ['connections', 'connections'],
  ['clients', 'clients in one process'],
];

/** What a request costs the process, by how much there is of something; both axes are logarithmic. */
function growth(results, colours) {
  const panels = GROWTH.flatMap(([name, unit]) => {
    const table = results.find((table) => table.name === name);
    if (!table) return [];
    const points = table.cases.map(({ size, rounds }) => ({
      size,
      main: spread(rounds.map((round) => round.ours.mainUs)),
      process: spread(rounds.map((round) => round.ours.processUs)),
    }));
    return [{ unit, points }];
  });
  if (panels.length === 0) return undefined;
  const height = 210;
  const width = (WIDTH - 40) / panels.length;
  const top = 78;
  const parts = panels.flatMap(({ unit, points }, index) => {
    const x0 = index * (width + 40) + 44;
    const x1 = index * (width + 40) + width - 66;
    const values = points.flatMap(({ main, process }) => [main.low, process.high]);
    const [least, most] = [
      10 ** Math.floor(Math.log10(Math.min(...values))),
      10 ** Math.ceil(Math.log10(Math.max(...values))),
    ];
    const widest = Math.log10(points.at(-1).size);
    const x = (size) => x0 + (Math.log10(size) / widest) * (x1 - x0);
    const y = (value) => top + height - (Math.log10(value / least) / Math.log10(most / least)) * height;
    const drawn = [text(index * (width + 40), top - 14, `By ${unit}`, colours.ink, { weight: 600 })];
    for (let value = least; value <= most * 1.001; value *= 10) {
      drawn.push(
        `<path d="M${x0} ${y(value).toFixed(1)}H${x1}" stroke="${colours.line}"/>`,
        text(x0 - 8, y(value) + 4.5, `${number(value)} µs`.replace(' µs', value === most ? ' µs' : ''), colours.dim, {
          anchor: 'end',
          size: 12,
        }),
      );
    }
    for (const { size } of points) {
      drawn.push(text(x(size), top + height + 20, number(size), colours.dim, { anchor: 'middle', size: 12 }));
    }
    const lines = [
      ['process', 'process', colours.ours, undefined],
      ['main', 'main thread', colours.undici, '6 4'],
    ];
    for (const [figure, name, colour, dash] of lines) {
      const line = points.map((point) => `${x(point.size).toFixed(1)} ${y(point[figure].median).toFixed(1)}`).join('L');
      drawn.push(
        `<path d="M${line}" fill="none" stroke="${colour}" stroke-width="2.5"${dash ? ` stroke-dasharray="${dash}"` : ''}/>`,
      );
      for (const point of points) {
        const { low, high, median } = point[figure];
        const at = x(point.size).toFixed(1);
        drawn.push(
          `<path d="M${at} ${y(low).toFixed(1)}V${y(high).toFixed(1)}" stroke="${colour}" stroke-width="1.5"/>`,
          figure === 'main'
            ? `<rect x="${Number(at) - 3.5}" y="${(y(median) - 3.5).toFixed(1)}" width="7" height="7" fill="${colour}"/>`
            : `<circle cx="${at}" cy="${y(median).toFixed(1)}" r="4" fill="${colour}"/>`,
        );
      }
      const last = points.at(-1);
      drawn.push(text(x(last.size) + 10, y(last[figure].median) + 4.5, name, colours.ink, { size: 12 }));
    }
    return drawn;
  });
  const about = 'Microseconds of CPU for each request; as many are in flight as there are connections. Flat is good.';
  return frame(colours, top + height + 30, 'What a request costs, the more there is', about, parts);
}

function text(x, y, words, fill, { anchor = 'start', weight = 400, size = 13.5 } = {}) {
  return `<text x="${Number(x).toFixed(1)}" y="${Number(y).toFixed(1)}" fill="${fill}" text-anchor="${anchor}" font-weight="${weight}" font-size="${size}">${escaped(words)}</text>`;
}

function frame(colours, height, title, about, parts) {
  const margin = 24;
  const patterns = CLIENTS.filter(({ pattern }) => pattern).map(
    ({ variant, pattern }) =>
      `<pattern id="${variant}" width="6" height="6" patternUnits="userSpaceOnUse"><path d="${pattern}" stroke="${colours.ground}" stroke-width="1.4"/></pattern>`,
  );
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${-margin} ${-margin} ${WIDTH + 2 * margin} ${Math.round(height) + 2 * margin}" width="${WIDTH + 2 * margin}" height="${Math.round(height) + 2 * margin}" font-family="${FONT}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escaped(title)}</title>`,
    `<desc id="d">${escaped(about)} The figures are in the tables of docs/benchmark-results.md.</desc>`,
    `<defs>${patterns.join('')}</defs>`,
    `<rect x="${-margin}" y="${-margin}" width="${WIDTH + 2 * margin}" height="${Math.round(height) + 2 * margin}" rx="12" fill="${colours.ground}"/>`,
    text(0, 14, title, colours.ink, { weight: 650, size: 17 }),
    text(0, 36, about, colours.dim),
    ...parts,
    '</svg>',
  ].join('\n')}\n`;
}
