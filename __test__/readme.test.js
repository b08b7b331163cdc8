/** Every example of the README runs, and prints what it says it does. */

const assert = require('node:assert');
const { after, before, test } = require('node:test');
const { Platform } = require('..');

const EXPECTED = {
  'legacy service':
    /^Conversation layer:\/\/\/conversations\/[0-9a-f-]{36} of maria and jon\nMessage from maria: Boat leaves at nine\n$/,
  'modern service': /^422 invalid_property parts\n$/,
  'platform in tests': /^200\n$/,
};

let platform;
let app;

before(async () => {
  platform = await Platform.start();
  app = await platform.createApp();
});

after(() => platform.close());

for (const [name, expected] of Object.entries(EXPECTED)) {
  test(name, async () => {
    const { readmeExamples, runExample } = await import('../scripts/examples.mjs');
    const example = readmeExamples().find((candidate) => candidate.name === name);
    const env = { LAYER_API_URL: platform.url, LAYER_APP_ID: app.appId, LAYER_TOKEN: app.token };
    const { exitCode, output } = await runExample(example, env);
    assert.match(output, expected);
    assert.strictEqual(exitCode, 0);
  });
}

test('no code block in JavaScript is left out', async () => {
  const { readmeExamples } = await import('../scripts/examples.mjs');
  const { readFileSync } = require('node:fs');
  const blocks = readFileSync(require.resolve('../README.md'), 'utf8').match(/^```m?js$/gm);
  assert.deepStrictEqual(
    readmeExamples().map(({ name }) => name),
    Object.keys(EXPECTED),
  );
  assert.strictEqual(blocks.length, Object.keys(EXPECTED).length);
});
