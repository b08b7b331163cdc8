/** Values that the rows are made of. Everything is made up. */

const APP_ID = 'a1b2c3d4-0001-4000-8000-00000000000a';
const TOKEN = 'differential-token';
const CONVERSATION = 'c0ffee00-1111-4222-8333-444455556666';
const MESSAGE = 'beefcafe-7777-4888-9999-aaaabbbbcccc';
const DEDUPE = 'dedededa-2222-4333-8444-555566667777';

/** Stands for the recording callback in the arguments of a row with `callback: 'placed'`. */
const CALLBACK = Symbol('callback');

/** Forms in which an id may be passed: name, and a factory of the value. */
const idForms = (uuid, kind) => [
  ['bare', () => uuid],
  ['prefixed', () => `layer:///${kind}/${uuid}`],
  ['in a web address', () => `https://example.test/x/${kind}/${uuid}`],
  ['upper case', () => uuid.toUpperCase()],
  ['mixed case after the prefix', () => `layer:///${kind}/${uuid.slice(0, 4).toUpperCase()}${uuid.slice(4)}`],
  ['after a single slash', () => `/${uuid}`],
  ['word', () => 'wrong'],
  ['one digit short', () => uuid.slice(1)],
  ['one digit long', () => `${uuid}0`],
  ['digit out of range', () => `g${uuid.slice(1)}`],
  ['without hyphens', () => uuid.replaceAll('-', '')],
  ['in braces', () => `{${uuid}}`],
  ['empty', () => ''],
  ['number', () => 12345],
  ['zero', () => 0],
  ['true', () => true],
  ['null', () => null],
  ['undefined', () => undefined],
  ['object', () => ({ id: uuid })],
  ['array', () => [uuid]],
  ['String object', () => new String(uuid)],
  ['function', () => function id() {}],
  ['Symbol', () => Symbol('id')],
  ['trailing slash', () => `${uuid}/`],
  ['trailing newline', () => `${uuid}\n`],
  ['leading space', () => ` ${uuid}`],
  ['with a query', () => `${uuid}?x=1`],
  ['prefixed, with a fragment', () => `layer:///${kind}/${uuid}#x`],
  ['full-width digits', () => `\uff11${uuid.slice(1)}`],
];

/** User ids: name, factory. Those in `refusedUserIds` are no value for any method. */
const userIds = [
  ['plain', () => 'abcd'],
  ['space', () => 'a b'],
  ['slash', () => 'a/b'],
  ['backslash', () => 'a\\b'],
  ['percent', () => '100%'],
  ['encoded already', () => 'a%20b'],
  ['question mark', () => 'a?b=c'],
  ['hash', () => 'a#b'],
  ['ampersand and equals', () => 'a&b=c'],
  ['at and colon', () => 'a@b:c'],
  ['Latin-1', () => 'zoë'],
  ['beyond Latin-1', () => 'Łódź 東京'],
  ['emoji', () => '😀'],
  ['combining marks', () => 'e\u0301'],
  ['number', () => 42],
  ['negative fraction', () => -1.5],
  ['large number', () => 1e21],
  ['bigint', () => 12345678901234567890n],
  ['true', () => true],
  ['object with toString', () => ({ toString: () => 'from toString' })],
  ['object with valueOf', () => ({ valueOf: () => 'from valueOf', toString: () => 'text' })],
  ['plain object', () => ({})],
  ['object without prototype', () => Object.create(null)],
  ['array', () => ['a', 'b']],
  ['empty array', () => []],
  ['date', () => new Date(0)],
  ['function', () => function user() {}],
  ['Symbol', () => Symbol('user')],
  ['high surrogate alone', () => 'a\ud83d'],
  ['low surrogate alone', () => '\ude00'],
  ['surrogates in the wrong order', () => '\ude00\ud83dx'],
  ['high surrogate before a letter', () => '\ud83dab'],
  ['double quote', () => 'a"b'],
  ['single quote', () => "o'neil"],
  ['tilde', () => '~a'],
  ['plus', () => 'a+b'],
  ['the unreserved marks', () => "-_.!~*'()"],
  ['the reserved marks', () => ';/?:@&=+$,[]{}|^`<>'],
  ['control characters', () => 'a\r\nb\tc\0'],
  ['delete character', () => 'a\x7f'],
  ['non-breaking space and BOM', () => '\u00a0\ufeff'],
  ['line separator', () => '\u2028'],
  ['leading dot', () => '.hidden'],
  ['three dots', () => '...'],
  ['dots between slashes', () => 'a/../b'],
  ['prefixed', () => 'layer:///identities/abcd'],
  ['300 characters', () => 'x'.repeat(300)],
];

/** User ids that every method refuses. */
const refusedUserIds = [
  ['empty', () => ''],
  ['zero', () => 0],
  ['NaN', () => Number.NaN],
  ['false', () => false],
  ['null', () => null],
  ['undefined', () => undefined],
  ['bigint zero', () => 0n],
];

