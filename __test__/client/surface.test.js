'use strict';

/** What the package exports, and that the type declarations say the same as the table of methods. */

const assert = require('node:assert');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { afterEach, test } = require('node:test');
const { inspect } = require('node:util');
const Bluebird = require('bluebird');
const ts = require('typescript');
const addon = require('../../lib/addon.js');
const {
  APP_ID,
  CONVERSATION,
  LayerAPI,
  Original,
  ROOT,
  TOKEN,
  closeAll,
  plainServer,
  program,
  run,
} = require('./support.js');

afterEach(closeAll);

const METHODS = JSON.parse(addon.methods());
const ORIGINALS = METHODS.filter((row) => row.isOriginal);
const RESOURCES = ['conversations', 'messages', 'announcements', 'blocklist', 'identities'];
/** Those that the original does not have. */
const ADDED = ['users', 'content', 'notifications', 'exports', 'webhooks', 'app'];
const EVERY = [...RESOURCES, ...ADDED];
const config = () => ({ token: TOKEN, appId: APP_ID });
const layer = new LayerAPI(config());
const original = new Original(config());

test('the module is the constructor and carries itself and the error classes', () => {
  const module = require('../..');
  assert.strictEqual(typeof module, 'function');
  assert.strictEqual(module.default, module);
  assert.strictEqual(module.LayerAPI, module);
  assert.strictEqual(new module(config()) instanceof module, true);
  for (const name of ['ResponseError', 'APIError']) {
    const error = name === 'APIError' ? new module.APIError('text', 1, 2) : new module.ResponseError(404, { id: 'x' });
    assert.ok(error instanceof Error);
    assert.strictEqual(error.name, name);
    assert.strictEqual(error.constructor.name, name);
  }
});

test('errors have the fields of the original in its order', () => {
  const errors = require('layer-api-original/lib/errors');
  const pairs = [
    [new LayerAPI.ResponseError(404, { id: 'x' }), new errors.ResponseError(404, { id: 'x' })],
    [new LayerAPI.APIError('text'), new errors.APIError('text')],
    [new LayerAPI.APIError('text', 1, { a: 2 }), new errors.APIError('text', 1, { a: 2 })],
  ];
  for (const [ours, theirs] of pairs) {
    // The original takes its names from functions that have none.
    assert.strictEqual(theirs.name, '');
    theirs.name = ours.name;
    assert.deepStrictEqual(Object.entries(ours), Object.entries(theirs));
    assert.strictEqual(JSON.stringify(ours), JSON.stringify(theirs));
    const isReply = ours instanceof LayerAPI.ResponseError;
    assert.strictEqual(ours.message, isReply ? '404 x' : theirs.message, "the original's ResponseError says nothing");
  }
});

test('the error classes are where services got them from before the module carried them', async () => {
  const { stdout, stderr } = await run(program('surface/errors.js'));
  assert.strictEqual(stdout, 'true true\n', stderr);
});

test('an ES module imports the constructor by default and by name', async () => {
  const { stdout, stderr, code } = await run(program('surface/imports.mjs'));
  assert.strictEqual(code, 0, stderr);
  assert.deepStrictEqual(JSON.parse(stdout), [...Array(6).fill(true), 'function']);
});

test('services inherit from it as ES5 and ES2015 do', () => {
  function Service() {
    LayerAPI.call(this, config());
    this.own = true;
  }
  Service.prototype = Object.create(LayerAPI.prototype);
  Service.prototype.constructor = Service;
  class Modern extends LayerAPI {
    constructor() {
      super(config());
      this.own = true;
    }
  }
  for (const service of [new Service(), new Modern()]) {
    assert.ok(service instanceof LayerAPI);
    assert.deepStrictEqual(Object.keys(service), [...RESOURCES, 'own']);
    assert.strictEqual(typeof service.conversations.create, 'function');
  }
});

test('a client has the five resources of the original and nothing else', () => {
  assert.deepStrictEqual(Object.keys(layer), RESOURCES);
  assert.deepStrictEqual(Object.keys(layer), Object.keys(original));
  assert.deepStrictEqual(Object.getOwnPropertyNames(layer), Object.getOwnPropertyNames(original));
  assert.strictEqual(Object.getPrototypeOf(layer), LayerAPI.prototype);
  assert.strictEqual(LayerAPI.length, Original.length);
});

