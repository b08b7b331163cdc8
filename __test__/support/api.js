'use strict';

/**
 * The methods that layer-api 2.3.3 does not have, each used as a service would and its effect read back, in any of the
 * four versions. `methods.js` uses the 30 others.
 */

const assert = require('node:assert');
const { randomUUID } = require('node:crypto');
const { once } = require('node:events');
const http = require('node:http');
const { refused, speech } = require('./methods.js');

const PARTS = [{ body: 'Boat leaves at nine', mime_type: 'text/plain' }];
const NOTHING = { status: 204, body: '' };
const ACCEPTED = { status: 202, body: '' };
const ids = ({ body }) => body.map(({ id }) => id);

async function views(call, { users, ids: named }) {
  // Before 2.0 nothing is done on behalf of a user that nobody has named.
  await call('conversations.create', { participants: named('maria', 'jon', 'ines') });
  const created = await call('conversations.createFromUser', 'maria', { participants: named('jon') });
  assert.strictEqual(created.status, 201);
  assert.deepStrictEqual(users(created.body.participants).sort(), ['jon', 'maria']);
  const { id } = created.body;
  const tag = randomUUID();
  const once = () => call('conversations.createFromUserDedupe', tag, 'maria', { participants: named('ines') });
  assert.deepStrictEqual(
    [(await once()).body.id, (await once()).body.id],
    Array(2).fill(`layer:///conversations/${tag}`),
  );

  const operations = [{ operation: 'set', property: 'metadata.topic', value: 'boats' }];
  assert.deepStrictEqual(await call('conversations.editFromUser', 'maria', id, operations), NOTHING);
  assert.deepStrictEqual((await call('conversations.get', id)).body.metadata, { topic: 'boats' });

  const sent = await call('messages.sendFromUser', 'maria', id, { parts: PARTS });
  assert.deepStrictEqual([sent.status, sent.body.sender.user_id], [201, 'maria']);
  const message = randomUUID();
  const sendOnce = () => call('messages.sendFromUserDedupe', message, 'maria', id, { parts: PARTS });
  assert.deepStrictEqual(
    [(await sendOnce()).body.id, (await sendOnce()).body.id],
    Array(2).fill(`layer:///messages/${message}`),
  );

  const isUnread = async (user) => (await call('messages.getFromUser', user, message)).body.is_unread;
  assert.strictEqual(await isUnread('jon'), true);
  assert.deepStrictEqual(await call('messages.sendReceiptFromUser', 'jon', message, 'delivery'), NOTHING);
  assert.strictEqual(await isUnread('jon'), true);
  assert.deepStrictEqual(await call('messages.sendReceiptFromUser', 'jon', message, 'read'), NOTHING);
  assert.strictEqual(await isUnread('jon'), false);

  assert.deepStrictEqual(await call('messages.deleteFromUser', 'jon', message, { mode: 'my_devices' }), NOTHING);
  assert.deepStrictEqual(ids(await call('messages.getAllFromUser', 'jon', id)), [sent.body.id]);
  assert.strictEqual(ids(await call('messages.getAll', id)).length, 2);
  assert.deepStrictEqual(await call('messages.delete', id, message), NOTHING);
  assert.deepStrictEqual(ids(await call('messages.getAll', id)), [sent.body.id]);

  const deletion = { mode: 'my_devices', leave: true };
  assert.deepStrictEqual(await call('conversations.deleteFromUser', 'jon', id, deletion), NOTHING);
  assert.deepStrictEqual(users((await call('conversations.get', id)).body.participants), ['maria']);
  await refused(call('conversations.deleteFromUser', 'maria', id, {}), 422, 'missing_property');
}

