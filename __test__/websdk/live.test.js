'use strict';

/** Two users in two pages with layer-websdk 3.4.18: what one does, the other sees at once. Client API 10. */

const assert = require('node:assert');
const { once } = require('node:events');
const http = require('node:http');
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
  // What its page has sent is not what it has an answer to: without one, the SDK knows no address to delete.
  await until(maria, (of) => window.client.getMessage(of).isSaved(), second);
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

test('of a distinct conversation there is one, also where it has other metadata', async () => {
  const start = (metadata) =>
    maria.evaluate(async (given) => {
      const conversation = window.client.createConversation({ participants: ['ivo'], distinct: true, metadata: given });
      const sent = new Promise((resolve) => conversation.once('conversations:sent', resolve));
      conversation.send();
      const { result } = await sent;
      return { result, id: conversation.id, metadata: conversation.metadata };
    }, metadata);
  const results = await maria.evaluate(() => {
    const { CREATED, FOUND_WITHOUT_REQUESTED_METADATA } = window.layer.Conversation;
    return { created: CREATED, found: FOUND_WITHOUT_REQUESTED_METADATA };
  });
  const first = await start({ topic: 'boat' });
  assert.deepStrictEqual([first.result, first.metadata], [results.created, { topic: 'boat' }]);
  // The page must not find it by itself.
  await maria.evaluate((id) => window.client.getConversation(id).destroy(), first.id);
  const found = await start({ topic: 'train' });
  assert.deepStrictEqual([found.result, found.id, found.metadata], [results.found, first.id, { topic: 'boat' }]);
});

test('who leaves a conversation is no participant any more', async () => {
  const id = await begin();
  await leo.evaluate((of) => window.client.getConversation(of).leave(), id);
  await until(maria, (of) => window.client.getConversation(of).participants.length === 1, id);
  assert.strictEqual((await state(maria, id)).names.length, 1);
  await until(leo, (of) => !window.client.getConversation(of), id);
});

test('text that is long and bytes that are many go up as rich content, and come down', async () => {
  const id = await begin();
  // 4,000 letters of two bytes: the SDK counts letters where it says how long they are.
  const message = await maria.evaluate((of) => {
    const { MessagePart } = window.layer;
    const parts = [
      new MessagePart({ body: 'Ω'.repeat(4000), mimeType: 'text/plain' }),
      new MessagePart(new Blob([new Uint8Array(3000).map((_, index) => index % 251)], { type: 'image/png' })),
      new MessagePart({ body: 'short', mimeType: 'text/plain' }),
      new MessagePart(new Blob([new Uint8Array([0, 255, 1])], { type: 'image/gif' })),
    ];
    const sent = window.client.getConversation(of).createMessage({ parts });
    sent.send();
    return sent.id;
  }, id);
  await until(leo, (of) => window.client.getMessage(of)?.parts.length === 4, message);
  const seen = await leo.evaluate(async (of) => {
    const [text, image, short, small] = window.client.getMessage(of).parts;
    const fetched = (part) => new Promise((resolve) => part.fetchContent(resolve));
    // One whose link is about to expire gets a fresh one.
    text._content.expiration = new Date(0);
    const stale = text._content.downloadUrl;
    const fresh = await new Promise((resolve) => text.fetchStream(resolve));
    const bytes = async (blob) => [...new Uint8Array(await blob.arrayBuffer())];
    return {
      text: await fetched(text),
      isFresh: fresh.startsWith('http') && text._content.expiration > Date.now() && stale.startsWith('http'),
      image: await bytes(await fetched(image)),
      short: short.body,
      small: await bytes(small.body),
    };
  }, message);
  assert.strictEqual(seen.text, 'Ω'.repeat(4000));
  assert.deepStrictEqual([seen.isFresh, seen.short], [true, 'short']);
  assert.deepStrictEqual([seen.image.length, seen.image[250], seen.image[251]], [3000, 250, 0]);
  assert.deepStrictEqual(seen.small, [0, 255, 1]);
  await until(maria, (of) => window.client.getMessage(of).deliveryStatus === 'ALL', message);
});

