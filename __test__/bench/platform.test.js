'use strict';

/**
 * The benchmark of the platform runs and says all that it should. What it measures is of no interest here: `--smoke`
 * takes moments for each kind of load, and the programs are debug builds.
 */

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');

const ROOT = path.join(__dirname, '..', '..');
const folder = fs.mkdtempSync(path.join(tmpdir(), 'layer-api-bench-'));
const out = path.join(folder, 'platform.json');

const CLOSED = { closed: 4 };
const OPEN = { open: 100 };
const LOADS = [
  ['send-v4', CLOSED],
  ['send-v4', OPEN],
  ['send-v7', CLOSED],
  ['send-v7', OPEN],
  ['send', CLOSED],
  ['send', OPEN],
  ['messages', CLOSED],
  ['conversations', CLOSED],
  ['mixed', CLOSED],
];

/** The programs: the benchmark, and the platform that it measures. */
let program;
let platform;

before(async () => {
  const { buildForTests } = await import('../../scripts/programs.mjs');
  ({ 'layer-bench-platform': program, 'layer-platform': platform } = await buildForTests());
});

function benchWith(more, ...args) {
  const env = {
    ...process.env,
    LAYER_ADMIN_TOKEN: undefined,
    LAYER_TEST_POSTGRES: undefined,
    LAYER_BENCH_SYNAPSE: undefined,
    ...more,
  };
  return spawnSync(program, ['--data', folder, '--out', out, ...args], { cwd: ROOT, encoding: 'utf8', env });
}

const bench = (...args) => benchWith({}, ...args);

