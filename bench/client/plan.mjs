/**
 * The tables of the suite: which variants, under which load, how often. Every case of a table is measured in `rounds`
 * rounds, and a round measures every variant once.
 *
 * A case has what the workers take (see worker/load.js), `delayMs`, how long the server holds back every reply, and in
 * tables about growth `size`, how much of it there is.
 */

/** Names of tables under the newest Node.js end in this. */
export const NEWEST = '-newest';

const COMPARED = ['original', 'undici', 'ours', 'ours-async'];
const CLIENTS = ['original', 'original-defaults', 'original-async', 'undici', 'undici-fetch', 'ours', 'ours-async'];

const FLOORS = ['ours-null', 'floor'];

/**
 * What a case is without a word from it. V8 needs a while to optimise the clients in JavaScript: see
 * docs/benchmarks.md.
 */
const LOAD = {
  operation: 'send',
  delayMs: 0,
  clients: 1,
  warmUp: { requests: 20_000, seconds: 1.5 },
  measured: { seconds: 1 },
};
const FRESH = { ...LOAD, warmUp: {} };
const GROWTH = { ...LOAD, warmUp: { requests: 10_000, seconds: 1 }, measured: { seconds: 0.5 } };

/** For tables with many cases. */
const BRIEFLY = { seconds: 0.8 };

const inFlight = (count) => ({ title: `${count} in flight`, concurrency: count });
const counted = (count, noun) => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
const growing = (sizes, noun, rest) => sizes.map((size) => ({ title: counted(size, noun), size, ...rest(size) }));
const BYTES = [1_000, 10_000, 100_000, 1_000_000, 20_000_000];

const TABLES = [
  {
    name: 'send',
    title: '`messages.send`',
    variants: [...CLIENTS, ...FLOORS],
    cases: [1, 64].map(inFlight),
  },
  {
    name: 'send-more',
    title: '`messages.send`, other concurrencies',
    variants: [...COMPARED, ...FLOORS],
    measured: BRIEFLY,
    cases: [4, 16, 256, 1000].map(inFlight),
  },
  {
    name: 'delays',
    title: '`messages.send` to a server that takes its time',
    variants: COMPARED,
    measured: BRIEFLY,
    cases: [
      { title: '1 ms, 64 in flight', delayMs: 1, concurrency: 64 },
      { title: '20 ms, 256 in flight', delayMs: 20, concurrency: 256 },
    ],
  },
  {
    name: 'replies',
    title: 'Other replies, 64 in flight',
    variants: COMPARED,
    measured: BRIEFLY,
    cases: [
      { title: '`messages.getAll`, 100 messages in ASCII', operation: 'list', concurrency: 64 },
      { title: '`messages.getAll`, 100 messages in Cyrillic', operation: 'list-non-ascii', concurrency: 64 },
      { title: '`conversations.edit`, 204', operation: 'edit', concurrency: 64 },
    ],
  },
  {
    name: 'cold',
    title: 'Cold start: a fresh process to its first reply',
    worker: 'fresh',
    variants: CLIENTS,
    rounds: 15,
    cases: [{ title: 'first reply', concurrency: 1, measured: { requests: 1 } }],
  },
  {
    name: 'bulk',
    title: '5,000 sends in a fresh process, 64 in flight',
    worker: 'fresh',
    variants: CLIENTS,
    cases: [{ title: '5,000 sends', concurrency: 64, measured: { requests: 5000 } }],
  },
  {
    name: 'clients',
    title: 'Clients in one process, each with its token and its connections',
    growth: 'count',
    unit: 'client',
    variants: ['ours'],
    cases: growing([1, 10, 1_000], 'client', (clients) => ({ clients, concurrency: 64 })),
  },
  {
    name: 'connections',
    title: 'Connections, as many requests in flight',
    growth: 'count',
    unit: 'connection',
    variants: ['ours'],
    cases: growing([1, 10, 100, 1_000, 10_000], 'connection', (size) => ({ concurrency: size, maxFreeSockets: size })),
  },
  {
    name: 'down',
    title: 'Size of the reply, 4 in flight',
    growth: 'size',
    unit: 'byte',
    variants: ['ours'],
    cases: growing(BYTES, 'byte', (size) => ({ operation: `down:${size}`, concurrency: 4 })),
  },
  {
    name: 'up',
    title: 'Size of the request, 4 in flight',
    growth: 'size',
    unit: 'byte',
    variants: ['ours'],
    cases: growing(BYTES, 'byte', (size) => ({ operation: `up:${size}`, concurrency: 4 })),
  },
  {
    name: 'headers',
    title: 'Headers of the reply, 64 in flight',
    growth: 'size',
    unit: 'header',
    variants: ['ours'],
    cases: growing([1, 10, 50, 90], 'header', (count) => ({ operation: `headers:${count}`, concurrency: 64 })),
  },
  {
    name: 'http2',
    title: 'HTTP/2 against HTTP/1.1 from Rust, 64 in flight',
    isExtra: true,
    variants: ['http1', 'http2'],
    cases: [
      ...[1, 4, 16, 64].map((connections) => ({
        title: `20 ms, ${counted(connections, 'connection')}`,
        delayMs: 20,
        concurrency: 64,
        connections,
      })),
      ...[1, 64].map((connections) => ({
        title: `no delay, ${counted(connections, 'connection')}`,
        concurrency: 64,
        connections,
      })),
    ],
  },
];

/** The same under the newest Node.js: what the goals are about. */
const UNDER_NEWEST = ['send', 'cold', 'bulk'].map((name) => {
  const table = TABLES.find((table) => table.name === name);
  const cases = table.worker === 'fresh' ? table.cases : [inFlight(64)];
  return { ...table, name: name + NEWEST, isNewest: true, variants: COMPARED, cases };
});

/** All tables by name, with everything filled in. `isExtra` marks those that have to be asked for. */
export const PLAN = new Map([...TABLES, ...UNDER_NEWEST].map((table) => [table.name, completed(table)]));

/** Fills in what a table leaves unsaid. */
export function completed(table) {
  const { worker = 'load', rounds = 7, growth } = table;
  const base = worker === 'fresh' ? FRESH : growth ? GROWTH : LOAD;
  const { measured = base.measured } = table;
  const cases = table.cases.map((own) => ({ connections: own.concurrency, ...base, measured, ...own }));
  return { ...table, worker, rounds, cases };
}