test('a user whose id needs escapes is told what others do, and its receipts are seen', async () => {
  const name = "o'neil.(a)~!*@x";
  const odd = await signIn(name, 'Odd');
  const id = await begin({ participants: ['leo', name] });
  await until(odd, (of) => window.client.getConversation(of), id);
  const message = await say(maria, id, 'Hi');
  assert.strictEqual(await read(odd, message), 'Hi');
  await odd.evaluate((of) => {
    window.client.getMessage(of).isRead = true;
  }, message);
  const key = await odd.evaluate(() => window.client.user.id);
  await until(maria, ([of, user]) => window.client.getMessage(of).recipientStatus[user] === 'read', [message, key]);
  await odd.close();
});

test('all messages are marked as read at once, and their senders see it', async () => {
  const id = await begin();
  const messages = [];
  for (const text of ['one', 'two', 'three']) messages.push(await say(maria, id, text));
  await read(leo, messages[2]);
  await until(leo, (of) => window.client.getConversation(of).unreadCount === 3, id);
  await leo.evaluate((of) => window.client.getConversation(of).markAllMessagesAsRead(), id);
  await until(leo, (of) => window.client.getConversation(of).unreadCount === 0, id);
  await until(maria, (all) => all.every((of) => window.client.getMessage(of).readStatus === 'ALL'), messages);
});

test('a second device of a user sees everything, and what the first one does', async () => {
  const second = await signIn('leo', 'Leo');
  const id = await begin();
  await until(second, (of) => window.client.getConversation(of), id);
  const message = await say(maria, id, 'to both');
  for (const page of [leo, second]) assert.strictEqual(await read(page, message), 'to both');
  const own = await say(second, id, 'from the second');
  assert.strictEqual(await read(leo, own), 'from the second');
  await leo.evaluate((of) => {
    window.client.getMessage(of).isRead = true;
  }, message);
  await until(second, (of) => window.client.getMessage(of).isRead, message);
  await second.close();
});

test('presence shows at followers: available, busy, offline when the page is closed', async () => {
  const rosa = await signIn('rosa', 'Rosa');
  await begin({ participants: ['leo', 'rosa'] });
  const shows = (status) => until(leo, (wanted) => window.client.getIdentity('rosa', true)?.status === wanted, status);
  await rosa.evaluate(() => window.client.user.setStatus('available'));
  await shows('available');
  await rosa.evaluate(() => window.client.user.setStatus('busy'));
  await shows('busy');
  await rosa.close();
  await shows('offline');
});

test('a typist whose page is closed types no more, and does not see its own typing', async () => {
  const rosa = await signIn('rosa', 'Rosa');
  const id = await begin({ participants: ['leo', 'rosa'] });
  await until(rosa, (of) => window.client.getConversation(of), id);
  const signals = (page) => page.packets.filter(({ type }) => type === 'signal').map(({ body }) => body.data.action);
  for (const page of [leo, rosa]) page.packets.length = 0;
  await rosa.evaluate((of) => {
    window.publisher = window.client.createTypingPublisher();
    window.publisher.setConversation(window.client.getConversation(of));
    window.publisher.setState('started');
  }, id);
  while (!signals(leo).includes('started')) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepStrictEqual(signals(rosa), []);
  await rosa.close();
  while (!signals(leo).includes('finished')) await new Promise((resolve) => setTimeout(resolve, 20));
});

test('a delayed message comes when it is due, and its sender seems to type before', async () => {
  const { body: conversation } = await stage.layer.conversations.createAsync({ participants: ['maria', 'leo'] });
  await until(leo, (of) => window.client.getConversation(of), conversation.id);
  await leo.evaluate(() => {
    window.typing = [];
    window.client.on('typing-indicator-change', ({ typing }) => {
      window.typing.push(typing.map((user) => user.userId).join());
    });
  });
  const { body: message } = await stage.layer.messages.sendAsync(conversation.id, {
    sender: { user_id: 'maria' },
    parts: [{ body: 'later', mime_type: 'text/plain' }],
    schedule: { delay_in_seconds: 3, typing_indicator_in_seconds: 2 },
  });
  await until(leo, () => window.typing.includes('maria'));
  assert.strictEqual(await read(leo, message.id), 'later');
  await until(leo, () => window.typing.at(-1) === '');
});

