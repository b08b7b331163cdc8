'use strict';

/** The commands of CONTRIBUTING.md that are not tests themselves. */

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const ROOT = path.join(__dirname, '..');

/** What `npm test` says at its start, with this PATH. */
function needs(PATH) {
  const args = [path.join(ROOT, 'scripts', 'needs.mjs')];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env: { PATH }, encoding: 'utf8' });
  assert.strictEqual(status, 0, stderr);
  return stdout;
}

test('npm test says at its start which programs it needs, and which are missing', () => {
  const nothing = mkdtempSync(path.join(tmpdir(), 'layer-api-commands-'));
  try {
    const missing = [...needs(nothing).matchAll(/^([^\s,]+).*: MISSING: .*apt-get install (.+)\)$/gm)];
    assert.deepStrictEqual(
      missing.map(([, name, debian]) => [name, debian]),
      [
        ['valgrind', 'valgrind'],
        ['python3', 'python3 python3-venv'],
        ['openssl', 'openssl'],
      ],
    );
  } finally {
    rmSync(nothing, { recursive: true });
  }
});

test('npm test says which runtimes, compilers, fakes and browser it has to install, or that they are there', () => {
  const said = needs(process.env.PATH);
  assert.match(said, /^Runtimes, compilers of TypeScript and fakes of HTTP: (found|to be installed from npm, .+)$/m);
  assert.match(said, /^Chromium, in which the SDKs of the vendor run: (found|to be installed by the tests .+)$/m);
  assert.match(needs('/nowhere'), /^Chromium, .+: to be installed by the tests \(Debian: apt-get install chromium\)$/m);
});
