'use strict';

/** The commands of CONTRIBUTING.md that are not tests themselves. */

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');

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

test('npm test names at its end the tests of Rust and JavaScript that failed, and counts them last', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'layer-api-commands-'));
  const file = path.join(folder, 'some.test.js');
  writeFileSync(file, "require('node:test').test('is broken', () => { throw new Error('here'); });");
  const cargo =
    'failures:\\n\\n---- room::breaks stdout ----\\n\\ntest result: FAILED. 2 passed; 1 failed; 0 ignored\\n';
  const steps = [
    ['Rust', 'sh', ['-c', `printf '${cargo}'; exit 1`]],
    ['JavaScript', process.execPath, ['--test', '--test-reporter=spec', file]],
    ['Lints', 'true', []],
    ['Crash', 'false', []],
  ];
  const program = `
    import { runSteps } from ${JSON.stringify(pathToFileURL(path.join(ROOT, 'scripts', 'steps.mjs')))};
    await runSteps(${JSON.stringify(steps)});`;
  try {
    // The tests below are not a part of this one.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8', env });
    assert.strictEqual(ran.status, 1, ran.stderr);
    assert.match(
      ran.stdout,
      /Failed: Rust\n {2}room::breaks\n\nFailed: JavaScript\n {2}\S*some.test.js:\S+ is broken .+\n\nFailed: Crash\n\n3 passed, 3 failed\n$/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
