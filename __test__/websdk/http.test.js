'use strict';

/** layer-websdk 3.4.18, as npm has it, against the platform over plain HTTP. Client API 10. */

const assert = require('node:assert');
const { after, before, test } = require('node:test');
const { Stage, until } = require('./browser.js');

let stage;

before(async () => {
  stage = await Stage.open({ entry: 'layer-websdk' });
});

after(() => stage?.close());

/** Signs a page in, and answers the page once its client is ready. */
async function signIn(userId, identity) {
  const page = await stage.page(userId, identity);
  await page.evaluate(connect, { appId: stage.app.appId, userId, ...stage.urls });
  await until(page, () => window.client.isReady);
  return page;
}

/** In the page: makes a client that answers each challenge, and remembers its events. */
function connect({ appId, url, websocketUrl, userId }) {
  window.events = [];
  const client = new window.layer.Client({ appId, url, websocketUrl, isTrustedDevice: false });
  window.client = client;
  client.on('all', (name) => window.events.push(name));
  client.on('challenge', ({ nonce, callback }) => window.identityToken(nonce).then(callback));
  client.connect(userId);
}

test('a user is challenged, signs in and is ready, with the claims as its identity', async () => {
  const page = await signIn('maria', { displayName: 'Maria', avatarUrl: 'https://a/m.png' });
  const events = await page.evaluate(() => window.events);
  for (const name of ['challenge', 'authenticated', 'ready']) assert.ok(events.includes(name), `${name}: ${events}`);
  const user = await page.evaluate(() => {
    const { userId, displayName, avatarUrl, isFullIdentity, id } = window.client.user;
    return { userId, displayName, avatarUrl, isFullIdentity, id };
  });
  assert.deepStrictEqual(user, {
    userId: 'maria',
    displayName: 'Maria',
    avatarUrl: 'https://a/m.png',
    isFullIdentity: true,
    id: 'layer:///identities/maria',
  });
  assert.deepStrictEqual(page.errors, []);
});

test('a user without a record, whose id needs escapes, is ready too', async () => {
  const page = await signIn("o'neil.(a)~!*");
  const { id, isFullIdentity } = await page.evaluate(() => ({
    id: window.client.user.id,
    isFullIdentity: window.client.user.isFullIdentity,
  }));
  assert.deepStrictEqual([id, isFullIdentity], ['layer:///identities/o%27neil.%28a%29%7E%21*', true]);
});

test('lists are read page by page, with the number of all', async () => {
  const { body: conversation } = await stage.layer.conversations.createAsync({ participants: ['leo', 'ana'] });
  for (const text of ['one', 'two', 'three'])
    await stage.layer.messages.sendTextFromUserAsync(conversation.id, 'ana', text);
  const page = await signIn('leo', { displayName: 'Leo' });
  const listed = await page.evaluate(async (id) => {
    const { Query } = window.layer;
    const run = (options) =>
      new Promise((resolve) => {
        const query = window.client.createQuery(options);
        query.on('change', ({ type }) => type === 'data' && resolve(query));
      });
    const conversations = await run({ model: Query.Conversation, paginationWindow: 10 });
    const messages = await run({ model: Query.Message, predicate: `conversation.id = '${id}'`, paginationWindow: 2 });
    const first = messages.data.map((message) => message.parts[0].body);
    const rest = new Promise((resolve) => messages.on('change', ({ type }) => type === 'data' && resolve()));
    messages.update({ paginationWindow: 10 });
    await rest;
    return {
      conversations: conversations.data.map((one) => [one.id, one.lastMessage.parts[0].body, one.unreadCount]),
      participants: conversations.data[0].participants.map((one) => one.userId).sort(),
      first,
      all: messages.data.map((message) => message.parts[0].body),
      total: messages.totalSize,
    };
  }, conversation.id);
  assert.deepStrictEqual(listed, {
    conversations: [[conversation.id, 'three', 3]],
    participants: ['ana', 'leo'],
    first: ['three', 'two'],
    all: ['three', 'two', 'one'],
    total: 3,
  });
});

test('a token of another key is refused, and the page can read why', async () => {
  const page = await stage.page('eve');
  const answer = await page.evaluate(
    async ({ appId, url }) => {
      const headers = { accept: 'application/vnd.layer+json; version=2.0', 'content-type': 'application/json' };
      const post = (path, body) => fetch(url + path, { method: 'POST', headers, body, credentials: 'include' });
      const { nonce } = await (await post('/nonces')).json();
      const token = (await window.identityToken(nonce)).slice(0, -6);
      const refused = await post('/sessions', JSON.stringify({ identity_token: `${token}AAAAAA`, app_id: appId }));
      return { status: refused.status, error: await refused.json() };
    },
    { appId: stage.app.appId, ...stage.urls },
  );
  assert.deepStrictEqual([answer.status, answer.error.data.property], [422, 'identity_token']);
});

test('a session that the application ends is followed by a challenge, and the client comes back', async () => {
  const page = await signIn('rosa', { displayName: 'Rosa' });
  const answer = await fetch(`${stage.platform.url}/apps/${stage.app.appId}/users/rosa/sessions`, {
    method: 'DELETE',
    headers: { accept: 'application/vnd.layer+json; version=3.0', authorization: `Bearer ${stage.app.token}` },
  });
  assert.strictEqual(answer.status, 204);
  await page.evaluate(() => {
    window.events.length = 0;
    window.client.createQuery({ model: window.layer.Query.Conversation });
  });
  await until(page, () => window.events.includes('deauthenticated') && window.client.isReady);
  const events = await page.evaluate(() => window.events);
  const order = ['deauthenticated', 'challenge', 'authenticated', 'ready'].map((name) => events.indexOf(name));
  assert.deepStrictEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  assert.ok(order[0] >= 0, `${events}`);
});

test('a user who signs out has no session any more', async () => {
  const page = await signIn('ivo');
  const session = await page.evaluate(() => window.client.sessionToken);
  await page.evaluate(() => new Promise((resolve) => window.client.logout(resolve)));
  const ask = () =>
    fetch(`${stage.platform.url}/conversations`, {
      headers: { accept: 'application/vnd.layer+json; version=2.0', authorization: `Layer session-token="${session}"` },
    });
  while ((await ask()).status !== 401) await new Promise((resolve) => setTimeout(resolve, 50));
});