/** User ids that would change the path of a request. */
const dotUserIds = [
  ['.', () => '.'],
  ['..', () => '..'],
];

/** Objects that are sent as they are. */
const bodies = [
  ['plain', () => ({ participants: ['abcd', 'efgh'], distinct: false })],
  ['empty object', () => ({})],
  ['array', () => [1, 'two', null]],
  ['empty array', () => []],
  ['unicode', () => ({ text: 'zoë Łódź 東京 \u2028\u2029' })],
  ['emoji', () => ({ '😀': '👩‍👩‍👧‍👦' })],
  ['lone surrogates', () => ({ text: '\ud800 \udc00 \ud83d', '\udfff': 1 })],
  ['control characters', () => ({ text: '\0\x01\b\t\n\f\r"\\/\x7f' })],
  ['dates', () => ({ date: new Date(0), dates: [new Date(1e12)], wrong: new Date(Number.NaN) })],
  ['date itself', () => new Date(0)],
  ['toJSON', () => ({ toJSON: () => ({ from: 'toJSON' }) })],
  ['toJSON gives a string', () => ({ toJSON: () => 'text' })],
  ['toJSON gives null', () => ({ toJSON: () => null })],
  ['toJSON gives false', () => ({ toJSON: () => false })],
  ['toJSON gets its key', () => ({ inner: { toJSON: (key) => `key ${key}` } })],
  // biome-ignore lint/suspicious/noSparseArray: a hole is the point
  ['nested undefined', () => ({ a: undefined, b: [undefined, , 1], c: { d: undefined } })],
  ['functions and Symbols inside', () => ({ a() {}, b: Symbol('b'), c: [() => {}, Symbol('c')], [Symbol('d')]: 1 })],
  ['numbers', () => ({ a: 1e21, b: 1e-7, c: -0, d: 0.1, e: 2 ** 53 + 2, f: Number.MAX_VALUE, g: Number.MIN_VALUE })],
  ['numbers JSON has no word for', () => ({ a: Number.NaN, b: Infinity, c: [-Infinity] })],
  ['boxed values', () => ({ a: new Number(1), b: new String('s'), c: new Boolean(false) })],
  ['boxed string itself', () => new String('text')],
  ['boxed false itself', () => new Boolean(false)],
  ['object without prototype', () => Object.assign(Object.create(null), { a: 1 })],
  [
    'class instance',
    () =>
      new (class Body {
        own = 1;
        get inherited() {
          return 2;
        }
      })(),
  ],
  ['inherited properties', () => Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } })],
  [
    'getters',
    () => ({
      get a() {
        return 'got';
      },
    }),
  ],
  ['hidden property', () => Object.defineProperty({ a: 1 }, 'hidden', { value: 2 })],
  ['order of keys', () => ({ z: 1, a: 2, 10: 3, 9: 4, '01': 5 })],
  ['own key __proto__', () => JSON.parse('{"__proto__": {"a": 1}, "constructor": null}')],
  ['empty key and empty string', () => ({ '': '' })],
  ['Map, Set, RegExp and Error', () => ({ a: new Map([[1, 2]]), b: new Set([1]), c: /x/, d: new Error('e') })],
  ['typed array', () => ({ bytes: new Uint8Array([1, 2]) })],
  ['Buffer', () => ({ buffer: Buffer.from('é') })],
  ['Buffer itself', () => Buffer.from('ab')],
  ['Proxy', () => new Proxy({ a: 1 }, { get: (target, key) => (key === 'a' ? 'trapped' : target[key]) })],
  ['deep', () => JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`)],
  ['100 kB', () => ({ text: 'é'.repeat(50000) })],
  ['2 MB', () => ({ text: 'x'.repeat(2 << 20) })],
  [
    'same object twice',
    () => {
      const part = { a: 1 };
      return [part, part];
    },
  ],
];

/** Values that are wrong as a body. */
const refusedBodies = [
  ['null', () => null],
  ['undefined', () => undefined],
  ['string', () => 'text'],
  ['empty string', () => ''],
  ['number', () => 1],
  ['zero', () => 0],
  ['true', () => true],
  ['false', () => false],
  ['function', () => function body() {}],
  ['Symbol', () => Symbol('body')],
  ['bigint', () => 1n],
];

/** What JSON.stringify throws on. */
const unwritableBodies = [
  [
    'circular',
    () => {
      const body = { a: {} };
      body.a.self = body;
      return body;
    },
  ],
  [
    'circular array',
    () => {
      const body = [];
      body.push(body);
      return body;
    },
  ],
  ['BigInt', () => ({ big: 1n })],
  [
    'toJSON that throws',
    () => ({
      toJSON() {
        throw new RangeError('toJSON threw');
      },
    }),
  ],
  [
    'getter that throws',
    () => ({
      get a() {
        throw new SyntaxError('getter threw');
      },
    }),
  ],
];

/** What JSON.stringify gives undefined for. */
const emptyBodies = [
  ['toJSON gives undefined', () => ({ toJSON() {} })],
  ['toJSON gives a function', () => ({ toJSON: () => () => {} })],
  ['toJSON gives a Symbol', () => ({ toJSON: () => Symbol('json') })],
];

/** Query parameters of the `getAll*` methods: name, factory. */
const params = [
  ['object', () => ({ page_size: 50, from_id: `layer:///messages/${MESSAGE}`, sort_by: 'last_message' })],
  ['empty object', () => ({})],
  ['null', () => null],
  ['undefined', () => undefined],
  ['string', () => 'page_size=5'],
  ['number', () => 5],
  ['false', () => false],
  ['true', () => true],
  ['Symbol', () => Symbol('params')],
  ['bigint', () => 5n],
  ['array', () => ['a', 'b c']],
  ['array in a value', () => ({ id: ['a', 'b', 3, true, null], other: 1 })],
  ['empty array in a value', () => ({ id: [], other: 1 })],
  ['only an empty array', () => ({ id: [] })],
  ['numbers', () => ({ a: 0, b: -0, c: 1.5, d: 1e21, e: Number.NaN, f: Infinity, g: 10n })],
  ['booleans', () => ({ a: true, b: false })],
  ['nothing in the values', () => ({ a: null, b: undefined, c: '' })],
  ['quotes and spaces', () => ({ 'a b': `it's "quoted"`, c: '~!*()' })],
  ['reserved characters', () => ({ 'a&b=': '?#/&=+%', '[]': ';,:@$' })],
  ['unicode', () => ({ zoë: 'Łódź', '😀': '東京' })],
  ['nested object', () => ({ a: { b: 1 }, c: [{ d: 1 }, ['e']] })],
  ['date, function and Symbol', () => ({ a: new Date(0), b() {}, c: Symbol('c') })],
  ['lone surrogate', () => ({ a: '\ud800' })],
  ['lone surrogate in a name', () => ({ '\udc00': 'a' })],
  ['empty name', () => ({ '': 'a' })],
  ['order of keys', () => ({ z: 1, a: 2, 10: 3, 9: 4 })],
  ['inherited properties', () => Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } })],
  ['object without prototype', () => Object.assign(Object.create(null), { a: 1 })],
  ['String object', () => new String('ab')],
  ['URLSearchParams', () => new URLSearchParams('a=1&b=2')],
  ['Map', () => new Map([['a', 1]])],
  [
    'getter that throws',
    () => ({
      get a() {
        throw new RangeError('getter threw');
      },
    }),
  ],
  ['boxed values', () => ({ a: new String('s'), b: new Number(1) })],
];

