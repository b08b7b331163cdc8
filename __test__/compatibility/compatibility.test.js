/** The table of compatibility is whole, and its page is current. */

const assert = require('node:assert');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { OF_NATIVE } = require('../client/carried.js');
const differences = require('../differential/differences.js');
const { testNames } = require('./names.js');
const { PEERS, ROWS } = require('./features.js');
const sections = require('./index.js');

const rows = Object.values(sections).flat();
const FIELDS = ['behaviour', 'verdict', 'how', 'difference', 'tests'];

test('docs/compatibility.md is made from the table (else: npm run docs)', async () => {
  const { compatibilityPage } = await import('../../scripts/compatibility.mjs');
  const page = readFileSync(path.join(__dirname, '..', '..', 'docs', 'compatibility.md'), 'utf8');
  assert.strictEqual(page, compatibilityPage());
});

test('each row says what is compared, with which verdict, and names its tests', () => {
  for (const row of rows) {
    const { behaviour, verdict, how, tests } = row;
    assert.deepStrictEqual(
      Object.keys(row).filter((field) => !FIELDS.includes(field)),
      [],
      behaviour,
    );
    assert.ok(behaviour && !behaviour.includes('\n'), behaviour);
    assert.ok(verdict === 'same' || verdict === 'different', behaviour);
    assert.strictEqual(Boolean(how), verdict === 'different', `${behaviour}: \`how\` is for what differs`);
    assert.ok(Array.isArray(tests) && tests.length > 0, `${behaviour}: no test`);
  }
  const behaviours = rows.map(({ behaviour }) => behaviour);
  assert.deepStrictEqual([...new Set(behaviours)], behaviours);
});

test('every test that a row names exists', () => {
  const names = testNames();
  const missing = rows.flatMap(({ tests }) => tests.filter((name) => !names.has(name)));
  assert.deepStrictEqual(missing, []);
});

test('every difference that a row refers to exists', () => {
  const known = differences.map(({ name }) => name);
  const referred = rows.map(({ difference }) => difference).filter(Boolean);
  assert.deepStrictEqual(
    referred.filter((name) => !known.includes(name)),
    [],
  );
});

test('every beginning of a name that is about the own transport only is that of a test', () => {
  const names = [...testNames().keys()];
  const beginnings = Object.values(OF_NATIVE).flat();
  assert.deepStrictEqual(
    // What a name takes from a list is not in it here.
    beginnings.filter((beginning) => !names.some((name) => name.startsWith(beginning.replace(/ \(.*\)$/, '')))),
    [],
  );
});

test('names are found in every form in which a test has one', () => {
  const names = testNames();
  for (const [name, isOnBoth] of [
    ['nobody listens: ECONNREFUSED with all fields of Node', true],
    ['keepAlive carries all requests over one connection and says so', true],
    ['ticks and microtasks of a callback run before the next callback', true],
    ['maxSockets: 2, keepAlive: …: six requests share two connections in their order', true],
    ['a script exits by itself after its callback, keepAlive: …', true],
    ['promises are native ones by default', false],
    ['conversations.get, body: BOM', true],
    ['all 30 methods work in the promise form', false],
  ]) {
    assert.strictEqual(names.get(name)?.isOnBoth, isOnBoth, name);
  }
  assert.ok(!names.has('…'));
});

test('docs/features.md is made from its table (else: npm run docs)', async () => {
  const { featuresPage } = await import('../../scripts/features.mjs');
  const page = readFileSync(path.join(__dirname, '..', '..', 'docs', 'features.md'), 'utf8');
  assert.strictEqual(page, featuresPage());
});

test('each feature that this client has is shown by tests that exist', () => {
  const names = testNames();
  for (const { feature, ours, others } of ROWS) {
    const [verdict, remark, tests] = ours;
    assert.ok(remark && others.length === PEERS.length, feature);
    for (const [other, evidence] of others) assert.ok(['yes', 'no', 'differs'].includes(other) && evidence, feature);
    assert.strictEqual(tests.length > 0, verdict !== 'no', feature);
    assert.deepStrictEqual(
      tests.filter((name) => !names.has(name)),
      [],
    );
  }
});
