'use strict';

/** Requests that are tried again: which, when, and that nothing happens twice. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const { inspect } = require('node:util');
const { APP_ID, CONVERSATION, LayerAPI, client, closeAll, freePort, plainServer } = require('./support.js');

afterEach(closeAll);

const MESSAGE = { sender: { name: 'x' }, parts: [{ body: 'x', mime_type: 'text/plain' }] };
const TAG = '9e4a5e5c-27b6-4f5a-9c28-4c3f5b7f0a11';

const failureOf = (promise) =>
  promise.then(
    (value) => assert.fail(`it did not fail: ${inspect(value)}`),
    (error) => error,
  );

/** A server that deals with each request by the next of `steps`, and then answers 200; it tells what came in. */
async function scripted(...steps) {
  const requests = [];
  const server = await plainServer((request, response) => {
    request.resume();
    requests.push(request);
    const step = steps.shift() ?? { status: 200 };
    if (step === 'reset') return request.socket.resetAndDestroy();
    if (step === 'close') return request.socket.destroy();
    const { status, headers = {}, body = {} } = step;
    response.writeHead(status, headers);
    response.end(JSON.stringify(body));
  });
  return Object.assign(server, { requests });
}

test('without the option, nothing is tried again', async () => {
  const server = await scripted({ status: 503 }, 'reset');
  const error = await failureOf(client(server).blocklist.getAsync('maria'));
  assert.deepStrictEqual([error.status, error.retryable, error.attempts], [503, true, 1]);
  const reset = await failureOf(client(server).blocklist.getAsync('maria'));
  assert.deepStrictEqual([reset.code, reset.retryable, reset.attempts], ['ECONNRESET', true, 1]);
  assert.strictEqual(server.requests.length, 2);
});

test('the constructor and withOptions say how often; the reply says how often it was', async () => {
  const steps = [{ status: 500 }, 'close', { status: 429 }];
  const server = await scripted(...steps, { status: 200 }, ...steps);
  const layer = client(server, {}, { maxRetries: 3 });
  assert.strictEqual((await layer.blocklist.getAsync('maria')).attempts, 4);
  const once = await failureOf(layer.withOptions({ maxRetries: 1 }).blocklist.getAsync('maria'));
  assert.deepStrictEqual([once.code, once.attempts], ['ECONNRESET', 2]);
  const never = await failureOf(layer.withOptions({ maxRetries: 0 }).blocklist.getAsync('maria'));
  assert.deepStrictEqual([never.status, never.attempts], [429, 1]);
});

test('what is wrong for good is not tried again', async () => {
  const server = await scripted({ status: 404 }, { status: 422 }, { status: 501 });
  const layer = client(server, {}, { maxRetries: 5 });
  for (const status of [404, 422, 501]) {
    const error = await failureOf(layer.blocklist.getAsync('maria'));
    assert.deepStrictEqual([error.status, error.retryable, error.attempts], [status, false, 1]);
  }
  const nowhere = new LayerAPI({ token: 't', appId: APP_ID, baseUrl: 'http://layer.invalid', maxRetries: 5 });
  const error = await failureOf(nowhere.blocklist.getAsync('maria'));
  if (error.code === 'ENOTFOUND') assert.deepStrictEqual([error.retryable, error.attempts], [false, 1]);
  else assert.deepStrictEqual([error.code, error.retryable], ['EAI_AGAIN', true]);
});

