/** Tools of tests: a settable clock, deterministic ids, reset, snapshots, a log of requests, injected faults. */

const assert = require('node:assert');
const { once } = require('node:events');
const http = require('node:http');
const { test } = require('node:test');
const Original = require('layer-api-original');
const LayerAPI = require('../..');
const { createCertificate } = require('../support/certificate.js');

const { Platform, ResponseError } = LayerAPI;

/** Runs a test with a platform, an app and a client. */
function withPlatform(name, options, use) {
  test(name, async () => {
    const platform = await Platform.start(options);
    try {
      const app = await platform.createApp();
      await use({ platform, app, layer: new LayerAPI({ ...app, baseUrl: platform.url }) });
    } finally {
      await platform.close();
    }
  });
}

const create = (layer) => layer.conversations.createAsync({ participants: ['maria'] }).then(({ body }) => body);

/** Settles to the error of a promise that has to reject. */
const failure = (promise) =>
  promise.then(
    (value) => assert.fail(`resolved to ${JSON.stringify(value)}`),
    (error) => error,
  );

withPlatform('the clock can be frozen, advanced and resumed', {}, async ({ platform, layer }) => {
  const noon = new Date('2016-02-03T12:00:00Z');
  assert.deepStrictEqual(await platform.clock.freeze(noon), noon);
  assert.strictEqual((await create(layer)).created_at, '2016-02-03T12:00:00.000Z');
  await platform.clock.advance(90 * 60 * 1000);
  assert.strictEqual((await create(layer)).created_at, '2016-02-03T13:30:00.000Z');
  await platform.clock.resume();
  const resumed = await platform.clock.now();
  assert.ok(resumed >= new Date('2016-02-03T13:30:00Z') && resumed < new Date('2016-02-03T14:00:00Z'));
});

withPlatform('the clock stands where start puts it', { clock: '2016-02-03T01:13:49.023Z' }, async ({ layer }) => {
  assert.strictEqual((await create(layer)).created_at, '2016-02-03T01:13:49.023Z');
});

test('the same seed and clock give the same ids and tokens, another seed others', async () => {
  const run = async (seed) => {
    const platform = await Platform.start({ seed, clock: 0 });
    try {
      const app = await platform.createApp();
      const { id } = await create(new LayerAPI({ ...app, baseUrl: platform.url }));
      return { ...app, id };
    } finally {
      await platform.close();
    }
  };
  const first = await run(7);
  assert.deepStrictEqual(await run(7), first);
  const other = await run(8);
  for (const key of Object.keys(first)) assert.notStrictEqual(other[key], first[key], key);
});

withPlatform('ids can be counted', { ids: 'counting' }, async ({ layer }) => {
  assert.strictEqual((await create(layer)).id, 'layer:///conversations/00000000-0000-4000-8000-000000000001');
  assert.strictEqual((await create(layer)).id, 'layer:///conversations/00000000-0000-4000-8000-000000000002');
});

withPlatform('reset empties the platform but keeps its apps', { ids: 'counting' }, async ({ platform, layer }) => {
  const { id } = await create(layer);
  await layer.messages.sendTextFromNameAsync(id, 'Concierge', 'Hi');
  await layer.identities.createAsync('maria', { display_name: 'Maria' });
  await layer.blocklist.blockAsync('maria', 'jon');
  await layer.announcements.sendAsync({
    recipients: ['maria'],
    sender: { name: 'Concierge' },
    parts: [{ body: 'Hi', mime_type: 'text/plain' }],
  });
  await platform.inject({ status: 500, match: { path: '/nowhere' } });
  await platform.reset();
  assert.deepStrictEqual(await platform.requests(), []);
  assert.strictEqual((await failure(layer.conversations.getAsync(id))).status, 404);
  assert.strictEqual((await failure(layer.identities.getAsync('maria'))).status, 404);
  assert.deepStrictEqual((await layer.blocklist.getAsync('maria')).body, []);
  assert.strictEqual((await create(layer)).id, id, 'ids begin anew');
});

const layerHeaders = ({ token }) => ({
  Accept: 'application/vnd.layer+json; version=3.0',
  Authorization: `Bearer ${token}`,
});

/** Uploads rich content; resolves to its path. */
async function upload(platform, app, conversation, bytes) {
  const path = `/apps/${app.appId}/conversations/${conversation.id.split('/').pop()}/content`;
  const headers = {
    ...layerHeaders(app),
    'Upload-Content-Type': 'text/plain',
    'Upload-Content-Length': `${bytes.length}`,
  };
  const { id, upload_url } = await (await fetch(platform.url + path, { method: 'POST', headers })).json();
  assert.strictEqual((await fetch(upload_url, { method: 'PUT', body: bytes })).status, 200);
  return `${path}/${id.split('/').pop()}`;
}

