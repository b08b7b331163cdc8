'use strict';

/**
 * All 30 methods, each used as a service would and its effect read back. It runs on every runtime that we support, so it
 * is written for the oldest of them.
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

async function conversations(call) {
  const created = await call('conversations.create', { participants: ['maria', 'jon'], metadata: { topic: 'boats' } });
  assert.strictEqual(created.status, 201);
  assert.deepStrictEqual(created.body.participants, ['maria', 'jon']);
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
  await call('conversations.addParticipants', id, ['ines', 'jon']);
  assert.deepStrictEqual((await read()).participants, ['maria', 'jon', 'ines']);
  await call('conversations.removeParticipants', id, ['maria', 'nobody']);
  assert.deepStrictEqual((await read()).participants, ['jon', 'ines']);
  await call('conversations.replaceParticipants', id, ['maria', 'paul']);
  assert.deepStrictEqual((await read()).participants, ['maria', 'paul']);

  assert.deepStrictEqual(await call('conversations.delete', id), { status: 204, body: '' });
  await assert.rejects(read(), { status: 410 });
}

async function messages(call) {
  const { id } = (await call('conversations.create', { participants: ['maria', 'jon'] })).body;
  const parts = [
    { body: 'Boat leaves at nine', mime_type: 'text/plain' },
    { body: '{"pier":4}', mime_type: 'application/json' },
  ];
  const sent = await call('messages.send', id, { sender: { user_id: 'maria' }, parts });
  assert.strictEqual(sent.status, 201);
  assert.deepStrictEqual(sent.body.recipient_status, { maria: 'read', jon: 'sent' });

  const tag = uuid();
  const once = { sender: { name: 'The System' }, parts: parts.slice(0, 1) };
  const first = await call('messages.sendDedupe', tag, id, once);
  const second = await call('messages.sendDedupe', tag, id, once);
  assert.deepStrictEqual([first.body.id, second.body.id], [`layer:///messages/${tag}`, `layer:///messages/${tag}`]);
  const fromUser = await call('messages.sendTextFromUser', id, 'jon', 'Älgå ⛵️');
  const fromName = await call('messages.sendTextFromName', id, 'Concierge', 'Tickets are at the pier');

  const ids = (response) => response.body.map((message) => message.id);
  const newestFirst = [fromName, fromUser, first, sent].map((response) => response.body.id);
  assert.deepStrictEqual(ids(await call('messages.getAll', id)), newestFirst);
  const page = await call('messages.getAll', id, { page_size: 2, from_id: fromName.body.id });
  assert.deepStrictEqual([page.status, ids(page)], [206, newestFirst.slice(1, 3)]);
  assert.deepStrictEqual(ids(await call('messages.getAllFromUser', 'jon', id)), newestFirst);
  assert.deepStrictEqual(
    ids(await call('messages.getAllFromUser', 'jon', id, { page_size: 1 })),
    newestFirst.slice(0, 1),
  );

  const read = (await call('messages.get', sent.body.id, id)).body;
  assert.deepStrictEqual(
    read.parts.map((part) => part.body),
    parts.map((part) => part.body),
  );
  const view = (await call('messages.getFromUser', 'jon', fromUser.body.id)).body;
  assert.deepStrictEqual([view.parts[0].body, view.is_unread], ['Älgå ⛵️', false]);
  await assert.rejects(call('messages.get', uuid(), id), { status: 404 });
}

async function announcements(call) {
  const body = {
    recipients: ['maria', 'jon'],
    sender: { name: 'Harbour' },
    parts: [{ body: 'Pier closed today', mime_type: 'text/plain' }],
  };
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

async function blocklist(call) {
  const nobody = { status: 204, body: '' };
  assert.deepStrictEqual(await call('blocklist.block', 'owner/1', 'pest ü'), nobody);
  assert.deepStrictEqual((await call('blocklist.get', 'owner/1')).body, [{ user_id: 'pest ü' }]);
  await assert.rejects(call('conversations.create', { participants: ['owner/1', 'pest ü'] }), (error) => {
    assert.deepStrictEqual([error.status, error.body.id], [422, 'participant_blocked']);
    return true;
  });
  assert.deepStrictEqual(await call('blocklist.unblock', 'owner/1', 'pest ü'), nobody);
  assert.deepStrictEqual((await call('blocklist.get', 'owner/1')).body, []);
}

async function identities(call) {
  const properties = { display_name: 'Maria P.', metadata: { desk: '4' } };
  assert.deepStrictEqual(await call('identities.create', 'maria', properties), { status: 201, body: '' });
  await assert.rejects(call('identities.create', 'maria', properties), { status: 409 });
  const read = async () => (await call('identities.get', 'maria')).body;
  assert.strictEqual((await read()).metadata.desk, '4');
  await call('identities.edit', 'maria', { email_address: 'maria@example.com' });
  assert.strictEqual((await read()).email_address, 'maria@example.com');
  await call('identities.replace', 'maria', { display_name: 'Maria' });
  assert.deepStrictEqual([(await read()).display_name, (await read()).email_address], ['Maria', null]);
  assert.deepStrictEqual(await call('identities.delete', 'maria'), { status: 204, body: '' });
  await assert.rejects(read(), { status: 404 });
}

/** Uses of the methods, by what they are about; each takes a function of `forms`. */
const uses = { conversations, messages, announcements, 'block lists': blocklist, identities };

module.exports = { forms, uses };
