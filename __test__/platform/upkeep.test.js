'use strict';

/** `npx layer-api backup`, `restore`, `check`, `export`, `import` and `copy`, in processes of their own. */

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const LayerAPI = require('../..');

const CLI = path.join(__dirname, '..', '..', 'bin', 'layer-api.js');
let folder;

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'layer-api-upkeep-'));
});

after(() => rmSync(folder, { recursive: true }));

const run = (...args) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', cwd: folder });

function done(...args) {
  const { status, stdout, stderr } = run(...args);
  assert.strictEqual(status, 0, stderr);
  return { stdout, stderr };
}

test('data is checked and backed up while a platform runs, restored, exported, imported and copied', async () => {
  const data = path.join(folder, 'chat.db');
  const platform = await LayerAPI.Platform.start({ data });
  const { appId, token } = await platform.createApp();
  const conversationOf = async (url) => {
    const layer = new LayerAPI({ appId, token, baseUrl: url });
    return (await layer.conversations.getAsync(id)).body.metadata;
  };
  const layer = new LayerAPI({ appId, token, baseUrl: platform.url });
  const { body } = await layer.conversations.createAsync({ participants: ['a', 'b'], metadata: { n: '1' } });
  const { id } = body;
  await layer.messages.sendTextFromNameAsync(id, 'Concierge', 'Hi');

  assert.strictEqual(done('check', '--data', 'chat.db').stdout, 'chat.db is whole.\n');
  const { stdout, stderr } = done('backup', '--data', 'chat.db', '--to', 'backup');
  assert.match(stdout, /^Backup made in backup: a database of \d+ bytes, 0 files of 0 bytes\.\n$/);
  // Not on a terminal: lines.
  assert.match(stderr, /^backup: pages of the database: \d+ of \d+$/m);
  done('export', '--data', 'chat.db', '--app', appId, '--to', 'app.jsonl');
  const lines = readFileSync(path.join(folder, 'app.jsonl'), 'utf8').trim().split('\n');
  assert.strictEqual(JSON.parse(lines[0]).app, appId);
  assert.match(run('restore', '--from', 'backup', '--data', 'chat.db').stderr, /in use by another process/);
  await platform.close();

  done('restore', '--from', 'backup', '--data', 'restored.db');
  done('import', '--from', 'app.jsonl', '--data', 'imported.db');
  const copied = done('copy', '--from', 'chat.db', '--to', 'copied.db');
  assert.match(
    copied.stdout,
    /^Copied chat\.db to copied\.db: 1 apps, 0 of them there already: \d+ records, 0 contents\. All were compared, and are the same\.\n$/,
  );
  assert.match(copied.stderr, /^copy: records: 0 of \d+$/m);
  assert.match(done('copy', '--from', 'chat.db', '--to', 'copied.db').stdout, /1 of them there already/);
  for (const name of ['restored.db', 'imported.db', 'copied.db']) {
    const copy = await LayerAPI.Platform.start({ data: path.join(folder, name) });
    assert.deepStrictEqual(await conversationOf(copy.url), { n: '1' }, name);
    await copy.close();
    done('check', '--hashes', '--data', name);
  }
});

test('what makes no sense is exit code 2 with a hint, what cannot be done 1 with a sentence', () => {
  for (const verb of ['check', 'backup', 'restore', 'export', 'import', 'copy']) {
    assert.ok(done(verb, '--help').stdout.startsWith(`Usage: layer-api ${verb} `));
    assert.strictEqual(done('help', verb).stdout, done(verb, '--help').stdout);
    const { status, stderr } = run(verb, '--nothing');
    assert.strictEqual(status, 2, stderr);
    assert.match(stderr, new RegExp(`--nothing[^]*layer-api ${verb} --help lists the options`));
  }
  const { status, stderr } = run('check', '--data', 'none.db');
  assert.strictEqual(status, 1);
  assert.match(stderr, /^layer-api: data: there is no none\.db; name the file of the database$/m);
  assert.ok(!existsSync(path.join(folder, 'none.db')));
});

test('PostgreSQL is left to the program that has its driver, by name', () => {
  const url = 'postgres://layer:secret@127.0.0.1:1/chat';
  writeFileSync(
    path.join(folder, 'any.jsonl'),
    '{"type":"layer_export","format":1,"app":"24f43c32-4d95-11e4-b3a2-0fd00000020d"}\n',
  );
  for (const args of [
    ['copy', '--from', url, '--to', 'out.db'],
    ['import', '--from', 'any.jsonl', '--data', url],
    ['export', '--app', '24f43c32-4d95-11e4-b3a2-0fd00000020d', '--to', 'out.jsonl', '--data', url],
  ]) {
    const { status, stderr } = run(...args);
    assert.strictEqual(status, 1, stderr);
    assert.match(
      stderr,
      /^layer-api: data: postgres:\/\/layer@127\.0\.0\.1:1\/chat: .* run the program layer-platform/m,
    );
    assert.ok(!stderr.includes('secret'), stderr);
  }
  assert.ok(!existsSync(path.join(folder, 'out.db')));
});