after(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('the benchmark of the platform', { skip: process.platform !== 'linux' && 'It reads /proc' }, () => {
  let printed;
  let results;

  before(() => {
    const targets = ['before', 'after'].flatMap((name) => ['--target', `${name}=${platform}`]);
    const { status, stdout, stderr } = bench('--smoke', ...targets, '--target', 'constant=constant');
    assert.strictEqual(status, 0, stderr);
    printed = stdout;
    results = JSON.parse(fs.readFileSync(out, 'utf8'));
  });

  test('measures every target under every kind of load, in the same round', () => {
    assert.deepStrictEqual(
      results.cases.map(({ scenario, pace }) => [scenario, pace]),
      LOADS,
    );
    for (const { scenario, rounds } of results.cases) {
      assert.strictEqual(rounds.length, 1, scenario);
      assert.deepStrictEqual(Object.keys(rounds[0]).sort(), ['after', 'before', 'constant']);
      for (const [name, figures] of Object.entries(rounds[0])) {
        for (const figure of ['perSecond', 'p50Ms', 'p99Ms', 'p999Ms', 'maxMs', 'cpuUs', 'rssMb', 'requests']) {
          assert.ok(figures[figure] > 0, `${scenario}, ${name}: ${figure} is ${figures[figure]}`);
        }
        assert.ok(figures.p50Ms <= figures.p99Ms && figures.p99Ms <= figures.p999Ms, `${scenario}, ${name}`);
      }
    }
  });

  test('says how large messages are where there is a database', () => {
    const [before, after, constant] = results.targets;
    for (const target of [before, after]) {
      assert.ok(target.seededBytesPerMessage > 100 && target.addedBytesPerMessage > 0, JSON.stringify(target));
    }
    assert.deepStrictEqual([constant.seededBytesPerMessage, constant.addedBytesPerMessage], [null, null]);
  });

  test('says how long it is from a start to the first answer, with the store and with a new one', () => {
    const [before, , constant] = results.targets;
    for (const times of [before.firstAnswersMs, before.newFirstAnswersMs]) {
      assert.strictEqual(times.length, 1);
      assert.ok(times[0] > 0, `${times}`);
    }
    assert.deepStrictEqual([constant.firstAnswersMs, constant.newFirstAnswersMs], [[], []]);
    assert.match(printed, /\| from a start to the first answer, new store \| <= 50 ms \| [\d.]+ \| /);
  });

  test('puts stores of different size side by side', () => {
    const targets = [`small=${platform}@2`, `large=${platform}@200`].flatMap((target) => ['--target', target]);
    const { status, stdout, stderr } = bench('--smoke', '--only', 'messages', ...targets);
    assert.strictEqual(status, 0, stderr);
    const { targets: measured } = JSON.parse(fs.readFileSync(out, 'utf8'));
    assert.deepStrictEqual(
      measured.map(({ messages }) => messages),
      [110, 2180],
    );
    assert.match(stdout, /\| small \| 110 \|/);
    assert.match(stdout, /\| large \| 2180 \|/);
  });

  test('prints every load, and how many times better each target is than the first', () => {
    for (const { title, pace } of results.cases) {
      const words = pace.closed ? '4 connections' : '100 requests a second';
      assert.ok(printed.includes(`**${title}, ${words}**`), title);
    }
    assert.match(printed, /\| after : before \| [\d.]+ \|/);
    assert.match(printed, /\| constant : before \| [\d.]+ \|/);
    assert.match(printed, /\| bytes of a message in the store, conversations included \| <= 260 \| [\d.]+ \| /);
  });

  test('leaves no store behind', () => {
    assert.deepStrictEqual(fs.readdirSync(folder), ['platform.json']);
  });

  test('fills a store once where stores are kept', () => {
    const stores = fs.mkdtempSync(path.join(tmpdir(), 'layer-api-bench-'));
    try {
      const here = ['--target', `platform=${platform}`];
      const [first, second] = [0, 1].map(() => bench('--smoke', '--only', 'send', '--stores', stores, ...here));
      for (const { status, stderr } of [first, second]) assert.strictEqual(status, 0, stderr);
      assert.match(first.stderr, /platform: filled with 1090 messages in/);
      assert.doesNotMatch(second.stderr, /filled with/);
      assert.deepStrictEqual(fs.readdirSync(stores), ['platform-100']);
    } finally {
      fs.rmSync(stores, { recursive: true });
    }
  });

  test('measures a platform with its data on a server of PostgreSQL, and what that server costs', async (context) => {
    const { findPostgres, startPostgres } = await import('../../scripts/postgres.mjs');
    if (findPostgres() === undefined) return context.skip('PostgreSQL is not installed');
    const server = await startPostgres();
    try {
      const targets = [`file=${platform}`, `server=${platform}@postgres`].flatMap((target) => ['--target', target]);
      const env = { LAYER_TEST_POSTGRES: server.url };
      const { status, stderr } = benchWith(env, '--smoke', '--only', 'send', ...targets);
      assert.strictEqual(status, 0, stderr);
      const { cases, targets: measured } = JSON.parse(fs.readFileSync(out, 'utf8'));
      for (const { rounds } of cases) assert.ok(rounds[0].server.cpuUs > 0 && rounds[0].server.requests > 0);
      assert.ok(measured[1].seededBytesPerMessage > measured[0].seededBytesPerMessage, JSON.stringify(measured));
    } finally {
      server.stop();
    }
  });

  test('measures what sockets cost, and how long messages take to all who listen', () => {
    const saved = path.join(folder, 'sockets.json');
    const { status, stdout, stderr } = bench(
      '--sockets',
      '--smoke',
      '--out',
      saved,
      '--target',
      `platform=${platform}`,
    );
    assert.strictEqual(status, 0, stderr);
    const { idle, users, live } = JSON.parse(fs.readFileSync(saved, 'utf8'));
    fs.rmSync(saved);
    assert.deepStrictEqual([idle.sockets, users, live.length], [50, 50, 1]);
    const [{ rate, rounds }] = live;
    assert.deepStrictEqual([rate, rounds.length], [100, 1]);
    const [figures] = rounds;
    assert.ok(figures.messages > 0 && figures.p50Ms <= figures.p99Ms, JSON.stringify(figures));
    assert.ok(figures.dueP99Ms >= figures.dueP50Ms && figures.dueP50Ms >= figures.p50Ms, JSON.stringify(figures));
    assert.match(stdout, /\| memory of each of 50 idle sockets \| <= 20 KB \|/);
    assert.match(stdout, /\| 100 \| [\d.]+ \|/);
  });

  test('draws the platform beside servers that others wrote, as far as they have such requests', async () => {
    const { platformPictures } = await import('../../bench/client/charts.mjs');
    const targets = [
      { name: 'new', kind: 'platform' },
      { name: 'limit', kind: 'constant' },
      { name: 'matrix', kind: { peer: 'synapse' } },
      { name: 'xmpp', kind: { peer: 'ejabberd' } },
    ];
    const round = { new: { perSecond: 900 }, limit: { perSecond: 9000 }, matrix: { perSecond: 9 } };
    const cases = [
      { scenario: 'send-v7', pace: { closed: 16 }, rounds: [{ ...round, xmpp: { perSecond: 99 } }] },
      { scenario: 'messages', pace: { closed: 16 }, rounds: [round] },
    ];
    const drawn = platformPictures({ targets, cases });
    assert.deepStrictEqual(Object.keys(drawn), ['platform-light.svg', 'platform-dark.svg']);
    for (const svg of Object.values(drawn)) {
      const times = (name) => svg.split(`>${name}<`).length - 1;
      assert.deepStrictEqual(['layer-api', 'Synapse', 'ejabberd', 'limit'].map(times), [2, 2, 1, 0]);
      assert.ok(!/NaN|undefined|Infinity/.test(svg));
    }
    assert.deepStrictEqual(platformPictures({ targets, cases: [] }), {});
  });

  test('says how a server that others wrote is found', () => {
    const targets = [`platform=${platform}`, 'other=synapse'].flatMap((target) => ['--target', target]);
    const { status, stderr } = bench('--smoke', '--only', 'send-v4', ...targets);
    assert.strictEqual(status, 1);
    assert.match(stderr, /LAYER_BENCH_SYNAPSE is not in the environment; .*scripts\/peers\.mjs/);
  });

  test('ends with a sentence when a target cannot be measured', () => {
    for (const [target, expected] of [
      ['running=http://127.0.0.1:9,1', /LAYER_ADMIN_TOKEN/],
      ['nowhere=/nonexistent', /nonexistent/],
      [`server=${platform}@postgres`, /LAYER_TEST_POSTGRES/],
      ['other=package.json', /package\.json cannot be started/],
      ['synapse=synapse', /the first must be a platform/],
    ]) {
      const { status, stdout, stderr } = bench('--smoke', '--target', target);
      assert.deepStrictEqual([status, stdout], [1, ''], target);
      assert.match(stderr, expected);
    }
  });
});
