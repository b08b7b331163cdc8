/** Every example of the README and the docs runs, and prints what it says it does. */

const assert = require('node:assert');
const { readFileSync } = require('node:fs');
const { after, before, test } = require('node:test');
const { Platform } = require('..');

/** What the examples of each page print. */
const EXPECTED = {
  'README.md': {
    'legacy service':
      /^Conversation layer:\/\/\/conversations\/[0-9a-f-]{36} of maria and jon\nMessage from maria: Boat leaves at nine\n$/,
    'modern service': /^422 invalid_property parts\n$/,
    'platform in tests': /^200\n$/,
  },
  'docs/testing.md': {
    'a test with a clean slate':
      /^layer:\/\/\/conversations\/00000000-0000-4000-8000-000000000001 2016-05-02T08:00:00\.000Z\n$/,
    'back to a snapshot': /^200\n$/,
    'look at the requests': /^POST Maria 201\n$/,
    'let something go wrong': /^503 service_unavailable\nECONNRESET\n$/,
    'deliveries and their fate': /^1 conversation\.created failed 503\n2 conversation\.created delivered 200\n$/,
  },
  'docs/webhooks.md': {
    'a receiver of webhooks': /^http:\/\/127\.0\.0\.1:\d+\/\n$/,
  },
};

let platform;
let app;

before(async () => {
  platform = await Platform.start();
  app = await platform.createApp();
});

after(() => platform.close());

for (const [page, examples] of Object.entries(EXPECTED)) {
  for (const [name, expected] of Object.entries(examples)) {
    test(`${page}: ${name}`, async () => {
      const { examplesIn, runExample } = await import('../scripts/examples.mjs');
      const example = examplesIn(page).find((candidate) => candidate.name === name);
      const env = { LAYER_API_URL: platform.url, LAYER_APP_ID: app.appId, LAYER_TOKEN: app.token };
      const { exitCode, output } = await runExample(example, env);
      assert.match(output, expected);
      assert.strictEqual(exitCode, 0);
    });
  }

  test(`${page}: no code block in JavaScript is left out`, async () => {
    const { examplesIn } = await import('../scripts/examples.mjs');
    const blocks = readFileSync(require.resolve(`../${page}`), 'utf8').match(/^```m?js$/gm);
    const names = examplesIn(page).map(({ name }) => name);
    assert.deepStrictEqual(names, Object.keys(examples));
    assert.strictEqual(blocks.length, names.length);
  });
}