async function reading(call, { version, sender, ids: named }) {
  const { id } = (await call('conversations.create', { participants: named('maria', 'jon') })).body;
  const send = async () => (await call('messages.send', id, { ...sender('maria'), parts: PARTS })).body;
  for (let count = 0; count < 3; count++) await send();
  const unread = async () => (await call('conversations.getFromUser', 'jon', id)).body.unread_message_count;
  if (version < '2.0')
    return void (await missing(call('conversations.markAllReadFromUser', 'jon', id, null), '2.0 or 3.0'));
  const [, second] = (await call('messages.getAll', id)).body;
  const marked = await call('conversations.markAllReadFromUser', 'jon', id, second.position);
  assert.deepStrictEqual(marked, { status: 202, body: { position: second.position } });
  assert.strictEqual(await unread(), 1);
  await call('conversations.markAllReadFromUser', 'jon', id, null);
  assert.strictEqual(await unread(), 0);
}

async function sending(call, { version, sender, ids: named }) {
  const { id } = (await call('conversations.create', { participants: named('maria', 'jon') })).body;
  const message = { ...sender('maria'), parts: PARTS };
  const delayed = await call('messages.send', id, { ...message, schedule: { delay_in_seconds: 300 } });
  assert.deepStrictEqual([delayed.status, delayed.body.sent_at], [202, null]);
  const batch = () => call('messages.sendBatch', id, [message, message]);
  if (version < '2.0') return void (await missing(batch(), '2.0 or 3.0'));
  const sent = await batch();
  assert.deepStrictEqual([sent.status, sent.body.length], [202, 2]);
}

async function parts(call, { version, sender, ids: named }) {
  const conversation = (await call('conversations.create', { participants: named('maria') })).body.id;
  const { id } = (await call('messages.send', conversation, { ...sender('maria'), parts: PARTS })).body;
  const bodies = async () => (await call('messages.getParts', conversation, id)).body.map(({ body }) => body);
  const part = (body) => ({ body, mime_type: 'text/plain' });
  const uses = [
    ['addPart', conversation, id, part('b')],
    ['getPart', conversation, id, id],
    ['replacePart', conversation, id, id, part('c')],
    ['deletePart', conversation, id, id],
    ['replaceParts', conversation, id, [part('d')]],
  ];
  if (version < '3.0') {
    await missing(bodies(), '3.0');
    for (const [name, ...args] of uses) await missing(call(`messages.${name}`, ...args), '3.0');
    return;
  }
  const added = await call('messages.addPart', conversation, id, part('b'));
  assert.strictEqual(added.status, 201);
  assert.deepStrictEqual(await bodies(), [PARTS[0].body, 'b']);
  assert.deepStrictEqual((await call('messages.getPart', conversation, id, added.body.id)).body, added.body);
  const replaced = await call('messages.replacePart', conversation, id, added.body.id, part('c'));
  assert.deepStrictEqual([replaced.body.id, await bodies()], [added.body.id, [PARTS[0].body, 'c']]);
  assert.deepStrictEqual(await call('messages.deletePart', conversation, id, added.body.id), NOTHING);
  assert.deepStrictEqual(await bodies(), [PARTS[0].body]);
  assert.strictEqual((await call('messages.replaceParts', conversation, id, [part('d'), part('e')])).status, 200);
  assert.deepStrictEqual(await bodies(), ['d', 'e']);
}

async function announcements(call, { hasIdentities, ids: named, id: identity }) {
  const sender = hasIdentities ? { sender_id: identity('jon') } : { sender: { name: 'Harbour' } };
  const body = { recipients: named('ruth', 'jon'), ...sender, parts: PARTS };
  const { id } = (await call('announcements.send', body)).body;
  assert.deepStrictEqual(ids(await call('announcements.getAllFromUser', 'ruth')), [id]);
  assert.deepStrictEqual(ids(await call('announcements.getAllFromUser', 'ruth', { from_id: id })), []);
  const read = async () => (await call('announcements.getFromUser', 'ruth', id)).body;
  assert.strictEqual((await read()).is_unread, true);
  assert.deepStrictEqual(await call('announcements.sendReceiptFromUser', 'ruth', id, 'read'), NOTHING);
  assert.strictEqual((await read()).is_unread, false);
  assert.deepStrictEqual(await call('announcements.deleteFromUser', 'ruth', id), NOTHING);
  await refused(read(), 404, 'not_found');
}

