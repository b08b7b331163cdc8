'use strict';

/** Pages that are made from code are true to it. */

const assert = require('node:assert');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

test('docs/differences.md lists the differences that the differential test accepts (else: npm run docs)', async () => {
  const { differencesPage } = await import('../scripts/differences.mjs');
  const page = readFileSync(path.join(__dirname, '..', 'docs', 'differences.md'), 'utf8');
  assert.strictEqual(page, differencesPage());
});
