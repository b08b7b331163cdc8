'use strict';

/** No argument becomes a request by accident: each wrong one is an error of the call, and nothing is sent. */

const assert = require('node:assert');
const { after, before, test } = require('node:test');
const Bluebird = require('bluebird');
const addon = require('../../lib/addon.js');
const { CONVERSATION, LayerAPI, client, closeAll, plainServer } = require('./support.js');

const METHODS = JSON.parse(addon.methods());
const MONGO_ID = '507f191e810c19729de860ea';

/** Values that are wrong as any argument, but for the exceptions of `WRONG`. */
const NOTHING = [
  ['undefined', undefined],
  ['null', null],
  ['function', () => {}],
  ['class', class User {}],
  ['symbol', Symbol('maria')],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['promise', Promise.resolve('maria')],
  ['promise of Bluebird', Bluebird.resolve('maria')],
];
const EMPTY = [['empty text', '']];
const TEXT = [['text', 'maria']];
const NUMBERS = [
  ['zero', 0],
  ['number', 5],
];
const OBJECTS = [
  ['object', { id: CONVERSATION }],
  ['object without prototype', Object.create(null)],
];
const BUILT_IN = [
  ['array', ['maria']],
  ['empty array', []],
  ['date', new Date(0)],
  ['Map', new Map([['a', 1]])],
  ['error', new Error('maria')],
  ['RegExp', /maria/],
  ['Buffer', Buffer.from('maria')],
  ['URLSearchParams', new URLSearchParams('a=1')],
];
const ALL_OBJECTS = [...OBJECTS, ...BUILT_IN];
const USERS = [...NOTHING, ...EMPTY, ['zero', 0], ['infinity', Infinity], ...ALL_OBJECTS];
const without = (list, ...names) => list.filter(([name]) => !names.includes(name));

/** Wrong values by kind of parameter. */
const WRONG = {
  tag: [...without(NOTHING, 'null'), ...EMPTY, ...TEXT, ...NUMBERS, ...ALL_OBJECTS],
  id: [...NOTHING, ...EMPTY, ...TEXT, ...NUMBERS, ...ALL_OBJECTS],
  user: USERS,
  sender: USERS,
  name: [...NOTHING, ...EMPTY, ...NUMBERS, ...ALL_OBJECTS],
  text: [...NOTHING, ...NUMBERS, ...ALL_OBJECTS],
  properties: [...NOTHING, ...EMPTY, ...TEXT, ...NUMBERS, ...BUILT_IN],
  parameters: [...NOTHING, ...EMPTY, ...TEXT, ...NUMBERS, ...BUILT_IN],
  query: [...without(NOTHING, 'undefined', 'null', 'function', 'class'), ...EMPTY, ...TEXT, ...NUMBERS, ...BUILT_IN],
};

/** Wrong values of parameters that make up a body, by its recipe. */
const WRONG_PAYLOADS = {
  body: [...NOTHING, ...EMPTY, ...TEXT, ...NUMBERS],
  identity: [...NOTHING, ...EMPTY, ...TEXT, ...NUMBERS, ...ALL_OBJECTS, ['no display_name', { first_name: 'Maria' }]],
  ...{ blockedUser: USERS, addBlock: USERS, removeBlock: USERS },
  receipt: [...NOTHING, ...EMPTY, ...TEXT, ...NUMBERS, ...ALL_OBJECTS],
  position: [...without(NOTHING, 'null'), ...EMPTY, ...TEXT, ...ALL_OBJECTS, ['negative', -1], ['fraction', 1.5]],
  badge: [...NOTHING, ...EMPTY, ...TEXT, ...ALL_OBJECTS, ['negative', -1], ['fraction', 1.5]],
  exportKey: [...NOTHING, ...EMPTY, ...NUMBERS, ...ALL_OBJECTS],
  upload: [
    ...[...NOTHING, ...EMPTY, ...TEXT, ...NUMBERS, ...ALL_OBJECTS],
    ['no size', { type: 'text/plain' }],
    ['a size as text', { type: 'text/plain', size: '5' }],
    ['no type', { size: 5 }],
    ['an origin that is no text', { type: 'text/plain', size: 5, origin: 5 }],
  ],
};
const NO_ARRAY = [...NOTHING, ...EMPTY, ...TEXT, ...NUMBERS, ...without(ALL_OBJECTS, 'array', 'empty array')];

const RIGHT = {
  ...{ tag: null, id: CONVERSATION, user: 'maria', sender: 'maria', name: 'Harbour', text: 'Boat leaves at nine' },
  ...{ properties: { depth: 3 }, query: { page_size: 5 }, parameters: { mode: 'my_devices' } },
};
const RIGHT_PAYLOADS = {
  ...{ body: {}, identity: { display_name: 'Maria' }, blockedUser: 'jon', receipt: 'read', position: 5, badge: 5 },
  ...{ addBlock: 'jon', removeBlock: 'jon', exportKey: 'key', upload: { type: 'text/plain', size: 5 } },
};

const wrongFor = ({ payload }, { kind }) => (kind === 'payload' ? (WRONG_PAYLOADS[payload] ?? NO_ARRAY) : WRONG[kind]);
const rightFor = ({ payload }, { kind }) => (kind === 'payload' ? (RIGHT_PAYLOADS[payload] ?? []) : RIGHT[kind]);

let server;
let layer;
/** Clients by version. */
const layers = {};
let requests = 0;

