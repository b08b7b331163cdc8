'use strict';

/**
 * All 30 methods of layer-api 2.3.3, each used as a service would and its effect read back, in any of the four
 * versions. It runs on every runtime that we support, so it is written for the oldest of them.
 *
 * The bodies that the original makes are those of 1.x in every version: what 2.0 and 3.0 no longer take is refused
 * (contract 2.2.1 and 2.6). Ours follow the version. Bodies that the caller makes do so with both.
 */

const assert = require('assert');
const crypto = require('crypto');

/** A random UUID, version 4. */
function uuid() {
  const digits = crypto.randomBytes(16).toString('hex').split('');
  digits[12] = '4';
  digits[16] = '8';
  return digits.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Ways to call a method by its path; both give a promise to the test. */
const forms = {
  callback:
    (layer) =>
    (path, ...args) => {
      const [resource, method] = path.split('.');
      return new Promise((resolve, reject) => {
        layer[resource][method](...args, (error, response) => (error ? reject(error) : resolve(response)));
      });
    },
  promise:
    (layer) =>
    (path, ...args) => {
      const [resource, method] = path.split('.');
      return layer[resource][`${method}Async`](...args);
    },
};

/** How a version speaks of users. Nobody has an identity here, so names and pictures are null. */
function speech(version, isOriginal = false) {
  const hasIdentities = version >= '2.0';
  const id = (user) => (hasIdentities ? `layer:///identities/${encodeURIComponent(user)}` : user);
  return {
    version,
    isOriginal,
    hasIdentities,
    id,
    ids: (...users) => users.map(id),
    /** The user ids in a list of users of an answer. */
    users: (list) => list.map((user) => (hasIdentities ? user.user_id : user)),
    sender: (user) => (hasIdentities ? { sender_id: id(user) } : { sender: { user_id: user } }),
  };
}

/** Asserts that a call is refused with a status and the name of an error, and tells the error object. */
async function refused(promise, status, id) {
  let body;
  await assert.rejects(promise, (error) => {
    body = error.body;
    assert.deepStrictEqual([error.status, body.id], [status, id]);
    return true;
  });
  return body;
}

async function conversations(call, { users, ids }) {
  const created = await call('conversations.create', {
    participants: ids('maria', 'jon'),
    metadata: { topic: 'boats' },
  });
  assert.strictEqual(created.status, 201);
  assert.deepStrictEqual(users(created.body.participants), ['maria', 'jon']);
  const { id } = created.body;

  const tag = uuid();
  const first = await call('conversations.createDedupe', tag, { participants: ['maria'] });
  const second = await call('conversations.createDedupe', tag, { participants: ['maria'] });
  assert.strictEqual(first.body.id, `layer:///conversations/${tag}`);
  assert.deepStrictEqual([second.status, second.body.id], [201, first.body.id]);

  const read = async () => (await call('conversations.get', id)).body;
  assert.deepStrictEqual(await read(), created.body);
  const view = (await call('conversations.getFromUser', 'maria', id)).body;
  assert.deepStrictEqual([view.id, view.unread_message_count, view.last_message], [id, 0, null]);
  const all = await call('conversations.getAllFromUser', 'maria');
  assert.deepStrictEqual(
    all.body.map((conversation) => conversation.id),
    [first.body.id, id],
  );
  const page = await call('conversations.getAllFromUser', 'maria', { page_size: 1, from_id: first.body.id });
  assert.deepStrictEqual(
    page.body.map((conversation) => conversation.id),
    [id],
  );

  const operations = [{ operation: 'set', property: 'metadata.topic', value: 'ships' }];
  assert.deepStrictEqual(await call('conversations.edit', id, operations), { status: 204, body: '' });
  await call('conversations.setMetadataProperties', id, { depth: 3, 'metadata.crew': 'four' });
  assert.deepStrictEqual((await read()).metadata, { topic: 'ships', depth: '3', crew: 'four' });
  await call('conversations.deleteMetadataProperties', id, { depth: true, crew: true });
  assert.deepStrictEqual((await read()).metadata, { topic: 'ships' });
  await call('conversations.addParticipants', id, ids('ines', 'jon'));
  assert.deepStrictEqual(users((await read()).participants), ['maria', 'jon', 'ines']);
  await call('conversations.removeParticipants', id, ids('maria', 'nobody'));
  assert.deepStrictEqual(users((await read()).participants), ['jon', 'ines']);
  await call('conversations.replaceParticipants', id, ids('maria', 'paul'));
  assert.deepStrictEqual(users((await read()).participants), ['maria', 'paul']);

  assert.deepStrictEqual(await call('conversations.delete', id), { status: 204, body: '' });
  await assert.rejects(read(), { status: 410 });
}

async function messages(call, { version, isOriginal, hasIdentities, id: named, sender }) {
  const { id } = (await call('conversations.create', { participants: ['maria', 'jon'] })).body;
  const parts = [
    { body: 'Boat leaves at nine', mime_type: 'text/plain' },
    { body: '{"pier":4}', mime_type: 'application/json' },
  ];
  const sent = await call('messages.send', id, { ...sender('maria'), parts });
  assert.strictEqual(sent.status, 201);
  assert.deepStrictEqual(sent.body.recipient_status, { [named('maria')]: 'read', [named('jon')]: 'sent' });

  const tag = uuid();
  const once = { ...sender('jon'), parts: parts.slice(0, 1) };
  const first = await call('messages.sendDedupe', tag, id, once);
  const second = await call('messages.sendDedupe', tag, id, once);
  assert.deepStrictEqual([first.body.id, second.body.id], [`layer:///messages/${tag}`, `layer:///messages/${tag}`]);

  const newestFirst = [first, sent].map((response) => response.body.id);
  for (const [method, from] of [
    ['messages.sendTextFromUser', 'jon'],
    ['messages.sendTextFromName', 'Concierge'],
  ]) {
    if (hasIdentities && isOriginal) {
      const { data } = await refused(call(method, id, from, 'Älgå ⛵️'), 422, 'missing_property');
      assert.deepStrictEqual(data, { property: 'sender_id' });
    } else if (hasIdentities && method === 'messages.sendTextFromName') {
      await assert.rejects(call(method, id, from, 'Älgå ⛵️'), {
        message: `layer.${method} needs version 1.0 or 1.1 of the Server API, and the client has ${version}`,
      });
    } else {
      newestFirst.unshift((await call(method, id, from, 'Älgå ⛵️')).body.id);
    }
  }

  const listed = (response) => response.body.map((message) => message.id);
  assert.deepStrictEqual(listed(await call('messages.getAll', id)), newestFirst);
  const page = await call('messages.getAll', id, { page_size: 1, from_id: newestFirst[0] });
  // A part of a list is a 206 from 2.0 on; the original has sent two messages there.
  const isPart = hasIdentities && !isOriginal;
  assert.deepStrictEqual([page.status, listed(page)], [isPart ? 206 : 200, newestFirst.slice(1, 2)]);
  assert.deepStrictEqual(listed(await call('messages.getAllFromUser', 'jon', id)), newestFirst);
  const start = await call('messages.getAllFromUser', 'jon', id, { page_size: 1 });
  assert.deepStrictEqual([start.status, listed(start)], [hasIdentities ? 206 : 200, newestFirst.slice(0, 1)]);

  const read = (await call('messages.get', sent.body.id, id)).body;
  assert.deepStrictEqual(
    read.parts.map((part) => part.body),
    parts.map((part) => part.body),
  );
  // Parts are counted before 3.0 and have UUIDs since.
  assert.strictEqual(read.parts[1].id.endsWith('/parts/1'), version < '3.0');
  assert.strictEqual(read.sender.user_id, 'maria');
  const view = (await call('messages.getFromUser', 'jon', first.body.id)).body;
  assert.deepStrictEqual([view.parts[0].body, view.is_unread], ['Boat leaves at nine', false]);
  if (!hasIdentities || !isOriginal) {
    const text = (await call('messages.getFromUser', 'jon', newestFirst[hasIdentities ? 0 : 1])).body;
    assert.deepStrictEqual([text.parts[0].body, text.sender.user_id], ['Älgå ⛵️', 'jon']);
  }
  await refused(call('messages.get', uuid(), id), 404, 'not_found');
}

async function announcements(call, { hasIdentities, ids, id }) {
  const parts = [{ body: 'Pier closed today', mime_type: 'text/plain' }];
  const sender = hasIdentities ? { sender_id: id('jon') } : { sender: { name: 'Harbour' } };
  const body = { recipients: ids('maria', 'jon'), ...sender, parts };
  const sent = await call('announcements.send', body);
  assert.deepStrictEqual([sent.status, sent.body.recipients], [202, body.recipients]);
  const tag = uuid();
  const first = await call('announcements.sendDedupe', tag, body);
  const second = await call('announcements.sendDedupe', tag, body);
  assert.deepStrictEqual(
    [first.body.id, second.body.id],
    [`layer:///announcements/${tag}`, `layer:///announcements/${tag}`],
  );
}

async function blocklist(call, { isOriginal, hasIdentities, users }) {
  const list = async () => (await call('blocklist.get', 'owner/1')).body;
  assert.deepStrictEqual(await list(), []);
  if (hasIdentities && isOriginal) {
    // These requests are withdrawn.
    await refused(call('blocklist.block', 'owner/1', 'pest ü'), 405, 'method_not_allowed');
    await refused(call('blocklist.unblock', 'owner/1', 'pest ü'), 404, 'invalid_endpoint');
    return;
  }
  const done = { status: hasIdentities ? 202 : 204, body: '' };
  assert.deepStrictEqual(await call('blocklist.block', 'owner/1', 'pest ü'), done);
  const blocked = await list();
  if (hasIdentities) assert.deepStrictEqual(users(blocked), ['pest ü']);
  else assert.deepStrictEqual(blocked, [{ user_id: 'pest ü' }]);
  const participants = ['owner/1', 'pest ü'];
  await refused(call('conversations.create', { participants }), 422, 'participant_blocked');
  assert.deepStrictEqual(await call('blocklist.unblock', 'owner/1', 'pest ü'), done);
  assert.deepStrictEqual(await list(), []);
}

async function identities(call, { hasIdentities }) {
  const properties = { display_name: 'Maria P.', metadata: { desk: '4' } };
  assert.deepStrictEqual(await call('identities.create', 'maria', properties), { status: 201, body: '' });
  await refused(call('identities.create', 'maria', properties), 409, 'id_in_use');
  const read = async () => (await call('identities.get', 'maria')).body;
  assert.strictEqual((await read()).metadata.desk, '4');
  assert.strictEqual((await read()).identity_type, hasIdentities ? 'user' : undefined);
  await call('identities.edit', 'maria', { email_address: 'maria@example.com' });
  assert.strictEqual((await read()).email_address, 'maria@example.com');
  await call('identities.replace', 'maria', { display_name: 'Maria' });
  assert.deepStrictEqual([(await read()).display_name, (await read()).email_address], ['Maria', null]);
  assert.deepStrictEqual(await call('identities.delete', 'maria'), { status: 204, body: '' });
  if (hasIdentities) {
    // Maria was named by the conversations above, so she still exists, without a name (assumed, contract 2.7).
    assert.deepStrictEqual([(await read()).user_id, (await read()).display_name], ['maria', null]);
  } else {
    await refused(read(), 404, 'not_found');
  }
  await refused(call('identities.delete', 'maria'), 404, 'not_found');
}

/**
 * Uses of the methods, by what they are about; each takes a function of `forms`, the version of the client, and whether
 * it is the original.
 */
const uses = {};
for (const [name, use] of Object.entries({
  conversations,
  messages,
  announcements,
  'block lists': blocklist,
  identities,
})) {
  uses[name] = (call, version = '1.0', isOriginal = false) => use(call, speech(version, isOriginal));
}

module.exports = { forms, refused, speech, uses };
