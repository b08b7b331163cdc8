/**
 * The original package's own tests of 2016, run from the installed package, with the client they were written for and
 * with ours: those for the live service against the platform, and those with nock with `transport: 'node'`.
 */

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { readdirSync } = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { createCertificate } = require('../support/certificate.js');
const { Platform } = require('../..');

const TESTS = path.join(path.dirname(require.resolve('layer-api-original/package.json')), 'test');
/** Tests in those files. */
const COUNTS = { integration: 35, unit: 72 };

const { ca, cert, key } = createCertificate();
const platforms = {};

before(async () => {
  const { installFakes } = await import('../../scripts/fakes.mjs');
  installFakes();
  platforms.original = await Platform.start({ cert, key });
  platforms.ours = await Platform.start();
});

after(() => Promise.all(Object.values(platforms).map((platform) => platform.close())));

/** This Node.js with our mocha: `[program, script of mocha]`. */
const CURRENT = [process.execPath, require.resolve('mocha/bin/mocha.js')];

/** Runs test files by mocha; every one of `count` has to pass. */
async function passes([program, mocha], folder, count, env) {
  const specs = readdirSync(folder).filter((name) => name.endsWith('.spec.js'));
  const files = specs.map((name) => path.join(folder, name));
  const child = spawn(program, [mocha, '--reporter', 'json', '--require', require.resolve('./redirect.js'), ...files], {
    env: { ...process.env, ...env },
  });
  const out = { stdout: '', stderr: '' };
  for (const name of Object.keys(out)) {
    child[name].setEncoding('utf8').on('data', (text) => {
      out[name] += text;
    });
  }
  const [status] = await once(child, 'close');
  const begin = out.stdout.indexOf('{\n  "stats"');
  assert.ok(begin >= 0, out.stderr);
  // Some of the tests print before the report.
  const report = JSON.parse(out.stdout.slice(begin));
  assert.deepStrictEqual(
    report.failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message}`),
    [],
  );
  assert.strictEqual(report.stats.passes, count, out.stderr);
  assert.strictEqual(status, 0, out.stderr);
}

for (const client of ['original', 'ours']) {
  for (const transport of client === 'ours' ? ['native', 'node'] : ['native']) {
    const name = transport === 'node' ? 'ours, carried by Node' : client;
    test(`the original's integration tests pass with the client: ${name}`, async () => {
      const platform = platforms[client];
      const { appId, token } = await platform.createApp();
      await passes(CURRENT, path.join(TESTS, 'integration'), COUNTS.integration, {
        LAYER_APP_ID: appId,
        LAYER_TOKEN: token,
        LAYER_API_URL: platform.url,
        LAYER_API_TRANSPORT: transport,
        LAYER_TEST_CLIENT: client,
        LAYER_TEST_PORT: new URL(platform.url).port,
        LAYER_TEST_CA: ca,
      });
    });
  }

  const unit = { LAYER_TEST_CLIENT: client, LAYER_API_TRANSPORT: 'node' };

  test(`the original's unit tests, with their mocha and nock on the oldest Node.js, pass with the client: ${client}`, async () => {
    const { chooseRuntimes, installRuntimes, programOf } = await import('../../scripts/runtimes.mjs');
    const { fakeOf } = await import('../../scripts/fakes.mjs');
    const [oldest] = chooseRuntimes('12.17');
    installRuntimes([oldest]);
    const mocha = path.join(fakeOf('original', 'mocha'), 'bin', '_mocha');
    await passes([programOf(oldest), mocha], TESTS, COUNTS.unit, {
      ...unit,
      LAYER_TEST_NOCK: fakeOf('original', 'nock'),
    });
  });

  // The original waits for an event of the socket that nock 14 does not have.
  for (const nock of client === 'ours' ? ['nock-11', 'nock-13', 'nock-14'] : ['nock-11', 'nock-13']) {
    test(`the original's unit tests, with ${nock}, pass with the client: ${client}`, async () => {
      const { fakeOf } = await import('../../scripts/fakes.mjs');
      await passes(CURRENT, TESTS, COUNTS.unit, { ...unit, LAYER_TEST_NOCK: fakeOf(nock, 'nock') });
    });
  }
}
