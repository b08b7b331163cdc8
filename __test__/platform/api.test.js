/**
 * The whole Server API: each request that the platform takes has a method, and each method works, in both forms and in
 * all versions.
 */

const assert = require('node:assert');
const { after, before, describe, test } = require('node:test');
const LayerAPI = require('../..');
const addon = require('../../lib/addon.js');
const { forms, uses: usesOf30 } = require('../support/methods.js');
const { missing, uses } = require('../support/api.js');

const METHODS = JSON.parse(addon.methods());
const VERSIONS = ['1.0', '1.1', '2.0', '3.0'];
let platform;

before(async () => {
  const webhooks = { allowHttp: true, allowPrivateAddresses: true };
  platform = await LayerAPI.Platform.start({ webhooks, exports: { unlimited: true } });
});
after(() => platform.close());

async function connect(version) {
  const { appId, token } = await platform.createApp();
  return new LayerAPI({ appId, token, version, baseUrl: platform.url, agentOptions: { keepAlive: true } });
}

test('each request of the platform has a method, in the versions that have the request, and no method has another', async () => {
  const { paths } = await (await fetch(`${platform.url}/openapi.json`)).json();
  const ofPlatform = [];
  for (const [path, operations] of Object.entries(paths)) {
    // The Client API is for devices.
    if (!path.startsWith('/apps/{app}')) continue;
    const own = path.replace('/apps/{app}', '').replace(/\{\w+\}/g, '{}');
    for (const [verb, { description }] of Object.entries(operations)) {
      let versions = /^Versions (.+)\.$/.exec(description)?.[1].split(', ') ?? VERSIONS;
      if (own.startsWith('/webhooks')) versions = versions.filter((version) => version !== '1.1');
      for (const version of versions) ofPlatform.push(`${version} ${verb.toUpperCase()} ${own}`);
    }
  }
  const ofTable = new Set();
  for (const row of METHODS) {
    for (const version of row.versions) {
      const { verb, path } = row.later?.versions.includes(version) ? row.later : row;
      ofTable.add(`${version} ${verb} ${path.replace(/\{\d\}/g, '{}')}`);
    }
  }
  assert.ok(ofPlatform.length > 200, `${ofPlatform.length}`);
  assert.deepStrictEqual([...ofTable].sort(), ofPlatform.sort());
});

for (const [form, caller] of Object.entries(forms)) {
  for (const version of VERSIONS) {
    describe(`${form} form, version ${version}`, () => {
      const called = new Set();
      let call;

      before(async () => {
        const send = caller(await connect(version));
        call = (path, ...args) => {
          called.add(path);
          return send(path, ...args);
        };
      });

      for (const [name, use] of Object.entries({ ...usesOf30, ...uses })) test(name, () => use(call, version));
      test('all methods were called', () => {
        const all = METHODS.map(({ resource, name }) => `${resource}.${name}`);
        assert.deepStrictEqual([...called].sort(), all.sort());
      });
    });
  }
}

describe('a client knows its version', () => {
  test('a method that the version does not have is refused before its arguments, and nothing is sent', async () => {
    const layer = await connect('2.0');
    const seen = (await platform.requests()).length;
    await missing(layer.messages.sendTextFromNameAsync(1, 2, 3), '1.0 or 1.1');
    await missing(layer.messages.getPartsAsync(), '3.0');
    assert.strictEqual((await platform.requests()).length, seen);
  });

  test('bodies that the client makes are those of the version', async () => {
    const bodies = {};
    for (const version of VERSIONS) {
      const layer = await connect(version);
      const { id } = (await layer.conversations.createAsync({ participants: ['maria é/1'] })).body;
      await layer.messages.sendTextFromUserAsync(id, 'maria é/1', 'hello');
      await layer.messages.sendTextFromUserAsync(id, 'layer:///identities/maria%20%C3%A9%2F1', 'hello').catch(() => {});
      await layer.blocklist.blockAsync('maria é/1', 'jon');
      await layer.blocklist.unblockAsync('maria é/1', 'jon');
      const [first, second, block, unblock] = (await platform.requests()).slice(-4);
      bodies[version] = [first.body, second.body.sender_id, [block.method, block.body], [unblock.method, unblock.body]];
    }
    const parts = [{ body: 'hello', mime_type: 'text/plain' }];
    const before = [
      { sender: { user_id: 'maria é/1' }, parts },
      undefined,
      ['POST', { user_id: 'jon' }],
      ['DELETE', ''],
    ];
    const edit = (operation) => ['PATCH', [{ operation, property: 'blocks', id: 'layer:///identities/jon' }]];
    const id = 'layer:///identities/maria%20%C3%A9%2F1';
    const since = [{ sender_id: id, parts }, id, edit('add'), edit('remove')];
    assert.deepStrictEqual(bodies, { '1.0': before, 1.1: before, '2.0': since, '3.0': since });
  });

  test('a version that nobody knows is left to the service', async () => {
    const layer = await connect('9.9');
    await assert.rejects(layer.messages.getPartsAsync(platformId, platformId), { status: 406 });
  });
});

const platformId = 'f3cc7b32-3c92-11e4-baad-164230d1df67';

test('resources that the original does not have are made when they are asked for, and give way to those of a service', async () => {
  const layer = await connect('1.0');
  assert.strictEqual(layer.users, layer.users);
  assert.deepStrictEqual(Object.keys(layer).length, 5);
  assert.strictEqual(LayerAPI.prototype.users, undefined);
  class Service extends LayerAPI {
    constructor(config) {
      super(config);
      this.app = 'express';
    }
  }
  const service = new Service({ token: 't', appId: platformId });
  assert.deepStrictEqual([service.app, Object.keys(service).at(-1)], ['express', 'app']);
  assert.notStrictEqual(service.users, layer.users);
  service.users = [1];
  assert.deepStrictEqual(service.users, [1]);
});
