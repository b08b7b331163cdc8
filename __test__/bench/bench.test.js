'use strict';

/**
 * The benchmark runs and says all that it should. What it measures is of no interest here: `--smoke` makes a few
 * requests of each kind, and programs are built without optimisation.
 */

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');

const ROOT = path.join(__dirname, '..', '..');
const PAGE = path.join(ROOT, 'docs', 'benchmark-results.md');
const out = fs.mkdtempSync(path.join(tmpdir(), 'layer-api-bench-'));

const FIGURES = {
  load: ['perSecond', 'p50Ms', 'p99Ms', 'mainUs', 'processUs', 'rssMb', 'serverUs'],
  fresh: ['wallMs', 'emptyMs', 'requireMs', 'constructMs', 'firstMs', 'mainMs', 'processMs', 'rssMb'],
};

/** Runs the command; every table is measured under this Node.js, so that no other has to be installed. */
function bench(...args) {
  const command = [path.join(ROOT, 'bench', 'client', 'run.mjs'), '--out', out, '--node', process.execPath, ...args];
  // What it builds are other variants of what tests run meanwhile.
  const env = { ...process.env, CARGO_TARGET_DIR: path.join(ROOT, 'target', 'bench') };
  return spawnSync(process.execPath, command, { cwd: ROOT, env, encoding: 'utf8', maxBuffer: 2 ** 24 });
}

function measure(...args) {
  const { status, stdout, stderr } = bench('--smoke', '--profile', 'dev', ...args);
  assert.strictEqual(status, 0, stderr);
  return stdout;
}

/** Every figure of every variant in every case was measured. */
function assertWhole({ name, worker, variants, cases }) {
  assert.ok(cases.length > 0, name);
  for (const { title, rounds } of cases) {
    assert.strictEqual(rounds.length, 1, name);
    for (const variant of variants) {
      for (const figure of FIGURES[worker]) {
        const value = rounds[0][variant][figure];
        assert.ok(Number.isFinite(value) && value >= 0, `${name}, ${title}, ${variant}: ${figure} is ${value}`);
      }
      assert.ok(rounds[0][variant].rssMb > 1, `${name}, ${title}, ${variant}: that is no process`);
    }
  }
}

after(() => fs.rmSync(out, { recursive: true, force: true }));

