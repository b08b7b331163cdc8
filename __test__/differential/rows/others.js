/** Rows of announcements, blocklist and identities. */

const v = require('./values.js');

const alsoWrong = [...v.refusedUserIds, ...v.dotUserIds];
const users = [...v.userIds, ...alsoWrong];
const fewUsers = [...v.fewUserIds, ...alsoWrong];
const rows = [];
const row = (method, name, args, extra) => rows.push({ name, method, args, ...extra });

/** The promise form hands its arguments on: one method for each kind of value is enough to see that it does. */
const callbackOnly = { forms: ['callback'] };

for (const [name, body] of [...v.fewBodies, ...v.refusedBodies]) {
  row('announcements.send', `body: ${name}`, () => [body()], callbackOnly);
}
for (const [name, body] of v.unwritableBodies) {
  row('announcements.send', `body JSON cannot write: ${name}`, () => [body()], { tag: 'unwritable body' });
}
for (const [name, uuid] of v.fewIdForms(v.DEDUPE, 'announcements')) {
  row('announcements.sendDedupe', `UUID: ${name}`, () => [uuid(), { recipients: ['abcd'] }], callbackOnly);
}
row('announcements.sendDedupe', 'body missing', () => [v.DEDUPE]);
row('announcements.sendDedupe', 'both wrong', () => ['wrong', 'wrong']);

for (const [name, user] of fewUsers) {
  row('blocklist.get', `owner id: ${name}`, () => [user()]);
  row('blocklist.block', `owner id: ${name}`, () => [user(), 'efgh'], callbackOnly);
  row('blocklist.block', `user id: ${name}`, () => ['abcd', user()], {
    ...callbackOnly,
    ...(name === 'bigint' && { tag: 'unwritable body' }),
  });
  row('blocklist.unblock', `owner id: ${name}`, () => [user(), 'efgh'], callbackOnly);
}
for (const [name, user] of users) {
  row('blocklist.unblock', `user id: ${name}`, () => ['abcd', user()], callbackOnly);
}
row('blocklist.block', 'version 2.0', () => ['abcd', 'efgh'], {
  config: () => ({ version: '2.0' }),
  tag: 'later version',
});
for (const method of ['blocklist.block', 'blocklist.unblock']) {
  row(method, 'both ids wrong', () => ['', null]);
  row(method, 'user id missing', () => ['abcd'], callbackOnly);
}

const identity = () => ({ display_name: 'Frodo', first_name: 'Frodo' });
for (const [name, user] of users) row('identities.get', `user id: ${name}`, () => [user()]);
for (const [name, user] of fewUsers) {
  row('identities.create', `user id: ${name}`, () => [user(), identity()], callbackOnly);
  row('identities.edit', `user id: ${name}`, () => [user(), identity()], callbackOnly);
  row('identities.replace', `user id: ${name}`, () => [user(), identity()], callbackOnly);
  row('identities.delete', `user id: ${name}`, () => [user()], callbackOnly);
}

const named = (properties) => Object.assign(properties, { display_name: 'Frodo' });
const properties = [
  ['display_name only', () => ({ display_name: 'Frodo' })],
  ['everything', () => ({ ...identity(), metadata: { a: 'b' }, email_address: 'f@example.test', avatar_url: 'x:y' })],
  ['unicode and surrogates', () => ({ display_name: 'Frodo 東京 😀 \ud800' })],
  ['undefined property', () => ({ display_name: 'Frodo', last_name: undefined })],
  ['null property', () => ({ display_name: 'Frodo', last_name: null })],
  ['order of keys', () => ({ z: 1, display_name: 'Frodo', 10: 3, 9: 4 })],
  ['no display_name', () => ({ first_name: 'Frodo' })],
  ['empty object', () => ({})],
  ['display_name empty', () => ({ display_name: '' })],
  ['display_name null', () => ({ display_name: null })],
  ['display_name zero', () => ({ display_name: 0 })],
  ['display_name number', () => ({ display_name: 7 })],
  ['display_name object', () => ({ display_name: {} })],
  ['display_name inherited', () => Object.create({ display_name: 'Frodo' }, { own: { value: 1, enumerable: true } })],
  [
    'display_name getter that throws',
    () => ({
      get display_name() {
        throw new RangeError('getter threw');
      },
    }),
  ],
  ['array', () => named(['a'])],
  ['Map', () => named(new Map())],
  ['String object', () => named(new String('text'))],
  ['own key __proto__', () => named(JSON.parse('{"__proto__": {"a": 1}}'))],
  ['string', () => 'text'],
  ['number', () => 5],
  ['true', () => true],
  ['null', () => null],
  ['undefined', () => undefined],
];
for (const [name, value] of properties) {
  row('identities.create', `properties: ${name}`, () => ['abcd', value()]);
  row('identities.replace', `properties: ${name}`, () => ['abcd', value()], callbackOnly);
  row('identities.edit', `properties: ${name}`, () => ['abcd', value()], callbackOnly);
}
for (const method of ['identities.create', 'identities.replace', 'identities.edit']) {
  row(method, 'properties missing', () => ['abcd']);
  row(method, 'user id empty and properties null', () => ['', null]);
  for (const [name, value] of v.unwritableBodies) {
    if (name.includes('array') || name.includes('toJSON') || name.includes('getter')) continue;
    row(method, `properties JSON cannot write: ${name}`, () => ['abcd', named(value())], { tag: 'unwritable body' });
  }
}
row('identities.edit', 'value with toJSON that throws', () => ['abcd', { a: v.unwritableBodies[3][1]() }], {
  tag: 'unwritable body',
});
row('identities.create', 'function with a display_name', () => ['abcd', named(() => {})], { tag: 'empty body' });
row('identities.edit', 'function with properties', () => ['abcd', named(() => {})]);

module.exports = rows;
