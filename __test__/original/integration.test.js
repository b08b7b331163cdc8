/**
 * The original package's integration tests, written in 2016 for the live service, run from the installed package
 * against the platform: with the client they were written for, and with ours.
 */

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { createCertificate } = require('../support/certificate.js');
const { Platform } = require('../..');

const SPECS = path.join(
  path.dirname(require.resolve('layer-api-original/package.json')),
  'test',
  'integration',
  '*.spec.js',
);
/** Tests in those files. */
const TESTS = 35;

const { ca, cert, key } = createCertificate();
const platforms = {};

before(async () => {
  platforms.original = await Platform.start({ cert, key });
  platforms.ours = await Platform.start();
});

after(() => Promise.all(Object.values(platforms).map((platform) => platform.close())));

for (const client of ['original', 'ours']) {
  test(`the original's integration tests pass with the client: ${client}`, async () => {
    const platform = platforms[client];
    const { appId, token } = await platform.createApp();
    const mocha = spawnSync(
      process.execPath,
      [
        require.resolve('mocha/bin/mocha.js'),
        '--reporter',
        'json',
        '--require',
        require.resolve('./redirect.js'),
        SPECS,
      ],
      {
        encoding: 'utf8',
        env: {
          ...process.env,
          LAYER_APP_ID: appId,
          LAYER_TOKEN: token,
          LAYER_API_URL: platform.url,
          LAYER_TEST_CLIENT: client,
          LAYER_TEST_PORT: new URL(platform.url).port,
          LAYER_TEST_CA: ca,
        },
      },
    );
    // One of the tests prints before the report.
    const report = JSON.parse(mocha.stdout.slice(mocha.stdout.indexOf('{\n  "stats"')));
    assert.deepStrictEqual(
      report.failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message}`),
      [],
    );
    assert.strictEqual(report.stats.passes, TESTS, mocha.stderr);
    assert.strictEqual(mocha.status, 0);
  });
}