test('creates have one tag for all attempts: the one that they were given, or one of our making', async () => {
  const server = await scripted({ status: 503 }, 'reset', { status: 201 }, { status: 503 });
  const layer = client(server, {}, { maxRetries: 5 });
  assert.strictEqual((await layer.messages.sendAsync(CONVERSATION, MESSAGE)).attempts, 3);
  const tags = server.requests.map(({ headers }) => headers['if-none-match']);
  assert.match(tags[0], /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepStrictEqual(tags, [tags[0], tags[0], tags[0]]);
  await layer.messages.sendDedupeAsync(TAG, CONVERSATION, MESSAGE);
  assert.deepStrictEqual(
    server.requests.slice(3).map(({ headers }) => headers['if-none-match']),
    [TAG, TAG],
  );
});

test('without retries, no tag is made', async () => {
  const server = await scripted();
  await client(server).messages.sendAsync(CONVERSATION, MESSAGE);
  assert.strictEqual(server.requests[0].headers['if-none-match'], undefined);
});

test('what would be done twice is tried again only where it surely was not done', async () => {
  const server = await scripted('reset', { status: 500 }, { status: 503 }, { status: 408 });
  const layer = client(server, {}, { maxRetries: 5 });
  const create = (on) => on.identities.createAsync('maria', { display_name: 'Maria' });
  for (let index = 0; index < 4; index++) {
    const error = await failureOf(create(layer));
    assert.deepStrictEqual([error.retryable, error.attempts], [true, 1]);
  }
  assert.strictEqual(server.requests.length, 4);
  const undone = await scripted({ status: 429 }, { status: 503, headers: { 'Retry-After': '0' } });
  assert.strictEqual((await create(client(undone, {}, { maxRetries: 5 }))).attempts, 3);
  const port = await freePort();
  const refusing = new LayerAPI({ token: 't', appId: APP_ID, baseUrl: `http://127.0.0.1:${port}`, maxRetries: 1 });
  const refused = await failureOf(create(refusing));
  assert.deepStrictEqual([refused.code, refused.attempts], ['ECONNREFUSED', 2]);
});

test('what can be asked twice is tried again: reads, edits, deletions and blocks', async () => {
  const calls = [
    ({ conversations }) => conversations.getAsync(CONVERSATION),
    ({ conversations }) => conversations.addParticipantsAsync(CONVERSATION, ['jon']),
    ({ conversations }) => conversations.deleteAsync(CONVERSATION),
    ({ identities }) => identities.replaceAsync('maria', { display_name: 'Maria' }),
    ({ blocklist }) => blocklist.blockAsync('maria', 'jon'),
    ({ blocklist }) => blocklist.unblockAsync('maria', 'jon'),
  ];
  for (const call of calls) {
    const server = await scripted('reset');
    assert.strictEqual((await call(client(server, {}, { maxRetries: 1 }))).attempts, 2);
  }
});

test('Retry-After is waited for, in seconds and as a date; what asks for more than a minute ends at once', async () => {
  const soon = new Date(Date.now() + 2000).toUTCString();
  for (const value of ['1', soon]) {
    const server = await scripted({ status: 503, headers: { 'Retry-After': value } });
    const start = Date.now();
    assert.strictEqual((await client(server, {}, { maxRetries: 1 }).blocklist.getAsync('maria')).attempts, 2);
    assert.ok(Date.now() - start >= (value === '1' ? 990 : 0), `it took ${Date.now() - start} ms`);
    if (value === soon) assert.ok(Date.now() >= Date.parse(soon) - 10);
  }
  const server = await scripted({ status: 503, headers: { 'Retry-After': '61' } });
  const error = await failureOf(client(server, {}, { maxRetries: 9 }).blocklist.getAsync('maria'));
  assert.deepStrictEqual([error.status, error.retryAfter, error.attempts], [503, 61, 1]);
});

test('a signal ends the wait before another attempt', async () => {
  const server = await scripted({ status: 503, headers: { 'Retry-After': '60' } });
  const controller = new AbortController();
  const options = { signal: controller.signal, maxRetries: 5 };
  const pending = failureOf(client(server).withOptions(options).blocklist.getAsync('maria'));
  while (server.requests.length === 0) await new Promise(setImmediate);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const start = Date.now();
  controller.abort();
  assert.strictEqual((await pending).name, 'AbortError');
  assert.ok(Date.now() - start < 50_000);
});

test('a create that is answered 409 with the object of its own tag is the success whose answer was lost', async () => {
  const object = { id: `layer:///messages/${TAG}`, text: 'é' };
  const conflict = (data) => ({ status: 409, body: { id: 'id_in_use', code: 111, message: 'in use', data } });
  const send = (server) => client(server, {}, { maxRetries: 1 }).messages.sendDedupeAsync(TAG, CONVERSATION, MESSAGE);
  const response = await send(await scripted('reset', conflict(object)));
  assert.deepStrictEqual(response, { status: 201, body: object });
  assert.strictEqual(response.attempts, 2);
  // The first answer is no success of ours, and the object of another is none either.
  const first = await failureOf(send(await scripted(conflict(object))));
  assert.deepStrictEqual([first.status, first.body.data], [409, object]);
  for (const id of [`layer:///conversations/${TAG}`, `layer:///messages/${APP_ID}`]) {
    assert.strictEqual((await failureOf(send(await scripted('reset', conflict({ id }))))).status, 409);
  }
  assert.strictEqual((await failureOf(send(await scripted('reset', conflict(undefined))))).status, 409);
});

test('10,000 sends through a faulty link leave exactly 10,000 messages', { timeout: 600_000 }, async () => {
  const COUNT = 10_000;
  const platform = await LayerAPI.Platform.start({ recordedRequests: 0, seed: 7 });
  try {
    const { appId, token } = await platform.createApp();
    const layer = new LayerAPI({
      ...{ appId, token, baseUrl: platform.url, maxRetries: 20, timeout: 300_000 },
      agentOptions: { keepAlive: true, maxSockets: 100 },
    });
    const made = await layer.conversations.createAsync({ participants: ['maria', 'jon'] });
    const match = { method: 'POST', path: '/conversations/*/messages' };
    const probability = 0.04;
    for (const fault of [
      { reset: true },
      { truncate: 20 },
      { reset: true, after: true },
      { status: 503, after: true },
      { status: 503 },
    ]) {
      await platform.inject({ match, probability, ...fault });
    }
    let attempts = 0;
    const send = async (index) => {
      const body = { sender: { user_id: 'maria' }, parts: [{ body: String(index), mime_type: 'text/plain' }] };
      const response = await layer.messages.sendAsync(made.body.id, body);
      assert.strictEqual(response.status, 201);
      attempts += response.attempts;
      return response.body.id;
    };
    const ids = await Promise.all(Array.from({ length: COUNT }, (_, index) => send(index)));
    assert.ok(attempts > COUNT * 1.1, `${attempts} attempts: the link was not faulty`);
    assert.strictEqual(new Set(ids).size, COUNT);

    const texts = [];
    for (let from_id; ; ) {
      const { body } = await layer.messages.getAllAsync(made.body.id, { page_size: 100, ...(from_id && { from_id }) });
      if (body.length === 0) break;
      texts.push(...body.map(({ parts }) => Number(parts[0].body)));
      from_id = body.at(-1).id;
    }
    assert.deepStrictEqual(
      texts.toSorted((one, other) => one - other),
      Array.from({ length: COUNT }, (_, index) => index),
    );
  } finally {
    await platform.close();
  }
});
