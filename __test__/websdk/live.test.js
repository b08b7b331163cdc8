'use strict';

/** Two users in two pages with layer-websdk 3.4.18: what one does, the other sees at once. Client API 10. */

const assert = require('node:assert');
const { after, before, test } = require('node:test');
const { Stage, until } = require('./browser.js');
const { Relay } = require('./relay.js');

let stage;
let relay;
let maria;
let leo;

before(async () => {
  stage = await Stage.open({
    entry: 'layer-websdk',
    relay: async (platform) => {
      relay = await Relay.open(platform);
      return { websocketUrl: relay.websocketUrl };
    },
  });
  maria = await signIn('maria', 'Maria');
  leo = await signIn('leo', 'Leo');
});

after(async () => {
  await stage?.close();
  relay?.close();
});

/** Opens a page for a user, who is signed in and whose socket is open. */
async function signIn(userId, displayName) {
  const page = await stage.page(userId, { displayName });
  /** The packets that came over its sockets. */
  page.packets = [];
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => page.packets.push(JSON.parse(payload)));
  });
  await page.evaluate(connect, { appId: stage.app.appId, userId, ...stage.urls });
  await until(page, () => window.client.isReady && window.client.socketManager?._isOpen());
  return page;
}

/** In the page: a client, its events, and what it sends over its socket. */
function connect({ appId, url, websocketUrl, userId }) {
  const client = new window.layer.Client({ appId, url, websocketUrl, isTrustedDevice: false });
  window.client = client;
  window.events = [];
  client.on('all', (name, event) => window.events.push({ name, id: event?.target?.id }));
  client.on('challenge', ({ nonce, callback }) => window.identityToken(nonce).then(callback));
  client.connect(userId);
}

/** Maria begins a conversation; answers its id once Leo has it. */
async function begin(options = {}) {
  const id = await maria.evaluate((given) => {
    const conversation = window.client.createConversation({ participants: ['leo'], distinct: false, ...given });
    conversation.send();
    return conversation.id;
  }, options);
  await until(leo, (wanted) => window.client.getConversation(wanted), id);
  return id;
}

/** A page sends a text; answers the id of the message. */
const say = (page, conversation, text) =>
  page.evaluate(
    ([id, body]) => {
      const message = window.client.getConversation(id).createMessage(body);
      message.send();
      return message.id;
    },
    [conversation, text],
  );

/** Waits until a page has a message, and answers its text. */
const read = (page, id) => until(page, (wanted) => window.client.getMessage(wanted)?.parts[0].body, id);

const state = (page, id) =>
  page.evaluate((wanted) => {
    const conversation = window.client.getConversation(wanted);
    if (!conversation) return null;
    const { metadata, unreadCount, lastMessage, url } = conversation;
    const names = conversation.participants.map((user) => user.displayName).sort();
    return { metadata, unreadCount, lastMessage: lastMessage?.id ?? null, url, names };
  }, id);

test('a conversation is there at once, with the names of its participants', async () => {
  const id = await begin({ metadata: { title: 'Boat' } });
  const seen = await state(leo, id);
  assert.deepStrictEqual(seen.names, ['Leo', 'Maria']);
  assert.deepStrictEqual(seen.metadata, { title: 'Boat' });
  assert.strictEqual(seen.url, `${stage.platform.url}${id.replace('layer://', '')}`);
});

test('a message arrives, is counted and told, and its sender sees it delivered and read', async () => {
  const id = await begin();
  const message = await say(maria, id, 'Hi');
  assert.strictEqual(await read(leo, message), 'Hi');
  await until(leo, (wanted) => window.client.getConversation(wanted).unreadCount === 1, id);
  await until(leo, ([of, last]) => window.client.getConversation(of).lastMessage?.id === last, [id, message]);
  await until(leo, () => window.events.some(({ name }) => name === 'messages:notify'));
  await until(maria, (wanted) => window.client.getMessage(wanted).deliveryStatus === 'ALL', message);
  await leo.evaluate((wanted) => {
    window.client.getMessage(wanted).isRead = true;
  }, message);
  await until(maria, (wanted) => window.client.getMessage(wanted).readStatus === 'ALL', message);
  await until(leo, (wanted) => window.client.getConversation(wanted).unreadCount === 0, id);
});

test('metadata and participants change at both', async () => {
  const id = await begin({ metadata: { a: { b: '1' }, c: '2' } });
  await maria.evaluate((wanted) => {
    window.client.getConversation(wanted).setMetadataProperties({ 'a.b': '3', d: '4' });
    window.client.getConversation(wanted).deleteMetadataProperties(['c']);
  }, id);
  const wanted = JSON.stringify({ a: { b: '3' }, d: '4' });
  await until(leo, ([of, json]) => JSON.stringify(window.client.getConversation(of).metadata) === json, [id, wanted]);

  const ana = await signIn('ana', 'Ana');
  await maria.evaluate((of) => window.client.getConversation(of).addParticipants(['ana']), id);
  await until(ana, (of) => window.client.getConversation(of), id);
  const count = (number) => [id, number];
  const has = ([of, number]) => window.client.getConversation(of)?.participants.length === number;
  await until(leo, has, count(3));
  assert.deepStrictEqual((await state(leo, id)).names, ['Ana', 'Leo', 'Maria']);
  await maria.evaluate((of) => window.client.getConversation(of).removeParticipants(['ana']), id);
  await until(leo, has, count(2));
  await ana.close();
});

