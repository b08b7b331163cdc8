/**
 * Every example of the README and the docs runs, and prints what it says it does; receivers of webhooks get an event.
 */

const assert = require('node:assert');
const { readFileSync } = require('node:fs');
const { createInterface } = require('node:readline');
const { after, before, test } = require('node:test');
const LayerAPI = require('..');

const SECRET = 's3cr3t';

/** What the examples of each page print. */
const EXPECTED = {
  'README.md': {
    'legacy service':
      /^Conversation layer:\/\/\/conversations\/[0-9a-f-]{36} of maria and jon\nMessage from maria: Boat leaves at nine\n$/,
    'modern service': /^422 invalid_property parts\n$/,
    'platform in tests': /^200\n$/,
  },
  'docs/observability.md': {
    'spans of requests':
      /^conversations\.create 0 503\nconversations\.create 1 (read ECONNRESET|socket hang up)\nconversations\.create 2 201\n$/,
  },
  'docs/requests.md': {
    'a signal ends a request': /^AbortError ABORT_ERR\n$/,
  },
  'docs/testing.md': {
    'a test with a clean slate':
      /^layer:\/\/\/conversations\/00000000-0000-4000-8000-000000000001 2016-05-02T08:00:00\.000Z\n$/,
    'a fake in place of https':
      /^GET api\.layer\.com \/apps\/e4fd3974-20fe-11e5-89c5-080725007e28\/conversations\/f3cc7b32-3c92-11e4-baad-164230d1df67\nHarbour tour\n$/,
    'back to a snapshot': /^200\n$/,
    'look at the requests': /^POST Maria 201\n$/,
    'let something go wrong': /^503 service_unavailable\nECONNRESET\n$/,
    'deliveries and their fate': /^1 conversation\.created failed 503\n2 conversation\.created delivered 200\n$/,
  },
  'docs/webhooks.md': {
    'a receiver of webhooks': /^http:\/\/127\.0\.0\.1:\d+\/\n$/,
  },
};

/** Examples that serve until they are stopped; they print where. */
const RECEIVERS = {
  'docs/webhooks.md': ['a receiver with Express', 'a receiver with Fastify'],
};

let platform;
let app;

before(async () => {
  platform = await LayerAPI.Platform.start({ webhooks: { allowPrivateAddresses: true, allowHttp: true } });
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

  for (const name of RECEIVERS[page] ?? []) {
    test(`${page}: ${name} takes the challenge and an event, and refuses a forged one`, async () => {
      const { examplesIn, startExample } = await import('../scripts/examples.mjs');
      const example = examplesIn(page).find((candidate) => candidate.name === name);
      const { child, remove } = startExample(example, { PORT: '0', WEBHOOK_SECRET: SECRET });
      try {
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
        const url = (await lines.next()).value;
        const id = await register(url);
        const layer = new LayerAPI({ ...app, baseUrl: platform.url });
        await layer.conversations.createAsync({ participants: ['maria'] });
        assert.strictEqual((await lines.next()).value, 'conversation.created');
        assert.strictEqual((await delivered(id)).status, 200);
        assert.strictEqual((await forge(url, 'application/vnd.layer.webhooks+json; version=1.0')).status, 401);
        assert.ok([401, 415].includes((await forge(url, 'text/plain')).status));
      } finally {
        child.kill();
        remove();
      }
    });
  }

  test(`${page}: no code block in JavaScript is left out`, async () => {
    const { examplesIn } = await import('../scripts/examples.mjs');
    const blocks = readFileSync(require.resolve(`../${page}`), 'utf8').match(/^```m?js$/gm);
    const names = examplesIn(page).map(({ name }) => name);
    assert.deepStrictEqual(names, [...Object.keys(examples), ...(RECEIVERS[page] ?? [])]);
    assert.strictEqual(blocks.length, names.length);
  });
}

/** Registers a webhook for this URL and waits until it is active; answers its id. */
async function register(url) {
  const home = `${platform.url}/apps/${app.appId}/webhooks`;
  const headers = {
    accept: 'application/vnd.layer.webhooks+json; version=1.0',
    authorization: `Bearer ${app.token}`,
    'content-type': 'application/json',
  };
  const body = JSON.stringify({ version: '1.0', target_url: url, events: ['conversation.created'], secret: SECRET });
  let webhook = await (await fetch(home, { method: 'POST', headers, body })).json();
  while (webhook.status === 'unverified') {
    await new Promise((resolve) => setTimeout(resolve, 10));
    webhook = await (await fetch(`${home}/${webhook.id.split('/').pop()}`, { headers })).json();
  }
  assert.strictEqual(webhook.status, 'active', webhook.status_reason);
  return webhook.id;
}

/** The first attempt to deliver an event to a webhook, once it has ended. */
async function delivered(id) {
  for (;;) {
    const attempt = (await platform.webhooks()).find(({ webhook }) => id.endsWith(webhook));
    if (attempt) return attempt;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Posts an event with a signature that is wrong. */
function forge(url, type) {
  const headers = { 'content-type': type, 'layer-webhook-signature': '0'.repeat(40) };
  return fetch(url, { method: 'POST', headers, body: '{"event":{"type":"message.sent"}}' });
}