async function download(platform, app, path) {
  const { download_url } = await (await fetch(platform.url + path, { headers: layerHeaders(app) })).json();
  return (await fetch(download_url)).text();
}

for (const data of [':memory:', 'file']) {
  test(`a snapshot can be restored, also by another platform (${data})`, async () => {
    const { mkdtempSync, rmSync } = require('node:fs');
    const folder = mkdtempSync(`${require('node:os').tmpdir()}/layer-api-tools-`);
    const start = (name) =>
      Platform.start({ data: data === 'file' ? `${folder}/${name}.db` : data, ids: 'counting', clock: 0 });
    const platforms = [await start('one'), await start('two')];
    try {
      const app = await platforms[0].createApp();
      const layer = new LayerAPI({ ...app, baseUrl: platforms[0].url });
      const kept = await create(layer);
      const content = await upload(platforms[0], app, kept, 'a picture');
      const snapshot = await platforms[0].snapshot();
      const lost = await create(layer);
      await layer.conversations.deleteAsync(kept.id);

      for (const platform of platforms) {
        await platform.restore(snapshot);
        const restored = new LayerAPI({ ...app, baseUrl: platform.url });
        assert.deepStrictEqual((await restored.conversations.getAsync(kept.id)).body.participants, ['maria']);
        assert.strictEqual((await failure(restored.conversations.getAsync(lost.id))).status, 404);
        assert.strictEqual(await download(platform, app, content), 'a picture');
        assert.strictEqual((await create(restored)).id, lost.id, 'ids go on where they stood');
      }
    } finally {
      await Promise.all(platforms.map((platform) => platform.close()));
      rmSync(folder, { recursive: true });
    }
  });
}

withPlatform('files that are being deleted are there again after a restore', {}, async ({ platform, app, layer }) => {
  // So many that the platform still deletes them when the restore comes.
  const texts = Array.from({ length: 200 }, (_, index) => `picture ${index}`);
  const { id } = await create(layer);
  const contents = [];
  // All at once would be more than a slow platform has memory for: it answers some of them with 503.
  while (contents.length < texts.length) {
    const next = texts.slice(contents.length, contents.length + 50);
    contents.push(...(await Promise.all(next.map((text) => upload(platform, app, { id }, text)))));
  }
  const snapshot = await platform.snapshot();
  await layer.conversations.deleteAsync(id);
  await platform.restore(snapshot);
  assert.deepStrictEqual(await Promise.all(contents.map((content) => download(platform, app, content))), texts);
});

withPlatform('what is no snapshot is refused and changes nothing', {}, async ({ platform, layer }) => {
  const { id } = await create(layer);
  const snapshot = await platform.snapshot();
  const renamed = Buffer.from(snapshot);
  renamed.write('files/../x\0', renamed.indexOf('layer.db'));
  const flipped = Buffer.from(snapshot);
  flipped[flipped.indexOf('["maria"]') + 2] ^= 1;
  const bads = [
    Buffer.from('nonsense'),
    snapshot.subarray(0, snapshot.length / 2),
    Buffer.alloc(10240),
    renamed,
    flipped,
  ];
  for (const bad of bads) {
    await assert.rejects(platform.restore(bad), /the snapshot cannot be restored: /);
  }
  await assert.rejects(platform.restore('text'), /`snapshot`/);
  assert.strictEqual((await layer.conversations.getAsync(id)).status, 200);
});

withPlatform('requests tells what came in and what went out', {}, async ({ platform, app, layer }) => {
  const { id } = await create(layer);
  await failure(layer.messages.sendAsync(id, { parts: [] }));
  const [created, refused] = await platform.requests();
  assert.strictEqual(created.method, 'POST');
  assert.strictEqual(created.path, `/apps/${app.appId}/conversations`);
  assert.deepStrictEqual(created.body, { participants: ['maria'] });
  assert.strictEqual(created.headers.authorization, 'Bearer (hidden)');
  assert.strictEqual(created.response.status, 201);
  assert.strictEqual(created.response.body.id, id);
  assert.strictEqual(created.response.headers['content-type'], 'application/json; charset=UTF-8');
  assert.ok(Date.now() - new Date(created.receivedAt) < 60000);
  assert.strictEqual(refused.response.status, 422);
  assert.ok(!JSON.stringify([created, refused]).includes(app.token));
});

