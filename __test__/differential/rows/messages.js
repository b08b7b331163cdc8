const v = require('./values.js');

const { CONVERSATION, MESSAGE } = v;
const conversationIds = v.fewIdForms(CONVERSATION, 'conversations');
const messageIds = v.idForms(MESSAGE, 'messages');
const users = [...v.fewUserIds, ...v.refusedUserIds, ...v.dotUserIds];
const message = () => ({ sender: { user_id: 'abcd' }, parts: [{ body: 'Hello', mime_type: 'text/plain' }] });

const rows = [];
const row = (method, name, args, extra) => rows.push({ name, method: `messages.${method}`, args, ...extra });

/** The promise form hands its arguments on: one method for each kind of value is enough to see that it does. */
const callbackOnly = { forms: ['callback'] };

/** User ids that become part of the body: JSON has no big integers. */
const inBody = (name) => (name.includes('bigint') ? { ...callbackOnly, tag: 'unwritable body' } : callbackOnly);

for (const [name, id] of conversationIds) {
  row('send', `conversation id: ${name}`, () => [id(), message()], callbackOnly);
  row('sendDedupe', `conversation id: ${name}`, () => [v.DEDUPE, id(), message()], callbackOnly);
  row('sendTextFromUser', `conversation id: ${name}`, () => [id(), 'abcd', 'Hello'], callbackOnly);
  row('sendTextFromName', `conversation id: ${name}`, () => [id(), 'abcd', 'Hello'], callbackOnly);
  row('getAll', `conversation id: ${name}`, () => [id()], callbackOnly);
  row('get', `conversation id: ${name}`, () => [MESSAGE, id()], callbackOnly);
  row('getAllFromUser', `conversation id: ${name}`, () => ['abcd', id()], callbackOnly);
}
for (const [name, id] of messageIds) {
  row('get', `message id: ${name}`, () => [id(), CONVERSATION], callbackOnly);
  row('getFromUser', `message id: ${name}`, () => ['abcd', id()], callbackOnly);
}
row('get', 'both ids wrong', () => ['wrong', 'wrong']);
row('get', 'both ids missing', () => [undefined, undefined]);
row('get', 'conversation id missing', () => [MESSAGE]);

for (const [name, body] of [...v.fewBodies, ...v.refusedBodies]) {
  row('send', `body: ${name}`, () => [CONVERSATION, body()], callbackOnly);
}
for (const [name, body] of v.unwritableBodies) {
  row('send', `body JSON cannot write: ${name}`, () => [CONVERSATION, body()], { tag: 'unwritable body' });
}
for (const [name, body] of v.emptyBodies) {
  row('send', `body without JSON: ${name}`, () => [CONVERSATION, body()], { tag: 'empty body' });
}
for (const [name, uuid] of v.fewIdForms(v.DEDUPE, 'messages')) {
  row('sendDedupe', `UUID: ${name}`, () => [uuid(), CONVERSATION, message()], callbackOnly);
}
row('sendDedupe', 'body missing', () => [v.DEDUPE, CONVERSATION]);
row('sendDedupe', 'everything wrong', () => ['wrong', 'wrong', null]);

for (const [name, user] of users) {
  row('sendTextFromUser', `user id: ${name}`, () => [CONVERSATION, user(), 'Hello'], inBody(name));
  row('sendTextFromName', `name: ${name}`, () => [CONVERSATION, user(), 'Hello'], inBody(name));
  row('getAllFromUser', `user id: ${name}`, () => [user(), CONVERSATION], callbackOnly);
  row('getFromUser', `user id: ${name}`, () => [user(), MESSAGE], callbackOnly);
}
for (const [name, text] of [
  ['empty', () => ''],
  ['unicode', () => 'zoë 東京 😀'],
  ['lone surrogate', () => '\ud800'],
  ['quotes and line breaks', () => '"\\\r\n\0'],
  ['number', () => 5],
  ['not a number', () => Number.NaN],
  ['null', () => null],
  ['undefined', () => undefined],
  ['object', () => ({ a: 1 })],
  ['function', () => function text() {}],
  ['Symbol', () => Symbol('text')],
  ['1 MB', () => 'é'.repeat(1 << 19)],
]) {
  row('sendTextFromUser', `text: ${name}`, () => [CONVERSATION, 'abcd', text()], callbackOnly);
  row('sendTextFromName', `text: ${name}`, () => [CONVERSATION, 'The System', text()], callbackOnly);
}
row('sendTextFromUser', 'text that JSON cannot write', () => [CONVERSATION, 'abcd', 1n], { tag: 'unwritable body' });
row('sendTextFromName', 'text missing', () => [CONVERSATION, 'abcd']);
row('sendTextFromUser', 'user and text missing', () => [CONVERSATION]);
const later = { config: () => ({ version: '2.0' }), tag: 'later version' };
row('sendTextFromUser', 'version 2.0', () => [CONVERSATION, 'abcd', 'Hello'], later);
row('sendTextFromName', 'version 2.0', () => [CONVERSATION, 'abcd', 'Hello'], later);

for (const [name, params] of v.params) {
  row('getAll', `params: ${name}`, () => [CONVERSATION, params()]);
}
for (const [name, params] of v.fewParams) {
  row('getAllFromUser', `params: ${name}`, () => ['abcd', CONVERSATION, params()], callbackOnly);
}
row('getAllFromUser', 'both arguments wrong', () => ['', 'wrong']);
row('getFromUser', 'both arguments wrong', () => ['', 'wrong']);

module.exports = rows;