async function people(call, { version, hasIdentities, id: identity }) {
  await call('identities.create', 'user/1', { display_name: 'Maria' });
  const suspended = async () => (await call('users.get', 'user/1')).body.suspended;
  assert.deepStrictEqual(await call('users.suspend', 'user/1'), ACCEPTED);
  assert.strictEqual(await suspended(), true);
  assert.deepStrictEqual(await call('users.unsuspend', 'user/1'), ACCEPTED);
  assert.strictEqual(await suspended(), false);
  const operations = [{ operation: 'set', property: 'suspended', value: true }];
  assert.deepStrictEqual(await call('users.edit', 'user/1', operations), ACCEPTED);
  assert.strictEqual(await suspended(), true);
  await call('users.unsuspend', 'user/1');
  assert.deepStrictEqual(await call('users.setBadge', 'user/1', 13), NOTHING);
  assert.deepStrictEqual((await call('users.getBadge', 'user/1')).body, {
    external_unread_count: 13,
    unread_conversation_count: 0,
    unread_message_count: 0,
  });
  assert.deepStrictEqual(await call('users.deleteSessions', 'user/1'), NOTHING);

  const element = hasIdentities ? { id: identity('pest') } : { value: 'pest' };
  const block = [{ operation: 'add', property: 'blocks', ...element }];
  assert.deepStrictEqual(await call('blocklist.edit', 'user/1', block), ACCEPTED);
  const [blocked] = (await call('blocklist.get', 'user/1')).body;
  assert.strictEqual(blocked.user_id, 'pest');

  const following = [
    ['users.follow', 'user/1', 'jon/2'],
    ['users.getFollowed', 'user/1', 'jon/2'],
    ['users.getAllFollowed', 'user/1'],
    ['identities.getAllFromUser', 'user/1'],
    ['users.followAll', 'user/1', [identity('ines')]],
    ['users.unfollow', 'user/1', 'jon/2'],
  ];
  if (version < '2.0') {
    for (const use of following) await missing(call(...use), '2.0 or 3.0');
    return;
  }
  assert.deepStrictEqual(await call('users.follow', 'user/1', 'jon/2'), NOTHING);
  assert.deepStrictEqual(await call('users.getFollowed', 'user/1', 'jon/2'), NOTHING);
  assert.deepStrictEqual(await call('users.followAll', 'user/1', [identity('ines')]), ACCEPTED);
  const list = async () => (await call('users.getAllFollowed', 'user/1')).body.sort();
  assert.deepStrictEqual(await list(), [identity('ines'), identity('jon/2')]);
  const seen = (await call('identities.getAllFromUser', 'user/1')).body.map(({ user_id }) => user_id);
  assert.deepStrictEqual(seen.sort(), ['ines', 'jon/2']);
  assert.deepStrictEqual(await call('users.unfollow', 'user/1', 'jon/2'), NOTHING);
  assert.deepStrictEqual(await list(), [identity('ines')]);
  await refused(call('users.getFollowed', 'user/1', 'jon/2'), 404, 'not_found');
}

async function content(call, { ids: named }) {
  const conversation = (await call('conversations.create', { participants: named('maria') })).body.id;
  const created = await call('content.create', conversation, { type: 'image/png', size: 3 });
  assert.deepStrictEqual([created.status, created.body.size], [201, 3]);
  await refused(call('content.get', conversation, created.body.id), 404, 'not_found');
  await (await fetch(created.body.upload_url, { method: 'PUT', body: 'abc' })).arrayBuffer();
  const read = (await call('content.get', conversation, created.body.id)).body;
  const download = await fetch(read.download_url);
  assert.deepStrictEqual([download.headers.get('content-type'), await download.text()], ['image/png', 'abc']);

  const page = { type: 'image/png', size: 3, origin: 'https://app.example.com' };
  const { upload_url } = (await call('content.create', conversation, page)).body;
  const preflight = { method: 'OPTIONS', headers: { Origin: page.origin, 'Access-Control-Request-Method': 'PUT' } };
  const allowed = await fetch(upload_url, preflight);
  assert.strictEqual(allowed.headers.get('access-control-allow-origin'), page.origin);
}