test('resources are made when they are read first, and look as those of the original before that', () => {
  const isAccessor = (client, name) => 'get' in Object.getOwnPropertyDescriptor(client, name);
  const fresh = () => new LayerAPI(config());
  const read = fresh();
  for (const name of RESOURCES) {
    assert.ok(isAccessor(read, name));
    const made = read[name];
    assert.ok(!isAccessor(read, name));
    assert.strictEqual(read[name], made);
  }
  assert.strictEqual(JSON.stringify(fresh()), JSON.stringify(original));
  assert.strictEqual(inspect(fresh()), inspect(read));
  assert.strictEqual(inspect(fresh(), { depth: 0 }), inspect(read, { depth: 0 }));
  assert.deepStrictEqual(Object.keys({ ...fresh() }.messages), Object.keys(original.messages));
  const inLoop = [];
  for (const key in fresh()) inLoop.push(key);
  assert.deepStrictEqual(inLoop, RESOURCES);
});

test('a resource can be replaced before it is read, and what stands for a client has its resources', () => {
  const fake = { send() {} };
  const replaced = new LayerAPI(config());
  replaced.messages = fake;
  const plain = { value: fake, enumerable: true, configurable: true, writable: true };
  assert.deepStrictEqual(Object.getOwnPropertyDescriptor(replaced, 'messages'), plain);
  assert.deepStrictEqual(Object.keys(replaced), RESOURCES);

  const layer = new LayerAPI(config());
  const heir = Object.create(layer);
  assert.strictEqual(heir.messages, layer.messages);
  heir.messages = fake;
  assert.notStrictEqual(layer.messages, fake);
  const proxy = new Proxy(layer, {});
  assert.strictEqual(proxy.conversations, layer.conversations);
  proxy.blocklist = fake;
  assert.strictEqual(layer.blocklist, fake);
  const frozen = Object.freeze(new LayerAPI(config()));
  assert.strictEqual(frozen.messages, frozen.messages);
  assert.strictEqual(typeof frozen.messages.send, 'function');
  const promisified = Bluebird.promisifyAll(new LayerAPI(config()));
  assert.strictEqual(typeof promisified.messages.sendAsync, 'function');
});

test('a class that has a property of the name of a resource hears of the resource', () => {
  for (const Client of [LayerAPI, Original]) {
    const heard = [];
    class Service extends Client {
      set messages(value) {
        heard.push(typeof value.send);
      }
    }
    new Service(config());
    assert.deepStrictEqual(heard, ['function'], Client.name);
  }
});

for (const resource of RESOURCES) {
  test(`${resource} has the methods of the original in their order`, () => {
    assert.deepStrictEqual(Object.keys(layer[resource]), Object.keys(original[resource]));
  });

  test(`${resource}: functions have their names, and callback forms take as many arguments as the original's`, () => {
    const names = ORIGINALS.filter((row) => row.resource === resource).map((row) => row.name);
    const lengths = (client) => Object.fromEntries(names.map((name) => [name, client[resource][name].length]));
    assert.deepStrictEqual(lengths(layer), lengths(original));
    for (const name of names) {
      for (const key of [name, `${name}Async`]) assert.strictEqual(layer[resource][key].name, key);
    }
  });
}

test('the 30 methods of the original in two forms are what is found on a client, as the table has them', () => {
  const inTable = ORIGINALS.flatMap(({ resource, name }) => [`${resource}.${name}`, `${resource}.${name}Async`]);
  const onClient = RESOURCES.flatMap((resource) => Object.keys(layer[resource]).map((name) => `${resource}.${name}`));
  assert.strictEqual(onClient.length, 60);
  assert.deepStrictEqual(onClient.toSorted(), inTable.toSorted());
  for (const resource of RESOURCES) {
    for (const method of Object.values(layer[resource])) assert.strictEqual(typeof method, 'function');
  }
});

test('methods that the original does not have are there without being enumerable, and can be replaced', () => {
  for (const { resource, name, params, isOriginal } of METHODS) {
    for (const key of [name, `${name}Async`]) {
      const descriptor = Object.getOwnPropertyDescriptor(layer[resource], key);
      assert.strictEqual(descriptor.value.name, key);
      const isFound = isOriginal || ADDED.includes(resource);
      const { enumerable, writable, configurable } = descriptor;
      assert.deepStrictEqual(
        { enumerable, writable, configurable },
        { enumerable: isFound, writable: true, configurable: true },
      );
    }
    assert.strictEqual(layer[resource][name].length, params.length + 1);
  }
});

/** Arguments with which each kind of parameter is content. */
const ARGUMENTS = {
  ...{ tag: null, id: CONVERSATION, user: 'maria', sender: 'maria', name: 'Maria', text: 'Boat leaves at nine' },
  ...{ properties: {}, query: {}, parameters: {} },
};
const PAYLOADS = {
  ...{ operations: [], list: [], identity: { display_name: 'Maria' }, blockedUser: 'jon', receipt: 'read' },
  ...{ position: null, badge: 0, exportKey: 'key', upload: { type: 'text/plain', size: 0 } },
};
const argumentFor = ({ payload }, { kind, name }) => {
  if (kind === 'payload') return name === 'participants' ? ['maria'] : payload in PAYLOADS ? PAYLOADS[payload] : {};
  return ARGUMENTS[kind];
};

