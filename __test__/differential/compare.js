const assert = require('node:assert/strict');
const differences = require('./differences.js');
const { original, isSelfCheck } = require('./subjects.js');

/**
 * Runs one form of a row on the original and on each of `tested`, and fails where one does not do what the original
 * does or what differences.js says instead. Names of the differences that apply are added to `met`.
 */
async function compare(harness, tested, row, form, met) {
  const observed = await harness.observe(original, row, form);
  for (const subject of tested) await compareOne(harness, subject, row, form, observed, met);
}

async function compareOne(harness, tested, row, form, observed, met) {
  const { expected, applied } = isSelfCheck
    ? { expected: observed, applied: [] }
    : await applyDifferences(harness, tested, row, form, observed);
  for (const name of applied) met.add(name);
  const actual = await harness.observe(tested, row, form, { expected });
  const notes = [`${form} form`, `transport ${tested.transport}`, ...applied].join('; ');
  try {
    assert.deepStrictEqual(actual, adoptMatches(expected, actual));
  } catch (error) {
    error.message = `${notes}\n${error.message}`;
    throw error;
  }
}

async function applyDifferences(harness, tested, row, form, observed) {
  const context = {
    row,
    form,
    args: row.args?.() ?? [],
    versions: { original: original.version, tested: tested.version },
    classes: original.errors,
    rerun: (transformArgs) => harness.observe(original, row, form, { transformArgs }),
  };
  const applied = [];
  let expected = observed;
  for (const { name, applies, expect, transport = tested.transport } of differences) {
    if (transport !== tested.transport) continue;
    if (!applies(expected, context)) continue;
    expected = await expect(structuredClone(expected), context);
    applied.push(name);
  }
  return { expected, applied };
}

/** A copy of `expected` in which regular expressions give way to the texts that they match. */
function adoptMatches(expected, actual) {
  if (expected instanceof RegExp) return typeof actual === 'string' && expected.test(actual) ? actual : expected;
  if (Array.isArray(expected)) return expected.map((item, index) => adoptMatches(item, actual?.[index]));
  if (expected === null || typeof expected !== 'object') return expected;
  return Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, adoptMatches(value, actual?.[key])]));
}

module.exports = { compare };