/** A key that nobody has the other half of; exports in here are not opened. */
const KEY = require('node:crypto').generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).publicKey;

async function wholeApp(call, { ids: named }) {
  const operations = [{ operation: 'set', property: 'session_ttl_in_seconds', value: 3600 }];
  assert.deepStrictEqual(await call('app.edit', operations), ACCEPTED);
  await refused(call('app.edit', [{ ...operations[0], value: 1 }]), 422, 'invalid_property');
  const push = { recipients: named('maria'), notification: { text: 'Pier closed' } };
  assert.deepStrictEqual(await call('notifications.send', push), ACCEPTED);

  await refused(call('exports.getKey'), 404, 'not_found');
  assert.strictEqual((await call('exports.setKey', KEY)).status, 200);
  assert.deepStrictEqual(await call('exports.getKey'), { status: 200, body: { public_key: KEY } });
  const set = await call('exports.setSchedule', { interval: 'daily', events: ['message.sent'] });
  assert.deepStrictEqual([set.status, set.body.interval], [200, 'daily']);
  assert.deepStrictEqual((await call('exports.getSchedule')).body, set.body);
  const { status, body } = await call('exports.create');
  assert.strictEqual(status, 202);
  const inList = (await call('exports.getAll')).body.some(({ id }) => id === body.id);
  assert.strictEqual(inList, true);
  const read = () => call('exports.get', body.id);
  assert.strictEqual((await read()).body.id, body.id);
  while ((await read()).body.status !== 'completed') await new Promise(setImmediate);
  assert.deepStrictEqual(await call('exports.delete', body.id), NOTHING);
  await refused(read(), 404, 'not_found');
}

async function webhooks(call, { version, hasIdentities }) {
  const receiver = http.createServer((request, response) => {
    response.end(new URL(request.url, 'http://localhost').searchParams.get('verification_challenge'));
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  try {
    const body = {
      version,
      target_url: `http://127.0.0.1:${receiver.address().port}/`,
      events: [hasIdentities ? 'Message.created' : 'message.sent'],
      secret: 'secret',
    };
    const unused = randomUUID();
    if (version === '1.1') {
      await missing(call('webhooks.create', body), '1.0, 2.0 or 3.0');
      await missing(call('webhooks.getAll'), '1.0, 2.0 or 3.0');
      for (const name of ['get', 'delete', 'activate', 'deactivate']) {
        await missing(call(`webhooks.${name}`, unused), '1.0, 2.0 or 3.0');
      }
      return;
    }
    const created = await call('webhooks.create', body);
    assert.strictEqual(created.status, 201);
    const { id } = created.body;
    const read = async () => (await call('webhooks.get', id)).body.status;
    while ((await read()) === 'unverified') await new Promise(setImmediate);
    assert.deepStrictEqual(ids(await call('webhooks.getAll')), [id]);
    assert.strictEqual((await call('webhooks.deactivate', id)).body.status, 'inactive');
    assert.strictEqual((await call('webhooks.activate', id)).body.status, 'active');
    assert.deepStrictEqual(await call('webhooks.delete', id), NOTHING);
    await refused(call('webhooks.get', id), 404, 'not_found');
  } finally {
    receiver.close();
  }
}

/** Asserts that a call is refused because the version of the client has no such method; the error names the others. */
async function missing(promise, versions) {
  await assert.rejects(promise, (error) => {
    assert.match(error.message, new RegExp(`needs version ${versions.replaceAll('.', '\\.')} of the Server API, and`));
    assert.strictEqual(error.status, undefined);
    return true;
  });
}

/** Uses of the methods, by what they are about; each takes a function of `forms`, and the version of the client. */
const uses = {};
for (const [name, use] of Object.entries({
  'what a user does': views,
  'what a user has read': reading,
  'delayed and batch sending': sending,
  parts,
  'announcements of a user': announcements,
  users: people,
  'rich content': content,
  'the whole app': wholeApp,
  webhooks,
})) {
  uses[name] = (call, version) => use(call, speech(version));
}

module.exports = { missing, uses };