before(async () => {
  server = await plainServer((request, response) => {
    requests++;
    request.resume().on('end', () => response.end('{}'));
  });
  for (const version of ['1.0', '2.0', '3.0']) layers[version] = client(server, { keepAlive: true }, { version });
  layer = layers['1.0'];
});
after(closeAll);

/** Asserts that nothing has arrived, after a request has that was made later. */
async function assertNothingSent() {
  const seen = requests;
  await layer.identities.getAsync('last');
  assert.deepStrictEqual([seen, requests], [0, 1]);
  requests = 0;
}

/** Asserts that a call is refused at once, through its callback, with `message`. */
function assertRefused(method, args, message, what) {
  const calls = [];
  method(...args, (...outcome) => calls.push(outcome));
  const [error] = calls[0] ?? assert.fail(`${what}: was not refused`);
  assert.deepStrictEqual([calls.length, error instanceof Error, error.message], [1, true, message], what);
}

/** The rows of the table, each with a version that has it; what takes the place of a row later, beside it. */
const ROWS = METHODS.flatMap((row) => [row, ...(row.later ? [row.later] : [])]).map((row) => ({
  ...row,
  version: row.versions[0],
}));

for (const row of ROWS) {
  const { resource, params, version } = row;
  const method = (...args) => layers[version][resource][row.name](...args);
  const promising = (...args) => layers[version][resource][`${row.name}Async`](...args);
  const name = version === '1.0' ? row.name : `${row.name} (${version})`;
  const right = params.map((param) => rightFor(row, param));

  test(`${resource}.${name} refuses wrong arguments, in both forms`, async () => {
    for (const [index, param] of params.entries()) {
      for (const [what, value] of wrongFor(row, param)) {
        const args = right.with(index, value);
        assertRefused(method, args, param.error, `${param.name}: ${what}`);
        const where = `${param.name} of the promise form: ${what}`;
        await assert.rejects(promising(...args), { message: param.error }, where);
      }
    }
    await assertNothingSent();
  });

  test(`${resource}.${name} refuses too few arguments, in both forms`, async () => {
    const needed = params.filter(({ kind }) => kind !== 'query').length;
    for (let count = 0; count < needed; count++) {
      const args = right.slice(0, count);
      const { error } = params[count];
      assertRefused(method, args, error, `${count} arguments`);
      await assert.rejects(promising(...args), { message: error }, `${count} arguments of the promise form`);
    }
    await assertNothingSent();
  });

  test(`${resource}.${name}Async refuses too many arguments, and callbacks`, async () => {
    const what = `layer.${resource}.${row.name}Async takes`;
    const most = params.length === 1 ? '1 argument' : `${params.length} arguments`;
    const limit = params.length === 0 ? 'no argument,' : `${most} at the most,`;
    for (const extra of [{ timeout: 100 }, undefined, 0, 'text', [right[0]]]) {
      await assert.rejects(promising(...right, extra), {
        name: 'TypeError',
        message: `${what} ${limit} and was called with ${params.length + 1}`,
      });
    }
    const noFunction = { name: 'TypeError', message: `${what} no function: it returns a promise` };
    const callback = () => assert.fail('was called');
    await assert.rejects(promising(...right, callback), noFunction);
    const last = params.length - 1;
    if (params[last]?.kind === 'query') await assert.rejects(promising(...right.with(last, callback)), noFunction);
    // What `ids.map(layer.conversations.getAsync)` passes.
    if (params.length < 3) await assert.rejects(promising(...right, 0, [right[0]]), { name: 'TypeError' });
    await assertNothingSent();
  });

  test(`${resource}.${name} refuses a callback that is no function where it is called`, async () => {
    const refusal = { name: 'TypeError', message: `layer.${resource}.${row.name} needs a function as its callback` };
    for (const wrong of ['text', 1, {}, [], true]) assert.throws(() => method(...right, wrong), refusal);
    if (!row.callbackOptional) assert.throws(() => method(...right), refusal);
    await assertNothingSent();
  });
}

test('what 2.x took for a user id, and what is one, is one', async () => {
  class ObjectId {
    toString() {
      return MONGO_ID;
    }
    toJSON() {
      return MONGO_ID;
    }
  }
  const seen = [];
  const { url } = await plainServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (data) => {
      body += data;
    });
    request.on('end', () => {
      seen.push([request.url.split('/users/')[1], body && JSON.parse(body)]);
      response.end('{}');
    });
  });
  const { blocklist, identities, messages } = new LayerAPI({ token: 't', appId: CONVERSATION, baseUrl: url });
  const ids = [
    ['maria', 'maria'],
    [5, '5'],
    [-1.5, '-1.5'],
    [12345678901234567890n, '12345678901234567890'],
    [new String('jon'), 'jon'],
    [new ObjectId(), MONGO_ID],
  ];
  for (const [id, text] of ids) {
    await identities.getAsync(id);
    await blocklist.unblockAsync(id, id);
    assert.deepStrictEqual(seen.splice(0), [
      [`${text}/identity`, ''],
      [`${text}/blocks/${text}`, ''],
    ]);
  }
  await blocklist.blockAsync('maria', new ObjectId());
  await messages.sendTextFromUserAsync(CONVERSATION, new ObjectId(), '');
  const [blocked, sent] = seen;
  assert.deepStrictEqual(blocked, ['maria/blocks', { user_id: MONGO_ID }]);
  assert.deepStrictEqual(sent[1], {
    sender: { user_id: MONGO_ID },
    parts: [{ body: '', mime_type: 'text/plain' }],
  });
});