/** The reply of rows that are not about replies. */
const OK = Object.freeze({
  parts: ['HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'],
  gap: 0,
  ending: 'keep',
});

const pick = (list, names) => list.filter(([name]) => names.includes(name));

/** The most telling ones of the lists above, for methods that share their code with one that gets them all. */
const fewIdForms = (uuid, kind) =>
  pick(idForms(uuid, kind), [
    ...['bare', 'prefixed', 'upper case', 'word', 'empty', 'number', 'null', 'undefined', 'object', 'Symbol'],
    ...['trailing slash', 'trailing newline', 'with a query'],
  ]);
const fewUserIds = pick(userIds, [
  ...['plain', 'space', 'slash', 'percent', 'question mark', 'hash', 'beyond Latin-1', 'emoji', 'number', 'true'],
  ...['object with toString', 'object with valueOf', 'object without prototype', 'array', 'Symbol', 'bigint'],
  ...['high surrogate alone', 'single quote', 'tilde', 'plus', 'the reserved marks', 'control characters'],
]);
const fewBodies = pick(bodies, [
  ...['plain', 'empty object', 'array', 'unicode', 'lone surrogates', 'dates', 'toJSON', 'nested undefined', 'numbers'],
  ...['object without prototype', 'order of keys', '2 MB'],
]);
const fewParams = pick(params, [
  ...['object', 'empty object', 'null', 'undefined', 'string', 'array in a value', 'quotes and spaces', 'unicode'],
  ...['lone surrogate'],
]);

module.exports = {
  fewIdForms,
  fewUserIds,
  fewBodies,
  fewParams,
  APP_ID,
  TOKEN,
  CONVERSATION,
  MESSAGE,
  DEDUPE,
  CALLBACK,
  OK,
  idForms,
  userIds,
  refusedUserIds,
  dotUserIds,
  bodies,
  refusedBodies,
  unwritableBodies,
  emptyBodies,
  params,
};
