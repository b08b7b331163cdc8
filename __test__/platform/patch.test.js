'use strict';

// Contract 4: Layer Patch against the vendor's reference parser, over generated documents and operations.
//
// Another seed or more cases: `LAYER_PATCH_SEED=7 LAYER_PATCH_CASES=200000 node --test __test__/platform/patch.test.js`

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { test } = require('node:test');
const { isDeepStrictEqual } = require('node:util');
const Parser = require('layer-patch');
const differences = require('./patch/differences.js');
const { generator } = require('./patch/generate.js');

const SEED = Number(process.env.LAYER_PATCH_SEED ?? 20191030);
const CASES = Number(process.env.LAYER_PATCH_CASES ?? 20000);

/** How the reference parser words what it refuses, and how we do. Any other error of it is one of JavaScript's own. */
const REFUSALS = [
  [/^Can not access property/, /leads through something that is no object/],
  [/requires an array or new structure/, /is no set, so nothing can be added or removed/],
  [/will not (add|remove) (arrays|objects)/, /takes single values only/],
];

/** How we refuse an operation that is none. */
const MALFORMED = /missing required member|can be patched with add, remove, set or delete only|must be a string/;

const copy = (document) => JSON.parse(JSON.stringify(document));

/** What `__proto__` leads to: the reference parser changes it for the whole process. */
const SHARED = [Object.prototype, Array.prototype].map((object) => [object, Object.getOwnPropertyDescriptors(object)]);

function restoreShared() {
  for (const [object, before] of SHARED) {
    for (const key of Object.keys(object)) delete object[key];
    Object.defineProperties(object, before);
  }
}

/** What the reference parser makes of one operation. */
function theirs(document, operation) {
  const object = copy(document);
  const parser = new Parser({
    getObjectCallback: (id) => id,
    doesObjectMatchIdCallback: (id, element) => id === element,
  });
  try {
    parser.parse({ object, type: 'Document', operations: [copy(operation)] });
    return { document: copy(object) };
  } catch (error) {
    return { error };
  } finally {
    restoreShared();
  }
}

/** What our parser makes of all cases. */
async function ours(cases) {
  const { buildForTests } = await import('../../scripts/programs.mjs');
  const child = spawn((await buildForTests()).patch, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(cases.map((one) => `${JSON.stringify({ ...one, operations: [one.operation] })}\n`).join(''));
  let output = '';
  child.stdout.setEncoding('utf8');
  for await (const chunk of child.stdout) output += chunk;
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function isSame(reference, own) {
  if (!reference.error || !own.error) return isDeepStrictEqual(reference.document, own.document);
  // We refuse what is malformed before anything is applied, so the parser may have come across something else.
  if (MALFORMED.test(own.error.message)) return true;
  const refusal = REFUSALS.find(([theirs]) => theirs.test(reference.error.message));
  return refusal === undefined ? reference.error instanceof TypeError : refusal[1].test(own.error.message);
}

/** Sequences of operations, each on what the reference parser made of the one before. */
function generated(count) {
  const { document, operation, operations, version } = generator(SEED);
  const cases = [];
  while (cases.length < count) {
    let current = document();
    for (let left = operations(); left > 0; left--) {
      const one = { document: current, operation: operation(), version: version() };
      cases.push(one);
      current = theirs(current, one.operation).document ?? current;
    }
  }
  return cases;
}

test(`${CASES} generated operations do what the reference parser does, but for the differences listed`, async () => {
  const cases = generated(CASES);
  const outcomes = await ours(cases);
  assert.equal(outcomes.length, cases.length);
  const seen = new Map(differences.map(({ name }) => [name, 0]));
  const counts = { same: 0, refused: 0 };
  for (const [index, one] of cases.entries()) {
    const [reference, own] = [theirs(one.document, one.operation), outcomes[index]];
    if (isSame(reference, own)) {
      counts[own.error ? 'refused' : 'same']++;
      continue;
    }
    const difference = differences.find(({ explains }) => explains({ ...one, theirs: reference, ours: own }));
    assert.ok(
      difference,
      `seed ${SEED}, case ${index}: ${JSON.stringify(one)}\ntheirs: ${reference.error ?? JSON.stringify(reference)}\nours: ${JSON.stringify(own)}`,
    );
    seen.set(difference.name, seen.get(difference.name) + 1);
  }
  // The generator makes enough of both: a test of refusals alone would be worth little, and one without them too.
  assert.ok(counts.same > CASES / 4, `${counts.same} of ${CASES} changed a document`);
  assert.ok(counts.refused > CASES / 50, `${counts.refused} of ${CASES} were refused by both`);
  const stale = [...seen].filter(([, times]) => times === 0).map(([name]) => name);
  assert.deepEqual(stale, [], 'differences that never came up');
});
