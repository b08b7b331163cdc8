const v = require('./values.js');

const { CONVERSATION } = v;
const conversationIds = v.idForms(CONVERSATION, 'conversations');

/** Arguments after the id, for methods whose first argument is the id of a conversation. */
const restOf = {
  get: () => [],
  edit: () => [[{ operation: 'set', property: 'metadata.a', value: 'b' }]],
  setMetadataProperties: () => [{ a: 'b' }],
  deleteMetadataProperties: () => [{ a: '' }],
  addParticipants: () => [['abcd']],
  removeParticipants: () => [['abcd']],
  replaceParticipants: () => [['abcd', 'efgh']],
  delete: () => [],
};

const rows = [];
const row = (method, name, args, extra) => rows.push({ name, method: `conversations.${method}`, args, ...extra });

/** The promise form hands its arguments on: one method for each kind of value is enough to see that it does. */
const callbackOnly = { forms: ['callback'] };

for (const [method, rest] of Object.entries(restOf)) {
  const forms = method === 'get' ? {} : callbackOnly;
  const ids = method === 'get' ? conversationIds : v.fewIdForms(CONVERSATION, 'conversations');
  for (const [name, id] of ids) row(method, `id: ${name}`, () => [id(), ...rest()], forms);
}
for (const [name, id] of conversationIds) row('getFromUser', `id: ${name}`, () => ['abcd', id()], callbackOnly);

for (const [name, user] of [...v.userIds, ...v.refusedUserIds, ...v.dotUserIds]) {
  row('getFromUser', `user id: ${name}`, () => [user(), CONVERSATION]);
}
for (const [name, user] of [...v.fewUserIds, ...v.refusedUserIds, ...v.dotUserIds]) {
  row('getAllFromUser', `user id: ${name}`, () => [user()], callbackOnly);
}
row('getFromUser', 'both arguments wrong', () => ['', 'wrong']);
row('getFromUser', 'id missing', () => ['abcd']);

for (const [name, params] of v.params) row('getAllFromUser', `params: ${name}`, () => ['abcd', params()]);
row('getAllFromUser', 'params and refused user id', () => ['', {}]);

for (const [name, body] of [...v.bodies, ...v.refusedBodies]) {
  row('create', `body: ${name}`, () => [body()]);
}
for (const [name, body] of v.unwritableBodies) {
  row('create', `body JSON cannot write: ${name}`, () => [body()], { tag: 'unwritable body' });
  row('edit', `operations JSON cannot write: ${name}`, () => [CONVERSATION, [body()]], { tag: 'unwritable body' });
}
for (const [name, body] of v.emptyBodies) {
  row('create', `body without JSON: ${name}`, () => [body()], { tag: 'empty body' });
}

const dedupes = [
  ...v.idForms(v.DEDUPE, 'conversations'),
  ['with a line break before the slash', () => `a\r\nX-Injected: b/${v.DEDUPE}`],
  ['Latin-1 before the slash', () => `zoë/${v.DEDUPE}`],
  ['beyond Latin-1 before the slash', () => `東京/${v.DEDUPE}`],
  ['quoted entity tag', () => `"${v.DEDUPE}"`],
  ['spaces around the prefix', () => `  a  /${v.DEDUPE}`],
];
for (const [name, uuid] of dedupes) {
  row('createDedupe', `UUID: ${name}`, () => [uuid(), { participants: ['abcd'] }]);
}
for (const [name, body] of v.refusedBodies) row('createDedupe', `body: ${name}`, () => [v.DEDUPE, body()]);
row('createDedupe', 'both arguments wrong', () => ['wrong', null]);

