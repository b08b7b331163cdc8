const assert = require('node:assert/strict');
const { test, before, after } = require('node:test');
const { Harness } = require('./harness.js');
const { compare } = require('./compare.js');
const { original, loadTested, isSelfCheck } = require('./subjects.js');
const differences = require('./differences.js');
const rows = require('./rows');
const { APP_ID, TOKEN } = require('./rows/values.js');

const MINIMUM_OF_ROWS = 400;

let harness;
let tested;
const metDifferences = new Set();

before(async () => {
  tested = loadTested();
  harness = await Harness.start();
});

after(() => harness?.stop());

test(`the table has at least ${MINIMUM_OF_ROWS} rows with names of their own`, () => {
  assert.ok(rows.length >= MINIMUM_OF_ROWS, `${rows.length} rows`);
  const names = rows.map((row) => row.name);
  const twice = names.filter((name, index) => names.indexOf(name) < index);
  assert.deepEqual(twice, []);
});

test('the rows cover all methods', () => {
  const covered = new Set(rows.map((row) => row.method));
  for (const method of Object.keys(surfaceOf(original))) assert.ok(covered.has(method), method);
});

test('resources have the same methods in the same order, in both forms', () => {
  for (const one of tested) assert.deepEqual(Object.entries(surfaceOf(one)), Object.entries(surfaceOf(original)));
});

test('rows', async (t) => {
  for (const row of rows) {
    await t.test(row.name, async () => {
      for (const form of row.forms) await compare(harness, tested, row, form, metDifferences);
    });
  }
});

test('every accepted difference is met by a row', { skip: isSelfCheck }, () => {
  const unmet = differences.map(({ name }) => name).filter((name) => !metDifferences.has(name));
  assert.deepEqual(unmet, []);
});

/** Methods of a client as `resource.name`, each with its number of parameters and the type of its promise form. */
function surfaceOf({ LayerAPI }) {
  const client = new LayerAPI({ token: TOKEN, appId: APP_ID });
  const surface = {};
  for (const [resource, methods] of Object.entries(client)) {
    const names = Object.keys(methods);
    for (const name of names.filter((name) => !name.endsWith('Async'))) {
      surface[`${resource}.${name}`] = [methods[name].length, typeof methods[`${name}Async`], names.join()];
    }
  }
  return surface;
}