withPlatform('only as many requests as asked for are kept, the last ones', { recordedRequests: 2 }, async (given) => {
  for (let index = 0; index < 3; index++) await given.layer.blocklist.getAsync(`user${index}`);
  const paths = (await given.platform.requests()).map(({ path }) => path);
  assert.deepStrictEqual(
    paths,
    [1, 2].map((index) => `/apps/${given.app.appId}/users/user${index}/blocks`),
  );
});

withPlatform('a fault answers with a status, as often as it is told', {}, async ({ platform, layer }) => {
  await platform.inject({ match: { method: 'POST', path: '/conversations' }, status: 503, times: 2 });
  for (let index = 0; index < 2; index++) {
    const error = await failure(create(layer));
    assert.ok(error instanceof ResponseError);
    assert.deepStrictEqual([error.status, error.body.id], [503, 'service_unavailable']);
  }
  await create(layer);
  const faults = (await platform.requests()).map(({ fault }) => fault);
  assert.deepStrictEqual(faults, [1, 1, null]);
});

withPlatform('a fault has the body and headers that it is given', {}, async ({ platform, app }) => {
  await platform.inject({ status: 429, body: { slow: 'down' }, headers: { 'Retry-After': 7 } });
  const request = http.get(`${platform.url}/apps/${app.appId}`);
  const [response] = await once(request, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  assert.deepStrictEqual([response.statusCode, response.headers['retry-after'], text], [429, '7', '{"slow":"down"}']);
});

withPlatform('a delay holds an answer back', {}, async ({ platform, layer }) => {
  await platform.inject({ delay: 200, times: 1 });
  const began = Date.now();
  await create(layer);
  // Node's timers and the platform's may differ by a millisecond.
  const took = Date.now() - began;
  assert.ok(took >= 195, `${took} ms`);
});

withPlatform('a delay longer than its timeout is a timeout of the client', {}, async ({ platform, app }) => {
  await platform.inject({ delay: 3000 });
  const layer = new LayerAPI({ ...app, baseUrl: platform.url, timeout: 200 });
  const error = await failure(create(layer));
  assert.strictEqual(error.message, 'Request timeout after 0.2seconds.');
});

for (const scheme of ['http', 'https']) {
  test(`a reset connection is ECONNRESET to both clients (${scheme})`, async () => {
    const { ca, cert, key } = createCertificate();
    const platform = await Platform.start(scheme === 'https' ? { cert, key } : {});
    try {
      const app = await platform.createApp();
      const layer = new LayerAPI({ ...app, baseUrl: platform.url, agentOptions: { ca } });
      await platform.inject({ reset: true, times: scheme === 'https' ? 2 : 1 });
      assert.strictEqual((await failure(create(layer))).code, 'ECONNRESET');
      if (scheme === 'https') {
        // The original speaks to api.layer.com only; its agent leads it here.
        const { hostname: host, port } = new URL(platform.url);
        const original = new Original({ ...app, agentOptions: { host, port, ca } });
        assert.strictEqual((await failure(create(original))).code, 'ECONNRESET');
      }
      await create(layer);
    } finally {
      await platform.close();
    }
  });
}

withPlatform('a truncated answer is cut and announced in full', {}, async ({ platform, layer }) => {
  await platform.inject({ truncate: 10, times: 1 });
  assert.strictEqual((await failure(create(layer))).code, 'ECONNRESET');
  const [{ response }] = await platform.requests();
  assert.ok(Number(response.headers['content-length']) > 10);
  assert.strictEqual(response.bodyLength, 10);
  await create(layer);
});

withPlatform('a fault can strike after what was asked is done', {}, async ({ platform, layer }) => {
  await create(layer);
  const owned = async () => (await layer.conversations.getAllFromUserAsync('maria')).body.length;
  const before = await owned();
  await platform.inject({ match: { method: 'POST' }, reset: true, after: true, times: 1 });
  assert.strictEqual((await failure(create(layer))).code, 'ECONNRESET');
  await platform.inject({ match: { method: 'POST' }, status: 503, after: true, times: 1 });
  assert.strictEqual((await failure(create(layer))).status, 503);
  assert.strictEqual((await owned()) - before, 2);
  await assert.rejects(platform.inject({ delay: 1, after: true }), /after: goes with status and reset only/);
});

withPlatform('answers have a request id: that of the request, or one of their own', {}, async ({ layer }) => {
  const [one, other] = [await layer.blocklist.getAsync('maria'), await layer.blocklist.getAsync('maria')];
  assert.match(one.requestId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notStrictEqual(one.requestId, other.requestId);
  const named = layer.withOptions({ headers: { 'X-Request-Id': 'mine' } });
  assert.strictEqual((await named.blocklist.getAsync('maria')).requestId, 'mine');
  const { requestId } = await failure(named.conversations.getAsync('e4fd3974-20fe-11e5-89c5-080725007e28'));
  assert.strictEqual(requestId, 'mine');
});

withPlatform('a fault can be taken back, also after it struck', {}, async ({ platform, layer }) => {
  const fault = await platform.inject({ status: 500, times: 1 });
  const other = await platform.inject({ status: 502 });
  await failure(create(layer));
  await fault.remove();
  assert.strictEqual((await failure(create(layer))).status, 502);
  await other.remove();
  await create(layer);
});

withPlatform('a fault that makes no sense is refused by name', {}, async ({ platform }) => {
  await assert.rejects(platform.inject({ status: 500, reset: true }), /only one of status, reset and truncate/);
  await assert.rejects(
    platform.inject({ status: 500, probability: 2 }),
    /^Error: `probability` needs to be a number from 0 to 1$/,
  );
  await assert.rejects(platform.inject({ statsu: 500 }), /^Error: `statsu` does not exist; there are match, status, /);
  const delay = '`delay` needs to be a whole number of milliseconds, 0 or more';
  await assert.rejects(platform.inject({ delay: -1 }), { message: delay });
  await assert.rejects(platform.inject({}), /give one of status, delay, reset and truncate/);
});

test('options of the tools that make no sense are refused by name', async () => {
  for (const [options, pattern] of [
    [{ seed: -1 }, /`seed`/],
    [{ seed: 1.5 }, /`seed`/],
    [{ ids: 'odd' }, /`ids`/],
    [{ seed: 1, ids: 'counting' }, /`seed`/],
    [{ clock: 'noon' }, /`clock`/],
    [{ recordedRequests: -1 }, /`recordedRequests`/],
    [{ exports: { unlimited: 1 } }, /`exports.unlimited`/],
    [{ exports: { limited: false } }, /`exports.limited`/],
    [{ exports: true }, /`exports`/],
    [{ adminToken: 1 }, /`adminToken`/],
    [{ webhooks: true }, /`webhooks`/],
    [{ webhooks: { allowHttp: 1 } }, /`webhooks\.allowHttp`/],
    [{ webhooks: { allow: true } }, /`webhooks\.allow` does not exist/],
  ]) {
    await assert.rejects(Platform.start(options), pattern, JSON.stringify(options));
  }
});

withPlatform('the admin API serves whoever knows the token', { adminToken: 'admin secret' }, async ({ platform }) => {
  const call = async (method, path, token, body) => {
    const response = await fetch(`${platform.url}/_platform${path}`, {
      method,
      body: body && JSON.stringify(body),
      headers: token ? { Authorization: `Bearer ${token}` } : {},
    });
    const text = await response.text();
    return [response.status, text && JSON.parse(text)];
  };
  for (const token of [undefined, 'admin', 'admin secret ']) {
    const [status] = await call('GET', '/clock', token && encodeURI(token));
    assert.strictEqual(status, 401, token);
  }
  const [created, app] = await call('POST', '/apps', 'admin secret');
  assert.strictEqual(created, 201);
  const layer = new LayerAPI({ appId: app.app_id, token: app.token, baseUrl: platform.url });
  assert.strictEqual((await call('POST', '/faults', 'admin secret', { status: 500, times: 1 }))[0], 201);
  assert.strictEqual((await failure(create(layer))).status, 500);
  assert.deepStrictEqual(await call('POST', '/clock/freeze', 'admin secret', { at_ms: 0 }), [
    200,
    { now: '1970-01-01T00:00:00.000Z', now_ms: 0, is_frozen: true },
  ]);
  assert.strictEqual((await call('POST', '/clock/freeze', 'admin secret', { at: 0 }))[0], 422);
  assert.strictEqual((await call('DELETE', '/faults/99', 'admin secret'))[0], 404);
  assert.strictEqual((await call('POST', '/reset', 'admin secret'))[0], 204);
});

withPlatform('without an admin token there is no admin API', {}, async ({ platform }) => {
  const response = await fetch(`${platform.url}/_platform/clock`, { headers: { Authorization: 'Bearer x' } });
  assert.strictEqual(response.status, 404);
});
