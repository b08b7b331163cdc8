/**
 * The suite on each runtime: those that `LAYER_TEST_RUNTIMES` names (`12,26`), else those of CI. `npm run
 * test:runtimes` runs it on all.
 */

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { engines } = require('../../package.json');
const { createCertificate } = require('../support/certificate.js');

const RUNNER = path.join(__dirname, 'runner.js');
const BROKEN = path.join(__dirname, 'broken');
/** Checks of the suite; a runner that dies early must not pass. */
const CHECKS = 27;

const folder = mkdtempSync(path.join(tmpdir(), 'layer-api-runtimes-'));
const certificate = path.join(folder, 'certificate.json');

before(() => writeFileSync(certificate, JSON.stringify(createCertificate())));
after(() => rmSync(folder, { recursive: true }));

/** Runs the suite: what each check said, `{code, checks: [{name, error, took}], stderr}`. */
async function runSuite(program, flags, { names = [], env } = {}) {
  const child = spawn(program, [...flags, RUNNER, ...names], {
    env: { ...process.env, LAYER_TEST_CERTIFICATE: certificate, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  const [code, signal] = await once(child, 'close');
  const lines = output.stdout.split('\n').filter((line) => line.startsWith('{'));
  const checks = lines.map((line) => JSON.parse(line)).filter(({ name }) => name);
  return { code, signal, checks, stderr: output.stderr };
}

test('`engines` names the oldest runtime of the suite', async () => {
  const { RUNTIMES } = await import('../../scripts/runtimes.mjs');
  assert.strictEqual(engines.node, `^${RUNTIMES[0].version} || >=14.0.0`);
});

describe('runtimes', { concurrency: 2 }, async () => {
  const { chooseRuntimes, installRuntimes, programOf } = await import('../../scripts/runtimes.mjs');
  const runtimes = chooseRuntimes(process.env.LAYER_TEST_RUNTIMES);
  installRuntimes(runtimes);

  for (const runtime of runtimes) {
    test(`the suite passes on ${runtime.title}`, async (t) => {
      const { code, signal, checks, stderr } = await runSuite(programOf(runtime), runtime.flags);
      for (const { name, error } of checks) await t.test(name, () => assert.ok(!error, error));
      assert.deepStrictEqual(
        { code, signal, count: checks.length, stderr },
        { code: 0, signal: null, count: CHECKS, stderr: '' },
      );
    });

    test(`the suite fails, in all checks, for a client that is broken, on ${runtime.title}`, async () => {
      const env = { LAYER_TEST_PACKAGE: BROKEN };
      const { code, checks } = await runSuite(programOf(runtime), runtime.flags, { env });
      assert.deepStrictEqual(
        checks.filter(({ error }) => !error).map(({ name }) => name),
        [],
      );
      assert.deepStrictEqual({ code, count: checks.length }, { code: 1, count: CHECKS });
    });
  }
});