test('all methods work detached from their resource, in both forms', async () => {
  const server = await plainServer();
  for (const row of METHODS) {
    const client = new LayerAPI({ ...config(), baseUrl: server.url, version: row.versions[0] });
    const method = client[row.resource][row.name];
    const promising = client[row.resource][`${row.name}Async`];
    const args = row.params.map((param) => argumentFor(row, param));
    const [error, result] = await new Promise((resolve) => method(...args, (...outcome) => resolve(outcome)));
    assert.strictEqual(error, null, `${row.resource}.${row.name}`);
    assert.deepStrictEqual(result, { status: 200, body: {} });
    assert.deepStrictEqual(await promising(...args), result);
  }
});

test('methods are replaced and restored as test doubles do', async () => {
  const { get } = layer.conversations;
  layer.conversations.get = (_id, callback) => callback(null, 'double');
  assert.strictEqual(await new Promise((resolve) => layer.conversations.get('x', (_, r) => resolve(r))), 'double');
  layer.conversations.get = get;
  assert.deepStrictEqual(Object.keys(layer.conversations), Object.keys(original.conversations));
});

/** Signatures of the interfaces of index.d.ts, by interface and name: lists of `{name, isOptional, type}` each. */
function declaredMethods() {
  const file = path.join(ROOT, 'index.d.ts');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const declared = {};
  const visit = (node) => {
    // `App` is what a platform creates.
    const name = ts.isInterfaceDeclaration(node) && node.name.text.replace(/^AppSettings$/, 'App');
    const resource = name && EVERY.find((every) => name === every[0].toUpperCase() + every.slice(1));
    if (resource && node.name.text !== 'App') {
      declared[resource] = {};
      for (const member of node.members) {
        assert.ok(ts.isMethodSignature(member), member.getText());
        const parameters = member.parameters.map(({ name, questionToken, type }) => ({
          name: name.getText(),
          isOptional: Boolean(questionToken),
          type: type.getText(),
        }));
        declared[resource][member.name.text] ??= [];
        declared[resource][member.name.text].push({ parameters, returns: member.type.getText(), member });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return declared;
}

/** What is made of several requests, and so is not in the table. */
const OTHERS = {
  conversations: ['listFromUser'],
  messages: ['list', 'listFromUser'],
  announcements: ['listFromUser'],
  content: ['upload', 'uploadAsync', 'download', 'downloadAsync'],
};

const DECLARED = declaredMethods();
const spell = ({ name, isOptional }) => (isOptional ? `${name}?` : name);

for (const row of METHODS) {
  const { resource, name, params, callbackOptional } = row;

  test(`index.d.ts declares ${resource}.${name} as the table has it`, () => {
    const names = params.map((param) => param.name);
    const takesQuery = params.at(-1)?.kind === 'query';
    const callback = callbackOptional ? 'callback?' : 'callback';
    const forms = DECLARED[resource][name];
    const expected = takesQuery
      ? [
          [...names.slice(0, -1), callback],
          [...names, callback],
        ]
      : [[...names, callback]];
    assert.deepStrictEqual(
      forms.map(({ parameters }) => parameters.map(spell)),
      expected,
    );
    for (const { returns, parameters } of forms) {
      assert.strictEqual(returns, 'void');
      assert.match(parameters.at(-1).type, /^Callback<.+>$/);
    }

    const [promise, ...others] = DECLARED[resource][`${name}Async`];
    assert.deepStrictEqual(others, []);
    const inPromise = takesQuery ? [...names.slice(0, -1), `${names.at(-1)}?`] : names;
    assert.deepStrictEqual(promise.parameters.map(spell), inPromise);
    const body = /^Callback<(.+)>$/.exec(forms[0].parameters.at(-1).type)[1];
    assert.strictEqual(promise.returns, body === "''" ? 'Promise<EmptyResponse>' : `Promise<Response<${body}>>`);

    const tag = params.findIndex((param) => param.kind === 'tag');
    if (tag >= 0)
      for (const { parameters } of [...forms, promise]) assert.strictEqual(parameters[tag].type, 'string | null');
    assert.ok(ts.getJSDocCommentsAndTags(forms[0].member).length > 0, 'it says what the method does');
  });
}

test('index.d.ts declares no other method', () => {
  assert.deepStrictEqual(Object.keys(DECLARED).toSorted(), EVERY.toSorted());
  for (const resource of EVERY) {
    const rows = METHODS.filter((row) => row.resource === resource).flatMap(({ name }) => [name, `${name}Async`]);
    rows.push(...(OTHERS[resource] ?? []));
    assert.deepStrictEqual(Object.keys(DECLARED[resource]).toSorted(), rows.toSorted());
  }
});