describe('the benchmark', { skip: process.platform !== 'linux' && 'It reads /proc' }, () => {
  let plan;
  let printed;
  let results;

  before(async () => {
    plan = (await import('../../bench/client/plan.mjs')).PLAN;
    printed = measure();
    results = (await import('../../bench/client/results.mjs')).saved(out);
  });

  test('measures every table of the plan, and every figure of every variant', () => {
    const names = [...plan.values()].filter(({ isExtra }) => !isExtra).map(({ name }) => name);
    assert.deepStrictEqual(
      results.map(({ name }) => name),
      names,
    );
    for (const result of results) {
      assert.deepStrictEqual(result.variants, plan.get(result.name).variants);
      assertWhole(result);
    }
  });

  test('prints every table, and which goals are met', () => {
    for (const { title, cases } of results) {
      assert.ok(printed.includes(`### ${title}\n`), title);
      for (const own of cases) assert.ok(printed.includes(own.title), own.title);
    }
    assert.match(printed, /\n## Goals\n/);
    assert.match(printed, /\n## Goals, newest Node\.js\n/);
    assert.match(
      printed,
      /\| first reply: time against original \| >= 8x \| [\d.]+x \[[\d.]+\.\.[\d.]+\] \| (met|missed by [\d.]+ %) \|/,
    );
  });

  test('says from what is saved which goals are met', () => {
    const { status, stdout } = bench('--goals');
    assert.strictEqual(status, 0);
    assert.ok(printed.endsWith(stdout));
  });

  test('writes its results between the marks of docs/benchmark-results.md, and nothing else', async () => {
    const { pageWith } = await import('../../bench/client/page.mjs');
    const page = fs.readFileSync(PAGE, 'utf8');
    const first = pageWith(page, results);
    const [head] = page.split('<!--');
    assert.ok(first.startsWith(head));
    for (const { title } of results) assert.ok(first.includes(`### ${title}\n`), title);
    assert.strictEqual(pageWith(first, results), first);
  });

  test('draws its tables for light and dark pages, with every client by its name', async () => {
    const { pictures } = await import('../../bench/client/charts.mjs');
    const drawn = pictures(results);
    const names = ['throughput', 'main-thread', 'latency', 'growth'];
    assert.deepStrictEqual(
      Object.keys(drawn),
      names.flatMap((name) => [`${name}-light.svg`, `${name}-dark.svg`]),
    );
    for (const [name, svg] of Object.entries(drawn)) {
      assert.match(
        svg,
        /^<svg [^>]*role="img" aria-labelledby="t d">\n<title id="t">[^<]+<\/title>\n<desc id="d">[^<]+</,
        name,
      );
      assert.ok(!/NaN|undefined|Infinity/.test(svg), name);
      const clients = name.startsWith('growth')
        ? ['main thread', 'process']
        : ['layer-api 3', 'undici', 'layer-api 2.3.3'];
      for (const client of clients) assert.ok(svg.includes(`>${client}<`), `${name}: ${client}`);
    }
    assert.deepStrictEqual(pictures([]), {});
  });
});

test('every goal of the benchmark is about a case of its plan', async () => {
  const { GOALS } = await import('../../bench/client/goals.mjs');
  const { PLAN } = await import('../../bench/client/plan.mjs');
  for (const { table, title } of GOALS) {
    assert.ok(
      PLAN.get(table)?.cases.some((own) => own.title === title),
      `${table}, ${title}`,
    );
  }
});

test('a goal of the benchmark is met or missed by the median of its rounds', async () => {
  const { checkGoals } = await import('../../bench/client/goals.mjs');
  const rounds = [1, 3, 30].map((times) => ({
    original: { wallMs: 100 * times },
    undici: { wallMs: 100 * times },
    ours: { wallMs: 50, requireMs: 11, emptyMs: 1 },
  }));
  const bulk = { name: 'bulk', cases: [{ title: '5,000 sends', rounds }] };
  assert.deepStrictEqual(checkGoals([bulk])[0], {
    what: '5,000 sends: time against original',
    goal: '>= 5x',
    measured: '6.00x [2.00..60.00]',
    verdict: 'met',
  });
  const cold = { name: 'cold', addon: { mb: 10 }, cases: [{ title: 'first reply', rounds }] };
  assert.deepStrictEqual(
    checkGoals([cold]).map(({ measured, verdict }) => [measured, verdict]),
    [
      ['6.00x [2.00..60.00]', 'missed by 25.0 %'],
      ['10.00 ms [10.00..10.00]', 'met'],
      ['10.00 MB [10.00..10.00]', 'missed by 25.0 %'],
    ],
  );
  assert.deepStrictEqual(checkGoals([bulk], true), []);
});

test('the benchmark marks the step from which on cost grows faster than its cause', async () => {
  const { tablesOf } = await import('../../bench/client/report.mjs');
  const at = (size, us) => ({
    title: `${size} bytes`,
    size,
    rounds: [{ ours: { perSecond: 1, mainUs: us, processUs: us, rssMb: 1 } }],
  });
  const cases = [at(10, 5), at(100, 50), at(1000, 5000)];
  const text = tablesOf({ title: 'Size', growth: 'size', unit: 'byte', variants: ['ours'], cases });
  const rows = text.split('\n').filter((line) => /^\| \d/.test(line));
  assert.deepStrictEqual(
    rows.map((line) => line.includes('worse than linear')),
    [false, false, true],
  );
  assert.match(rows[2], /2\.00, 2\.00/);
});

test('the benchmark refuses what it does not know, and says what there is', () => {
  for (const [args, expected] of [
    [['--only', 'sned'], /--only must be of send,/],
    [['--op', 'down'], /--op must be of send, .*down:N/],
    [['--rounds', '0'], /--rounds must be a whole number above 0, not 0/],
    [['--only', 'send', '--op', 'edit'], /exclude each other/],
  ]) {
    const { status, stderr } = bench(...args);
    assert.strictEqual(status, 1);
    assert.match(stderr, expected);
  }
});
