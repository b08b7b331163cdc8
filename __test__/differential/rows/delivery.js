/** Rows about callbacks: missing ones, wrong ones, ones that throw, and where they stand. */

const v = require('./values.js');

const { CONVERSATION, MESSAGE, DEDUPE, CALLBACK } = v;

/** Arguments with which each of the 30 methods succeeds. */
const valid = {
  'conversations.create': () => [{ participants: ['abcd'] }],
  'conversations.createDedupe': () => [DEDUPE, { participants: ['abcd'] }],
  'conversations.get': () => [CONVERSATION],
  'conversations.getFromUser': () => ['abcd', CONVERSATION],
  'conversations.getAllFromUser': () => ['abcd', { page_size: 5 }],
  'conversations.setMetadataProperties': () => [CONVERSATION, { a: 'b' }],
  'conversations.deleteMetadataProperties': () => [CONVERSATION, { a: '' }],
  'conversations.edit': () => [CONVERSATION, []],
  'conversations.addParticipants': () => [CONVERSATION, ['abcd']],
  'conversations.removeParticipants': () => [CONVERSATION, ['abcd']],
  'conversations.replaceParticipants': () => [CONVERSATION, ['abcd']],
  'conversations.delete': () => [CONVERSATION],
  'messages.send': () => [CONVERSATION, { parts: [] }],
  'messages.sendDedupe': () => [DEDUPE, CONVERSATION, { parts: [] }],
  'messages.sendTextFromUser': () => [CONVERSATION, 'abcd', 'Hello'],
  'messages.sendTextFromName': () => [CONVERSATION, 'The System', 'Hello'],
  'messages.getAll': () => [CONVERSATION, { page_size: 5 }],
  'messages.get': () => [MESSAGE, CONVERSATION],
  'messages.getAllFromUser': () => ['abcd', CONVERSATION, { page_size: 5 }],
  'messages.getFromUser': () => ['abcd', MESSAGE],
  'announcements.send': () => [{ recipients: ['abcd'] }],
  'announcements.sendDedupe': () => [DEDUPE, { recipients: ['abcd'] }],
  'blocklist.get': () => ['abcd'],
  'blocklist.block': () => ['abcd', 'efgh'],
  'blocklist.unblock': () => ['abcd', 'efgh'],
  'identities.create': () => ['abcd', { display_name: 'Frodo' }],
  'identities.get': () => ['abcd'],
  'identities.edit': () => ['abcd', { first_name: 'Frodo' }],
  'identities.replace': () => ['abcd', { display_name: 'Frodo' }],
  'identities.delete': () => ['abcd'],
};

/**
 * Methods in which a callback that stands too far in front becomes a user id of the path: its source text is sent. The
 * promise form sends that of a function of its own, and identities.* do not get as far, so these are left out.
 */
const takesAnyUser = /^(conversations.getAllFromUser|blocklist.(get|unblock)|identities.(get|delete))$/;

const rows = [];
const row = (method, name, args, extra) => rows.push({ name, method, args, ...extra });

for (const [method, args] of Object.entries(valid)) {
  row(method, 'callback missing', args, { callback: 'none' });
  for (const [name, value] of [
    ['undefined', undefined],
    ['null', null],
    ['a string', 'callback'],
  ]) {
    row(method, `callback is ${name}`, () => [...args(), value], { callback: 'none' });
  }
  row(method, 'callback and more after it', () => [...args(), CALLBACK, 'extra'], { callback: 'placed' });
  row(method, 'callback throws', args, { callbackThrows: true });
  row(method, 'detached from its resource', args, { detached: true, forms: ['callback'] });
  row(method, 'debug lines', args, { config: () => ({ debug: true }) });
  if (!takesAnyUser.test(method)) row(method, 'callback only', () => []);
  row(method, 'no argument at all', () => [], { callback: 'none' });
  row(method, 'every argument undefined', () => args().map(() => undefined), { forms: ['callback'] });
  row(method, 'first argument null, callback throws', () => [null, ...args().slice(1)], {
    callbackThrows: true,
  });
  row(method, 'every argument wrong, callback missing', () => args().map(() => ''), { callback: 'none' });
  row(method, 'error reply, callback missing', args, {
    callback: 'none',
    reply: { parts: ['HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'], gap: 0, ending: 'keep' },
  });
  if (!takesAnyUser.test(method)) {
    row(method, 'arguments one short, callback in their place', () => args().slice(0, -1));
  }
  row(method, 'debug lines with a refused argument', () => args().map(() => 0), { config: () => ({ debug: true }) });
}

for (const method of ['conversations.getAllFromUser', 'blocklist.get', 'blocklist.unblock']) {
  row(method, 'callback in place of the last argument', () => valid[method]().slice(0, -1), { forms: ['callback'] });
}

const other = () => function other() {};
row('conversations.getAllFromUser', 'two functions', () => ['abcd', CALLBACK, other()], { callback: 'placed' });
row('messages.getAll', 'two functions', () => [CONVERSATION, CALLBACK, other()], { callback: 'placed' });
row('messages.getAllFromUser', 'two functions', () => ['abcd', CONVERSATION, CALLBACK, other()], {
  callback: 'placed',
});
row('messages.getAll', 'params, no callback', () => [CONVERSATION, {}], { callback: 'none' });
row('messages.getAll', 'neither params nor callback', () => [CONVERSATION], { callback: 'none' });
row('messages.getAll', 'params null, callback null', () => [CONVERSATION, null, null], { callback: 'none' });
row('conversations.create', 'body wrong, callback null', () => [null, null], { callback: 'none' });
row('conversations.create', 'callback as body', () => [CALLBACK], { callback: 'placed' });
row('conversations.create', 'async callback', () => [{}, async () => {}], { callback: 'none' });

for (const [name, body] of v.unwritableBodies) {
  row('conversations.create', `body JSON cannot write, callback missing: ${name}`, () => [body()], {
    callback: 'none',
    tag: 'unwritable body',
    patience: 300,
  });
}

row('conversations.create', 'body changed after the call', () => [{ participants: ['abcd'] }], {
  afterCall: ([body]) => {
    body.participants.push('too late');
  },
  tag: 'body changed later',
  bodyAtCall: '{"participants":["abcd"]}',
});
row('conversations.edit', 'operations emptied after the call', () => [CONVERSATION, [{ operation: 'set' }]], {
  afterCall: ([, operations]) => {
    operations.length = 0;
  },
  tag: 'body changed later',
  bodyAtCall: '[{"operation":"set"}]',
});
row('conversations.replaceParticipants', 'participants changed after the call', () => [CONVERSATION, ['abcd']], {
  afterCall: ([, participants]) => {
    participants[0] = 'too late';
  },
  tag: 'body changed later',
  bodyAtCall: '[{"operation":"set","property":"participants","value":["abcd"]}]',
});
row('conversations.addParticipants', 'participants changed after the call', () => [CONVERSATION, ['abcd']], {
  afterCall: ([, participants]) => {
    participants[0] = 'too late';
  },
});
row('messages.getAll', 'params changed after the call', () => [CONVERSATION, { page_size: 5 }], {
  afterCall: ([, params]) => {
    params.page_size = 6;
  },
});

row('conversations.get', 'one argument too many', () => [CONVERSATION, { timeout: 100 }], {
  forms: ['promise'],
  patience: 300,
});
row('messages.getAll', 'a function in place of the params', () => [CONVERSATION, () => {}], {
  forms: ['promise'],
  patience: 300,
});

module.exports = rows;
