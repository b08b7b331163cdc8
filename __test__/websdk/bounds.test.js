'use strict';

/**
 * What is refused, ends, is limited and survives, with layer-websdk 3.4.18 in pages: nonces and tokens, sessions,
 * requests that are none, clients that do not read, a restart. Client API 10.
 */

const assert = require('node:assert');
const { createHmac, createPublicKey, sign: signWith } = require('node:crypto');
const { mkdtempSync, rmSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { Stage, until } = require('./browser.js');
const { Relay } = require('./relay.js');

const MINUTE_MS = 60_000;
/** In seconds. */
const MONTH = 30 * 86_400;
const UNKNOWN = '24f43c32-4d95-11e4-b3a2-0fd00000020d';

let folder;
let stage;
let relay;
let maria;
let leo;

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'layer-websdk-'));
  stage = await Stage.open({
    entry: 'layer-websdk',
    data: path.join(folder, 'layer.db'),
    relay: async (platform) => {
      relay = await Relay.open(platform);
      return { websocketUrl: relay.websocketUrl };
    },
  });
  maria = await signIn('maria');
  leo = await signIn('leo');
});

after(async () => {
  await stage?.close();
  relay?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Makes identity tokens of nonces. They last, because the clock of the platform is moved on. */
const tokenOf = (userId) => (nonce) => stage.token(userId, nonce, { displayName: userId, expiresIn: MONTH });

/**
 * Opens a page whose client answers each challenge; `token` makes the identity token of a nonce, `appId` is given to
 * the client.
 */
async function open(userId, { token = tokenOf(userId), appId = stage.app.appId } = {}) {
  const page = await stage.page(userId, null, token);
  /** The packets that came over its sockets, and how many it opened. */
  page.packets = [];
  page.sockets = 0;
  page.on('websocket', (socket) => {
    page.sockets += 1;
    socket.on('framereceived', ({ payload }) => page.packets.push(JSON.parse(payload)));
  });
  await page.evaluate(connect, { appId, userId, ...stage.urls });
  return page;
}

/** In the page: a client, its events, and what it was refused. */
function connect({ appId, url, websocketUrl, userId }) {
  const client = new window.layer.Client({ appId, url, websocketUrl, isTrustedDevice: false });
  window.client = client;
  window.events = [];
  window.refusals = [];
  client.on('all', (name) => window.events.push(name));
  client.on('challenge', ({ nonce, callback }) => {
    window.nonce = nonce;
    window.identityToken(nonce).then(callback);
  });
  client.on('authenticated-error', ({ error }) => {
    window.refusals.push({ id: error.id, status: error.httpStatus, property: error.data?.property ?? null });
  });
  client.connect(userId);
}

/** Opens a page for a user, who is signed in and whose socket is open. */
async function signIn(userId, options) {
  const page = await open(userId, options);
  await until(page, () => window.client.isReady && window.client.socketManager?._isOpen());
  return page;
}

/** What a page is refused whose identity token is made in another way. */
async function refused(userId, options) {
  const page = await open(userId, options);
  await until(page, () => window.refusals.length > 0);
  const [refusal] = await page.evaluate(() => window.refusals);
  assert.strictEqual(await page.evaluate(() => window.client.isReady), false);
  await page.close();
  return refusal;
}

const BAD_TOKEN = { id: 'invalid_property', status: 422, property: 'identity_token' };

/** The answer to a request over the socket of a page. */
const ask = (page, method, data, objectId) =>
  page.evaluate(
    ([name, given, object]) =>
      new Promise((resolve) => {
        window.client.socketRequestManager.sendRequest({
          data: { method: name, data: given, object_id: object },
          callback: ({ success, data: answer }) =>
            resolve({ success, data: answer && JSON.parse(JSON.stringify(answer)) }),
        });
      }),
    [method, data, objectId],
  );

/** Maria begins a conversation; answers its id once both have it. */
async function begin() {
  const { success, data } = await ask(maria, 'Conversation.create', { participants: ['leo'] });
  assert.ok(success);
  for (const page of [maria, leo]) await until(page, (id) => window.client.getConversation(id), data.id);
  return data.id;
}

const text = (body) => ({ parts: [{ mime_type: 'text/plain', body }] });

/** The texts of the messages that a page was told of. */
const told = (page) =>
  page.packets
    .filter(({ type, body }) => type === 'change' && body.operation === 'create' && body.object.type === 'Message')
    .map(({ body }) => body.data.parts[0].body);

/** Waits until something of this process is so. */
async function eventually(isSo) {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

// 4, 5
test('a nonce signs one page in, and none after ten minutes', async () => {
  let used;
  const first = await signIn('ana', {
    token: (nonce) => {
      used = nonce;
      return tokenOf('ana')(nonce);
    },
  });
  assert.deepStrictEqual(await refused('ana', { token: () => tokenOf('ana')(used) }), BAD_TOKEN);
  await first.close();
  const late = async (nonce) => {
    await stage.platform.clock.advance(10 * MINUTE_MS);
    return tokenOf('ana')(nonce);
  };
  assert.deepStrictEqual(await refused('ana', { token: late }), BAD_TOKEN);
});

// 6
test('a token that has expired, is of another kind or algorithm, or of another app, signs nobody in', async () => {
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const decode = (part) => JSON.parse(Buffer.from(part, 'base64url'));
  const { privateKey } = stage.provider;
  const byKey = (signed) => signWith('sha256', Buffer.from(signed), privateKey).toString('base64url');
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' });
  const bySecret = (signed) => createHmac('sha256', publicKey).update(signed).digest('base64url');
  /** Makes tokens with another header. */
  const changed = (change, sign) => (nonce) => {
    const [header, claims] = tokenOf('ana')(nonce).split('.');
    const signed = `${encode({ ...decode(header), ...change })}.${claims}`;
    return `${signed}.${sign(signed)}`;
  };
  const other = await stage.platform.createApp();
  const provider = await stage.platform.createIdentityProvider(other.appId);
  const expired = async (nonce) => {
    const token = stage.token('ana', nonce, { expiresIn: 60 });
    await stage.platform.clock.advance(3 * MINUTE_MS);
    return token;
  };
  for (const token of [
    changed({ alg: 'none' }, () => ''),
    changed({ alg: 'none' }, byKey),
    changed({ alg: 'HS256' }, bySecret),
    changed({ cty: 'JWT' }, byKey),
    (nonce) => stage.token('ana', nonce, { ...provider, expiresIn: MONTH }),
  ]) {
    assert.deepStrictEqual(await refused('ana', { token }), BAD_TOKEN);
  }
  // With the same key and nothing else, it is taken.
  await (await signIn('ana', { token: changed({}, byKey) })).close();
  assert.deepStrictEqual(await refused('ana', { token: expired }), BAD_TOKEN);
});

// 9, 10
test('the id of an app has three spellings, and an unknown app lets nobody in', async () => {
  const uuid = stage.app.appId.split('/').at(-1);
  for (const appId of [uuid, `layer:///apps/staging/${uuid}`, `layer:///apps/production/${uuid}`]) {
    await (await signIn('ana', { appId })).close();
  }
  const { id, status } = await refused('ana', { appId: `layer:///apps/staging/${UNKNOWN}` });
  assert.deepStrictEqual([id, status], ['invalid_app_id', 403]);
});

// 15, 16
test('a session ends when the app says, and a suspended user gets no other', async () => {
  const application = (method, url, body) =>
    fetch(`${stage.platform.url}/apps/${stage.app.appId.split('/').at(-1)}${url}`, {
      method,
      headers: {
        accept: 'application/vnd.layer+json; version=3.0',
        authorization: `Bearer ${stage.app.token}`,
        'content-type': 'application/vnd.layer-patch+json',
      },
      body: JSON.stringify(body),
    });
  const set = (property, value) => [{ operation: 'set', property, value }];
  const short = await application('PATCH', '', set('session_ttl_in_seconds', 600));
  assert.strictEqual(short.status, 202);
  const ana = await signIn('ana');
  const session = await ana.evaluate(() => window.client.sessionToken);
  await ana.evaluate(() => {
    window.events.length = 0;
  });
  await stage.platform.clock.advance(11 * MINUTE_MS);
  // Its socket is closed, so it asks, and hears that there is no session.
  await until(ana, () => window.events.includes('authenticated') && window.client.isReady);
  assert.notStrictEqual(await ana.evaluate(() => window.client.sessionToken), session);
  const suspended = await application('PATCH', '/users/ana', set('suspended', true));
  assert.strictEqual(suspended.status, 202);
  await until(ana, () => window.refusals.length > 0);
  const [{ id, status }] = await ana.evaluate(() => window.refusals);
  assert.deepStrictEqual([id, status], ['user_suspended', 403]);
  await ana.close();
  const long = await application('PATCH', '', set('session_ttl_in_seconds', MONTH));
  assert.strictEqual(long.status, 202);
});

// 19, 26
test('a socket needs a session, and a user may have many that say nothing', async () => {
  const page = await signIn('ivo');
  const {
    refusal,
    open: count,
    more,
  } = await page.evaluate(async (url) => {
    const attempt = (token) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${url}/?session_token=${token}`, 'layer-2.0');
        socket.onopen = () => resolve(socket);
        socket.onclose = () => resolve(null);
      });
    const bad = await attempt('nonsense');
    const sockets = [];
    for (let next = await attempt(window.client.sessionToken); next; next = await attempt(window.client.sessionToken)) {
      sockets.push(next);
    }
    const asked = sockets.map(
      (socket) =>
        new Promise((resolve) => {
          socket.onmessage = ({ data }) => resolve(JSON.parse(data).body.success);
          socket.send(JSON.stringify({ type: 'request', body: { method: 'Counter.read', request_id: 'x' } }));
        }),
    );
    const answers = await Promise.all(asked);
    for (const socket of sockets) socket.close();
    return { refusal: bad, open: sockets.length, more: answers.every(Boolean) };
  }, stage.platform.websocketUrl);
  // Together with the one of the SDK.
  assert.deepStrictEqual([refusal, count, more], [null, 63, true]);
  await page.close();
});

// 22, 23
test('a method that there is not is refused, one without an id is done and not answered, and the client goes on', async () => {
  for (const method of ['Conversation.destroy', 'Channel.create', '']) {
    const { success, data } = await ask(maria, method, {});
    assert.deepStrictEqual([success, data.id], [false, 'invalid_endpoint'], method);
  }
  maria.packets.length = 0;
  await maria.evaluate(() => {
    const body = { method: 'Conversation.create', data: { participants: ['leo'], metadata: { from: 'nobody' } } };
    window.client.socketManager.send({ type: 'request', body });
  });
  await eventually(() => maria.packets.some(({ body }) => body.data?.metadata?.from === 'nobody'));
  await begin();
  const answers = maria.packets.filter(
    ({ type, body }) => type === 'response' && body.method.startsWith('Conversation'),
  );
  assert.deepStrictEqual(
    answers.map(({ body }) => [body.method, typeof body.request_id]),
    [['Conversation.create', 'string']],
  );
});

// 30, 31, 44, 45
test('what cannot be created is refused, with the one that has its id', async () => {
  const id = await begin();
  const taken = await ask(maria, 'Conversation.create', { participants: ['leo'], distinct: false, id });
  assert.deepStrictEqual([taken.success, taken.data.id, taken.data.data.id], [false, 'id_in_use', id]);
  const alone = await ask(maria, 'Conversation.create', { distinct: false });
  assert.deepStrictEqual([alone.data.id, alone.data.data.property], ['missing_property', 'participants']);
  const { data: message } = await ask(maria, 'Message.create', text('once'), id);
  const again = await ask(maria, 'Message.create', { ...text('once'), id: message.id }, id);
  assert.deepStrictEqual([again.success, again.data.id, again.data.data.id], [false, 'id_in_use', message.id]);
  const nowhere = await ask(maria, 'Message.create', text('x'), `layer:///conversations/${UNKNOWN}`);
  assert.deepStrictEqual([nowhere.success, nowhere.data.id], [false, 'not_found']);
});

// 38
test('a patch that says it is something else is refused, and the page can read why', async () => {
  const id = await begin();
  const answer = await maria.evaluate(
    (of) =>
      new Promise((resolve) => {
        window.client.xhr(
          {
            url: window.client.getConversation(of).url,
            method: 'PATCH',
            headers: { 'content-type': 'application/json' },
            data: [{ operation: 'set', property: 'metadata.a', value: 'b' }],
            sync: false,
          },
          ({ success, status, data }) => resolve({ success, status, id: data.id }),
        );
      }),
    id,
  );
  assert.deepStrictEqual(answer, { success: false, status: 406, id: 'invalid_header' });
});

// 25
test('a client that does not read is cut, and hears all of it when it comes back', async () => {
  const id = await begin();
  leo.packets.length = 0;
  leo.sockets = 0;
  relay.stall();
  // More than fits into the buffers on the way and what the platform keeps for a client.
  const part = { mime_type: 'text/plain', body: 'x'.repeat(2048) };
  const texts = Array.from({ length: 24 }, (_, number) => `${number}`);
  for (const body of texts) {
    const parts = [{ mime_type: 'text/plain', body }, ...Array.from({ length: 350 }, () => part)];
    await stage.layer.messages.sendAsync(id, { sender: { name: 'Shop' }, parts });
  }
  relay.flow();
  await eventually(() => leo.sockets > 0);
  await eventually(() => told(leo).includes(texts.at(-1)));
  // What came before the cut comes again in part.
  const heard = told(leo);
  assert.deepStrictEqual([...new Set(heard)], texts);
  assert.ok(heard.length < 2 * texts.length, `${heard}`);
  await until(maria, () => window.client.socketManager._isOpen());
});

// 67
test('what happens while a client catches up is neither lost nor out of order', async () => {
  const id = await begin();
  leo.packets.length = 0;
  relay.cut();
  await until(leo, () => !window.client.socketManager._isOpen());
  const texts = Array.from({ length: 350 }, (_, number) => `${number}`);
  const send = async (some) => {
    for (const body of some) await stage.layer.messages.sendTextFromNameAsync(id, 'Shop', body);
  };
  await send(texts.slice(0, 250));
  relay.mend();
  const others = send(texts.slice(250));
  // What came live before the client asked comes again in its place.
  const first = () => told(leo).indexOf(texts[0]);
  await eventually(() => first() >= 0 && told(leo).slice(first()).includes(texts.at(-1)));
  await others;
  assert.deepStrictEqual(told(leo).slice(first()), texts);
  // Live is what was sent since the socket was open, which may have taken a while.
  const live = told(leo).slice(0, first());
  const from = live.length > 0 ? texts.indexOf(live[0]) : 250;
  assert.ok(from >= 250, `${live}`);
  assert.deepStrictEqual(live, texts.slice(from, from + live.length));
  await until(leo, ([of, last]) => window.client.getConversation(of).lastMessage?.parts[0].body === last, [id, '349']);
});

// 66
test('what was missed comes after a restart of the platform, too', async () => {
  const id = await begin();
  leo.packets.length = 0;
  relay.cut();
  await until(leo, () => !window.client.socketManager._isOpen());
  await stage.layer.messages.sendTextFromNameAsync(id, 'Shop', 'before');
  await stage.restart();
  await stage.layer.messages.sendTextFromNameAsync(id, 'Shop', 'after');
  relay.mend();
  await eventually(() => told(leo).includes('after'));
  assert.deepStrictEqual(told(leo), ['before', 'after']);
  await until(maria, () => window.client.socketManager._isOpen());
  const { data } = await ask(maria, 'Message.create', text('live'), id);
  await until(leo, (message) => window.client.getMessage(message)?.parts[0].body === 'live', data.id);
});

test('no page had an error', () => {
  assert.deepStrictEqual([...maria.errors, ...leo.errors].map(String), []);
});
