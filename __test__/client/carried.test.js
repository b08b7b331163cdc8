'use strict';

/**
 * What a service could notice, once more with `transport: 'node'`: the tests of the client, but for those of which
 * ./carried.js says that they are about the own transport.
 */

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { readdirSync } = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

/** Files about what no transport has a part in, or about the transports themselves. */
const WITHOUT = ['carried', 'environments', 'fakes', 'leak', 'proxy', 'rest', 'surface', 'transport'];

const files = readdirSync(__dirname).filter((name) => name.endsWith('.test.js'));

for (const file of files.filter((name) => !WITHOUT.includes(path.basename(name, '.test.js')))) {
  test(`${file}, carried by Node`, async () => {
    const preload = ['--require', require.resolve('./carried.js'), '--test-reporter', 'tap'];
    const child = spawn(process.execPath, [...preload, path.join(__dirname, file)], {
      env: { ...process.env, NODE_TEST_CONTEXT: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    const [code] = await once(child, 'close');
    assert.strictEqual(code, 0, output);
    assert.ok(Number(/^# pass (\d+)$/m.exec(output)?.[1]) > 0, output);
  });
}