test('lists: by last message, followed identities, announcements, which are read and deleted', async () => {
  const ana = await signIn('ana', 'Ana');
  await stage.layer.identities.createAsync('nina', { display_name: 'Nina' });
  const [first, second] = [
    await begin({ participants: ['leo', 'ana'] }),
    await begin({ participants: ['leo', 'ana'] }),
  ];
  const message = await say(maria, first, 'newest');
  await read(leo, message);
  await stage.layer.announcements.sendAsync({
    recipients: ['ana'],
    sender: { name: 'Shop' },
    parts: [{ body: 'News', mime_type: 'text/plain' }],
  });
  const listed = await ana.evaluate(async () => {
    const { Query } = window.layer;
    const run = (options) =>
      new Promise((resolve) => {
        const query = window.client.createQuery({ paginationWindow: 50, ...options });
        query.on('change', ({ type }) => type === 'data' && resolve(query));
      });
    const sortBy = [{ 'lastMessage.sentAt': 'desc' }];
    const conversations = await run({ model: Query.Conversation, sortBy });
    const identities = await run({ model: Query.Identity });
    window.announcements = await run({ model: Query.Announcement });
    return {
      conversations: conversations.data.map(({ id }) => id),
      identities: identities.data.map(({ userId, isFullIdentity }) => [userId, isFullIdentity]).sort(),
      announcements: window.announcements.data.map((one) => [one.parts[0].body, one.isRead]),
    };
  });
  assert.deepStrictEqual(listed.conversations.slice(0, 2), [first, second]);
  assert.deepStrictEqual(listed.identities, [
    ['leo', true],
    ['maria', true],
  ]);
  assert.deepStrictEqual(listed.announcements, [['News', false]]);

  await ana.evaluate(() => {
    // To set `isRead` of an announcement fails inside this SDK, which looks for its conversation.
    window.announcements.data[0].sendReceipt(window.layer.Constants.RECEIPT_STATE.READ);
    window.client.getIdentity('nina', true).follow();
  });
  await until(ana, () => window.client.getIdentity('nina')?.isFullIdentity);
  assert.strictEqual(await ana.evaluate(() => window.client.getIdentity('nina').displayName), 'Nina');
  const asked = async (path) => {
    const session = await ana.evaluate(() => window.client.sessionToken);
    const headers = {
      accept: 'application/vnd.layer+json; version=2.0',
      authorization: `Layer session-token="${session}"`,
    };
    const response = await fetch(`${stage.platform.url}${path}`, { headers });
    return response.status === 204 ? null : response.json();
  };
  const eventually = async (path, isSo) => {
    while (!isSo(await asked(path))) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await eventually('/following', (all) => all.includes('layer:///identities/nina'));
  await eventually('/announcements', ([one]) => one.recipient_status['layer:///identities/ana'] === 'read');
  await ana.evaluate(() => {
    window.client.getIdentity('nina').unfollow();
    window.announcements.data[0].delete(window.layer.Constants.DELETION_MODE.ALL);
  });
  await eventually('/following', (all) => !all.includes('layer:///identities/nina'));
  await eventually('/announcements', (all) => all.length === 0);
  await ana.close();
});

test('what pages do over their sockets makes webhooks fire', async () => {
  const events = [];
  const receiver = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const challenge = new URL(request.url, 'http://receiver').searchParams.get('verification_challenge');
    if (challenge === null) events.push(JSON.parse(Buffer.concat(chunks)));
    response.end(challenge ?? '');
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  try {
    const ask = async (method, path, body) => {
      const response = await fetch(`${stage.platform.url}/apps/${stage.app.appId}/webhooks${path}`, {
        method,
        headers: {
          accept: 'application/vnd.layer.webhooks+json; version=1.0',
          authorization: `Bearer ${stage.app.token}`,
          'content-type': 'application/json',
        },
        body: body && JSON.stringify(body),
      });
      return response.json();
    };
    const { id: webhook } = await ask('POST', '', {
      version: '1.0',
      target_url: `http://127.0.0.1:${receiver.address().port}/`,
      events: ['conversation.created', 'message.sent', 'message.read'],
      secret: 'secret',
    });
    const isActive = async () => (await ask('GET', `/${webhook.split('/').at(-1)}`)).status === 'active';
    while (!(await isActive())) await new Promise((resolve) => setTimeout(resolve, 20));
    const id = await begin();
    const message = await say(maria, id, 'Hi');
    await read(leo, message);
    await leo.evaluate((of) => {
      window.client.getMessage(of).isRead = true;
    }, message);
    const types = () => new Set(events.map(({ event }) => event.type));
    while (types().size < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(events.some(({ message: told }) => told?.id === message && told.sender.user_id === 'maria'));
  } finally {
    receiver.close();
    receiver.closeAllConnections();
  }
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