test('a conversation and a message are deleted for all, and for the devices of one', async () => {
  const { ALL, MY_DEVICES } = await maria.evaluate(() => window.layer.Constants.DELETION_MODE);
  const id = await begin();
  const first = await say(maria, id, 'one');
  const second = await say(maria, id, 'two');
  await read(leo, second);
  const remove = (page, message, mode) =>
    page.evaluate(([of, how]) => window.client.getMessage(of).delete(how), [message, mode]);
  await remove(maria, second, ALL);
  await until(leo, (of) => !window.client.getMessage(of), second);
  await until(leo, ([of, last]) => window.client.getConversation(of).lastMessage?.id === last, [id, first]);
  await remove(leo, first, MY_DEVICES);
  await until(leo, (of) => window.client.getConversation(of).lastMessage === null, id);
  assert.strictEqual((await state(maria, id)).lastMessage, first);

  const drop = (page, mode) => page.evaluate(([of, how]) => window.client.getConversation(of).delete(how), [id, mode]);
  await drop(leo, MY_DEVICES);
  await until(leo, (of) => !window.client.getConversation(of), id);
  const third = await say(maria, id, 'three');
  assert.strictEqual(await read(leo, third), 'three');
  await until(leo, (of) => window.client.getConversation(of), id);
  await drop(maria, ALL);
  await until(leo, (of) => !window.client.getConversation(of), id);
});

test('typing shows at the others, and ends', async () => {
  const id = await begin();
  await leo.evaluate(() => {
    window.typing = [];
    window.client.on('typing-indicator-change', (event) => {
      window.typing.push({ typing: event.typing.map((user) => user.userId), paused: event.paused.length });
    });
  });
  await maria.evaluate((of) => {
    window.publisher = window.client.createTypingPublisher();
    window.publisher.setConversation(window.client.getConversation(of));
    window.publisher.setState('started');
  }, id);
  await until(leo, () => window.typing.some(({ typing }) => typing[0] === 'maria'));
  await until(leo, () => window.typing.some(({ typing }) => typing.length === 0));
});

test('what the application does shows at once', async () => {
  const { body: conversation } = await stage.layer.conversations.createAsync({
    participants: ['maria', 'leo'],
    metadata: { from: 'app' },
  });
  await until(leo, (of) => window.client.getConversation(of)?.metadata.from === 'app', conversation.id);
  const { body: message } = await stage.layer.messages.sendTextFromNameAsync(conversation.id, 'Shop', 'Hello');
  assert.strictEqual(await read(leo, message.id), 'Hello');
  const operations = [{ operation: 'set', property: 'metadata.from', value: 'shop' }];
  await stage.layer.conversations.editAsync(conversation.id, operations);
  await until(leo, (of) => window.client.getConversation(of).metadata.from === 'shop', conversation.id);
  await stage.layer.identities.editAsync('maria', { display_name: 'María' });
  await until(leo, () => window.client.getIdentity('maria')?.displayName === 'María');
  await leo.evaluate(() => {
    window.announcements = window.client.createQuery({ model: window.layer.Query.Announcement });
    return new Promise((resolve) => window.announcements.once('change:data', resolve));
  });
  await stage.layer.announcements.sendAsync({
    recipients: ['leo'],
    sender: { name: 'Shop' },
    parts: [{ body: 'News', mime_type: 'text/plain' }],
  });
  await until(leo, () => window.announcements.data.length === 1);
});

test('after a drop, what was missed comes once and in order, and then all is live again', async () => {
  const id = await begin();
  await leo.evaluate(() => {
    window.added = [];
    window.client.on('messages:add', ({ messages }) => {
      for (const message of messages) window.added.push(message.parts[0].body);
    });
  });
  leo.packets.length = 0;
  relay.cut();
  await until(leo, () => !window.client.socketManager._isOpen());
  const { body } = await stage.layer.messages.sendTextFromNameAsync(id, 'Shop', 'missed 1');
  await stage.layer.messages.sendTextFromNameAsync(id, 'Shop', 'missed 2');
  assert.ok(body.id);
  relay.mend();
  await until(leo, () => window.client.socketManager._isOpen() && window.added.includes('missed 2'));
  await until(maria, () => window.client.socketManager._isOpen());
  const message = await say(maria, id, 'live again');
  assert.strictEqual(await read(leo, message), 'live again');
  // The SDK tells of several at once in an order of its own, so the order is that of the packets.
  const texts = ['missed 1', 'missed 2', 'live again'];
  const created = leo.packets
    .filter(({ type, body: of }) => type === 'change' && of.operation === 'create' && of.object.type === 'Message')
    .map(({ body: of }) => of.data.parts[0].body);
  assert.deepStrictEqual(created, texts);
  assert.deepStrictEqual((await leo.evaluate(() => window.added)).sort(), texts.sort());
});

test('a session that ends closes its socket, and the client comes back', async () => {
  const rosa = await signIn('rosa', 'Rosa');
  await rosa.evaluate(() => {
    window.events.length = 0;
  });
  const answer = await fetch(`${stage.platform.url}/apps/${stage.app.appId}/users/rosa/sessions`, {
    method: 'DELETE',
    headers: { accept: 'application/vnd.layer+json; version=3.0', authorization: `Bearer ${stage.app.token}` },
  });
  assert.strictEqual(answer.status, 204);
  await until(rosa, () => window.events.some(({ name }) => name === 'challenge'));
  await until(rosa, () => window.client.isReady && window.client.socketManager?._isOpen());
  await rosa.close();
});

test('no page had an error', () => {
  assert.deepStrictEqual([...maria.errors, ...leo.errors].map(String), []);
});
