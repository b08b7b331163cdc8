'use strict';

/** What libraries of the time look for in functions and callbacks of the client. */

const assert = require('node:assert');
const { after, test } = require('node:test');
const { promisify } = require('node:util');
const Bluebird = require('bluebird');
const {
  CONVERSATION,
  client,
  clientOf,
  closeAll,
  plainServer,
  program,
  run,
  runProgram,
  secureServer,
  subjects,
} = require('./support.js');

after(closeAll);

const RESOURCES = ['conversations', 'messages', 'announcements', 'blocklist', 'identities'];

/** Runs a file of `programs` for a client of `subject`, and returns what it printed, as JSON. */
async function printed(name, args, subject, server) {
  const config = {
    ...{ token: 't', appId: CONVERSATION },
    ...subject.config(server),
    agentOptions: subject.agentOptions(server),
  };
  const env = { CONFIG: JSON.stringify(config), NODE_NO_WARNINGS: '1' };
  const { code, stdout, stderr } = await runProgram(name, args, { env });
  assert.deepStrictEqual([code, stderr], [0, '']);
  return JSON.parse(stdout);
}

for (const subject of Object.values(subjects)) {
  for (const library of ['continuation-local-storage', 'cls-hooked', 'zone.js']) {
    test(`callbacks have the local storage of ${library} (${subject.name})`, async () => {
      const server = await secureServer();
      for (const when of ['first', 'last']) {
        const values = ['one', 'two', 'three'];
        const expected = values.flatMap((value) => [
          [value, value],
          [`after ${value}`, value],
          [`refused in ${value}`, value],
        ]);
        const seen = await printed('local-storage.js', [library, when, subject.path], subject, server);
        assert.deepStrictEqual(seen, expected.sort(), `loaded ${when}`);
      }
    });
  }

  test(`resources can be promisified again (${subject.name})`, async () => {
    const layer = clientOf(subject, await secureServer());
    for (const resource of RESOURCES) {
      const before = { ...layer[resource] };
      assert.strictEqual(Bluebird.promisifyAll(layer[resource]), layer[resource]);
      assert.deepStrictEqual(layer[resource], before);
    }
    assert.deepStrictEqual(await layer.blocklist.getAsync('maria'), { status: 200, body: {} });
  });

  test(`methods can be promisified one by one, and by other suffixes (${subject.name})`, async () => {
    const { blocklist } = clientOf(subject, await secureServer());
    const expected = { status: 200, body: {} };
    assert.deepStrictEqual(await promisify(blocklist.get)('maria'), expected);
    assert.deepStrictEqual(await Bluebird.promisify(blocklist.get)('maria'), expected);
    const { getPromised } = Bluebird.promisifyAll({ ...blocklist }, { suffix: 'Promised' });
    assert.deepStrictEqual(await getPromised('maria'), expected);
  });

  test(`functions of the resources carry what the original's do (${subject.name})`, async () => {
    const layer = clientOf(subject, await secureServer());
    for (const resource of RESOURCES) {
      for (const [name, method] of Object.entries(layer[resource])) {
        const isPromising = name.endsWith('Async');
        const mark = Object.getOwnPropertyDescriptor(method, '__isPromisified__');
        assert.deepStrictEqual([mark?.value, mark?.enumerable], isPromising ? [true, false] : [undefined, undefined]);
        assert.deepStrictEqual(Object.keys(method), [], name);
        const property = Object.getOwnPropertyDescriptor(layer[resource], name);
        assert.deepStrictEqual(
          [property.writable, property.enumerable, property.configurable],
          [true, true, true],
          `${resource}.${name}`,
        );
      }
    }
  });
}

test('options of the constructor without effect are warned of, once', async () => {
  const server = await plainServer();
  const { code, stdout } = await run(program('instrumentation/warnings.js'), { server });
  const text = (name) => `Constructor option \`${name}\` is unknown to layer-api and has no effect`;
  assert.strictEqual(code, 0);
  assert.deepStrictEqual(stdout.trim().split('\n').map(JSON.parse), [
    ['Warning', 'LAYER_UNKNOWN_OPTION', text('timeOut')],
    ['Warning', 'LAYER_UNKNOWN_OPTION', text('retries')],
  ]);
  assert.ok(client(server));
});
