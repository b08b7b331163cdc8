'use strict';

/** What src/addon.d.ts says of the addon is what the addon is. */

const assert = require('node:assert');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const addon = require('../../lib/addon.js');

test('the declaration of the addon is fresh: npm run declaration', async () => {
  const { DECLARATION, declaration } = await import('../../scripts/declaration.mjs');
  assert.strictEqual(readFileSync(DECLARATION, 'utf8'), declaration());
});

test('docs/api.md has the methods of the table, and what index.d.ts says of them: npm run docs', async () => {
  const { apiPage } = await import('../../scripts/api.mjs');
  const page = readFileSync(path.join(__dirname, '..', '..', 'docs', 'api.md'), 'utf8');
  assert.strictEqual(page, apiPage());
});

test('the addon exports what its declaration says', async () => {
  const { DECLARATION } = await import('../../scripts/declaration.mjs');
  const text = readFileSync(DECLARATION, 'utf8');
  const declared = [...text.matchAll(/^export declare (?:class|function|const) (\w+)/gm)].map(([, name]) => name);
  assert.deepStrictEqual(Object.keys(addon).sort(), declared.sort());
});

test('the classes of the resources have the methods of the table, and refuse what is no seat', () => {
  for (const row of JSON.parse(addon.methods())) {
    const name = row.resource[0].toUpperCase() + row.resource.slice(1);
    assert.strictEqual(typeof addon[name][row.name], 'function', `${name}.${row.name}`);
    assert.throws(() => new addon[name](), TypeError);
    for (const wrong of [undefined, {}, addon, 1]) assert.throws(() => addon[name][row.name](wrong, -1), TypeError);
  }
});