const operations = [
  ['empty array', () => []],
  [
    'several',
    () => [
      { operation: 'add', property: 'participants', value: 'a' },
      { operation: 'delete', property: 'x' },
    ],
  ],
  ['not operations', () => [1, null, 'x', undefined, []]],
  // biome-ignore lint/suspicious/noSparseArray: a hole is the point
  ['sparse', () => [, 1]],
  ['with properties of its own', () => Object.assign([1], { extra: 2 })],
  ['subclass of Array', () => class List extends Array {}.from([1])],
  ['with toJSON', () => Object.assign([1], { toJSON: () => 'text' })],
  ['object', () => ({ operation: 'set' })],
  ['like an array', () => ({ 0: 'a', length: 1 })],
  [
    'arguments object',
    () =>
      (function collect() {
        // biome-ignore lint/complexity/noArguments: the object is the point
        return arguments;
      })(1, 2),
  ],
  ['typed array', () => new Uint8Array(2)],
  ['Set', () => new Set([1])],
  ['Proxy of an array', () => new Proxy(['a'], {})],
  ['string', () => 'abcd'],
  ['number', () => 1],
  ['null', () => null],
  ['undefined', () => undefined],
  ['function', () => function list() {}],
];
for (const [name, list] of operations) row('edit', `operations: ${name}`, () => [CONVERSATION, list()]);

const participants = [
  ...operations,
  ['ids', () => ['abcd', 'efgh']],
  ['prefixed ids', () => ['layer:///identities/abcd']],
  ['unicode and surrogates', () => ['zoë', '😀', '\ud800']],
  ['values of other types', () => [1, true, null, undefined, { a: 1 }, ['x'], Number.NaN, Symbol('s'), () => {}]],
  ['1000 ids', () => Array.from({ length: 1000 }, (_, index) => `user-${index}`)],
];
for (const method of ['addParticipants', 'removeParticipants', 'replaceParticipants']) {
  for (const [name, list] of participants) row(method, `participants: ${name}`, () => [CONVERSATION, list()]);
  row(method, 'participants missing', () => [CONVERSATION]);
}

const metadata = [
  ['several', () => ({ a: '1', b: '2' })],
  ['empty object', () => ({})],
  ['named metadata', () => ({ metadata: 'x' })],
  ['prefixed', () => ({ 'metadata.a': 'x', 'metadata.b.c': 'y' })],
  ['nearly prefixed', () => ({ metadatab: 'x', 'metadata ': 'y', 'Metadata.a': 'z', 'xmetadata.a': 'w' })],
  ['prefix only', () => ({ 'metadata.': 'x' })],
  ['dotted', () => ({ 'a.b': 'x', '.a': 'y', '': 'z' })],
  ['values of other types', () => ({ a: 1, b: true, c: null, d: undefined, e: -0, f: Number.NaN, g: 1e21, h: 10n })],
  ['objects', () => ({ a: {}, b: [1, [2]], c: new Date(Number.NaN), d: { toString: () => 'text' }, e: () => 1 })],
  ['Symbol value', () => ({ a: Symbol('value') })],
  ['Symbol key', () => ({ [Symbol('key')]: 'x', a: 'b' })],
  ['value without prototype', () => ({ a: Object.create(null) })],
  [
    'toString that throws',
    () => ({
      a: {
        toString() {
          throw new RangeError('toString threw');
        },
      },
    }),
  ],
  ['unicode', () => ({ zoë: 'Łódź', '😀': '\ud800' })],
  ['order of keys', () => ({ z: '1', a: '2', 10: '3', 9: '4' })],
  ['own key __proto__', () => JSON.parse('{"__proto__": "x"}')],
  ['inherited properties', () => Object.create({ inherited: 'x' }, { own: { value: 'y', enumerable: true } })],
  ['array', () => ['x', 'y']],
  ['string', () => 'xy'],
  ['empty string', () => ''],
  ['number', () => 5],
  ['true', () => true],
  ['Symbol', () => Symbol('properties')],
  ['function', () => Object.assign(() => {}, { a: 'x' })],
  ['Map', () => new Map([['a', 'b']])],
  ['null', () => null],
  ['undefined', () => undefined],
];
for (const method of ['setMetadataProperties', 'deleteMetadataProperties']) {
  for (const [name, properties] of metadata) row(method, `properties: ${name}`, () => [CONVERSATION, properties()]);
  row(method, 'properties missing', () => [CONVERSATION]);
  row(method, 'id wrong and properties null', () => ['wrong', null]);
}

module.exports = rows;
