/** `npx layer-api`, in separate processes. */

const assert = require('node:assert');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const LayerAPI = require('../..');
const { version } = require('../../package.json');
const { createCertificate } = require('../support/certificate.js');

const CLI = path.join(__dirname, '..', '..', 'bin', 'layer-api.js');
let folder;

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'layer-api-cli-'));
});

after(() => rmSync(folder, { recursive: true }));

const run = (...args) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', cwd: folder });

/** Starts a platform; answers what it printed until it listened, and a way to stop it with a signal. */
async function serve(...args) {
  const child = spawn(process.execPath, [CLI, 'platform', '--port', '0', ...args], { cwd: folder });
  child.stdout.setEncoding('utf8');
  const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  let output = '';
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk;
  });
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += chunk;
    if (output.includes('listening on')) break;
  }
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const [, url] = /listening on (\S+)/.exec(output) ?? assert.fail(`it does not listen: ${output}${errors}`);
  return {
    url,
    app: { appId: /appId: (\S+)/.exec(output)?.[1], token: /token: (\S+)/.exec(output)?.[1] },
    stop: async (signal) => {
      child.kill(signal);
      return { ...(await exit), output };
    },
  };
}

test('without a command it says how it is used', () => {
  for (const args of [[], ['--help'], ['-h']]) {
    const { status, stdout } = run(...args);
    assert.deepStrictEqual([status, /^Usage: layer-api platform/.test(stdout)], [0, true]);
  }
});

test('help lists every command, with what it does', () => {
  const { stdout } = run('--help');
  const upkeep = ['check', 'backup', 'restore', 'export', 'import', 'copy'];
  for (const name of ['platform', 'apps', 'tokens', 'identity-provider', 'tail', 'inspect', ...upkeep]) {
    assert.match(stdout, new RegExp(`^  ${name} +[A-Z].{10,}$`, 'm'));
    const { status, stdout: usage } = run('help', name);
    assert.strictEqual(status, 0);
    assert.match(usage, new RegExp(`^Usage: layer-api ${name} `, 'm'));
  }
  assert.ok(stdout.split('\n').every((line) => line.length <= 120));
});

test('help and version are found wherever they are looked for', () => {
  for (const args of [['help'], ['--help'], []]) {
    assert.match(run(...args).stdout, /^Usage: layer-api platform \[options\]/);
  }
  for (const args of [
    ['platform', '--help'],
    ['help', 'platform'],
  ]) {
    const { status, stdout } = run(...args);
    assert.strictEqual(status, 0);
    assert.match(stdout, /^Usage: layer-api platform \[OPTIONS\]$/m);
  }
  for (const flag of ['--version', '-v', '-V']) {
    const { status, stdout } = run(flag);
    assert.deepStrictEqual([status, stdout.trim()], [0, version]);
  }
});

test('--help lists every option, --version is that of the package', () => {
  const { status, stdout } = run('platform', '--help');
  assert.strictEqual(status, 0);
  for (const option of ['data', 'host', 'port', 'tls-cert', 'tls-key', 'public-url', 'create-app', 'help', 'version']) {
    assert.match(stdout, new RegExp(`--${option}\\b`));
  }
  assert.match(stdout, /^Usage: layer-api platform \[OPTIONS\]$/m);
  assert.strictEqual(run('platform', '--version').stdout.trim(), version);
});

test('what makes no sense is refused with exit code 2 and names what it is about', () => {
  for (const [args, named] of [
    [['plattform'], 'plattform'],
    [['platform', '--prot', '1'], '--prot'],
    [['platform', '--port', 'x'], '--port'],
    [['platform', '--record', '999999999999'], '100000'],
    [['help', 'plattform'], 'plattform'],
    [['platform', '--tls-cert', 'missing.pem', '--tls-key', 'missing.pem'], 'missing.pem'],
  ]) {
    const { status, stderr, stdout } = run(...args);
    assert.strictEqual(status, 2, args);
    assert.ok(stderr.includes(named), stderr);
    assert.strictEqual(stdout, '');
  }
});

test('a platform that cannot start says why, with exit code 1', () => {
  writeFileSync(path.join(folder, 'notes.txt'), 'not a database '.repeat(100));
  const { status, stderr } = run('platform', '--data', 'notes.txt', '--port', '0');
  assert.strictEqual(status, 1);
  assert.match(stderr, /^layer-api: .*notes\.txt/);
});

test('what the command line leaves open is taken from the environment', () => {
  const env = { ...process.env, LAYER_DATA: ':memory:', LAYER_PORT: '70000' };
  const { status, stderr } = spawnSync(process.execPath, [CLI, 'platform'], { encoding: 'utf8', cwd: folder, env });
  assert.deepStrictEqual(
    [status, stderr.split('\n')[0]],
    [2, 'layer-api: LAYER_PORT needs to be a whole number from 0 to 65535'],
  );
});

test('a file of settings is taken, and what is wrong with it is said with its line', async () => {
  const file = path.join(folder, 'layer.toml');
  writeFileSync(file, 'data = "of-file.db"\nport = 1\nadmin-token = "the secret"\n');
  const checked = run('platform', '--config', 'layer.toml', '--port', '0', '--check-config');
  assert.deepStrictEqual([checked.status, checked.stderr], [0, '']);
  assert.match(checked.stdout, /^data = "of-file.db" # layer.toml:1$/m);
  assert.match(checked.stdout, /^port = 0 # the command line$/m);
  assert.doesNotMatch(checked.stdout, /the secret/);

  // Another folder than that of the file, which is what its paths are relative to.
  const { url, stop } = await serve('--config', file, '--port', '0');
  const answer = await fetch(`${url}/_platform/clock`, { headers: { authorization: 'Bearer the secret' } });
  assert.deepStrictEqual([answer.status, existsSync(path.join(folder, 'of-file.db'))], [200, true]);
  await stop('SIGTERM');

  writeFileSync(file, 'data = "of-file.db"\nport = "x"\n');
  for (const [args, status] of [
    [['--check-config'], 1],
    [[], 2],
  ]) {
    const refused = run('platform', '--config', 'layer.toml', ...args);
    assert.strictEqual(refused.status, status);
    assert.match(refused.stderr, /^layer-api: layer.toml:2: port needs to be a number\n/);
  }
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`it serves an app, stops cleanly on ${signal}, and has kept everything`, async () => {
    const data = ['--data', `${signal}.db`];
    const first = await serve(...data, '--create-app');
    const layer = new LayerAPI({ ...first.app, baseUrl: first.url });
    const { id } = (await layer.conversations.createAsync({ participants: ['maria'] })).body;
    const stopped = await first.stop(signal);
    assert.deepStrictEqual([stopped.code, stopped.signal], [0, null]);
    assert.match(stopped.output, /Stopped\.\n$/);

    // Started again as it was, such as by a service manager, it makes no other app.
    const second = await serve(...data, '--create-app');
    assert.deepStrictEqual(second.app, { appId: undefined, token: undefined });
    const again = new LayerAPI({ ...first.app, baseUrl: second.url });
    assert.deepStrictEqual((await again.conversations.getAsync(id)).body.participants, ['maria']);
    assert.match((await second.stop(signal)).output, /^There is an app already, and none is created/);
  });
}

test('when the disk takes no more it says so once a second, and how it stopped in one line', {
  skip: process.platform === 'win32' && 'there is no limit for the size of files',
}, async () => {
  // A limit for each file, in units of 512 bytes: what is written beyond fails, as on a full disk.
  const limited = 'ulimit -f 2800 && exec "$0" "$@"';
  const options = ['--port', '0', '--data', 'full.db', '--create-app', '--log-level', 'warn'];
  const args = ['-c', limited, process.execPath, CLI, 'platform', ...options];
  const child = spawn('sh', args, { cwd: folder });
  const exit = once(child, 'exit');
  let [output, errors] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk;
  });
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  while (!output.includes('listening on')) await once(child.stdout, 'data');
  const [, appId] = /appId: (\S+)/.exec(output);
  const [, token] = /token: (\S+)/.exec(output);
  const layer = new LayerAPI({ appId, token, baseUrl: /listening on (\S+)/.exec(output)[1] });

  const metadata = (text) => Object.fromEntries(Array.from({ length: 20 }, (_, key) => [key, text.repeat(2000)]));
  const send = () => layer.conversations.createAsync({ participants: ['maria'], metadata: metadata('x') });
  const acknowledged = [(await send()).body.id];
  const began = Date.now();
  // Some 30 of these fill the log; what is in it is copied into the file then, and its room is used again.
  let refused = 0;
  for (let written = 0; written < 100; ) {
    try {
      await layer.conversations.setMetadataPropertiesAsync(acknowledged[0], metadata(`${written % 10}`));
      written += 1;
    } catch ({ status }) {
      assert.strictEqual(status, 503);
      refused += 1;
      assert.ok(refused < 1000, `${written} were written`);
    }
  }
  const statuses = [];
  while (statuses.length < 100) {
    try {
      acknowledged.push((await send()).body.id);
    } catch (error) {
      statuses.push(error.status);
    }
  }
  // All 100 failed, and reads go on.
  assert.deepStrictEqual([...new Set(statuses)], [503]);
  assert.strictEqual((await layer.conversations.getAsync(acknowledged[0])).status, 200);
  // What is held back is told when the second is over.
  while (!errors.includes('in the last second')) await once(child.stderr, 'data');
  const seconds = (Date.now() - began) / 1000;

  child.kill('SIGTERM');
  assert.deepStrictEqual(await exit, [1, null]);
  const lines = errors.trim().split('\n');
  const last = lines.pop();
  assert.match(last, /^layer-api: stopped; the last checkpoint could not be written: .*\. Nothing .* is lost$/);
  assert.ok(lines.length >= 2 && lines.length <= seconds + 2, `${seconds} s: ${errors}`);
  const full = /^\d{4}-\d\d-\d\dT[\d:.]+Z layer-platform: error: the store failed, error="the store is unavailable: /;
  for (const line of lines) assert.match(line, full);
  assert.ok(!output.includes('Stopped.'));

  // Without the limit everything is there.
  const again = await serve('--data', 'full.db');
  const reader = new LayerAPI({ appId, token, baseUrl: again.url });
  for (const id of acknowledged) assert.strictEqual((await reader.conversations.getAsync(id)).status, 200);
  assert.strictEqual((await again.stop('SIGTERM')).code, 0);
});

test('it speaks HTTPS with --tls-cert and --tls-key', async () => {
  const { ca, cert, key } = createCertificate();
  writeFileSync(path.join(folder, 'cert.pem'), cert);
  writeFileSync(path.join(folder, 'key.pem'), key);
  const options = ['--data', ':memory:', '--create-app', '--tls-cert', 'cert.pem', '--tls-key', 'key.pem'];
  const platform = await serve(...options);
  const layer = new LayerAPI({ ...platform.app, baseUrl: platform.url, agentOptions: { ca } });
  assert.deepStrictEqual(await layer.blocklist.getAsync('maria'), { status: 200, body: [] });
  await platform.stop('SIGTERM');
});

/** What a command says that asks a platform of this process. */
async function asked(env, ...args) {
  const child = spawn(process.execPath, [CLI, ...args], { env });
  const chunks = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (chunk) => {
      chunks[name] += chunk;
    });
  }
  const [status] = await once(child, 'close');
  return { status, ...chunks };
}

test('apps and tokens of a running platform are created, listed, rotated and removed', async () => {
  const env = { ...process.env, LAYER_ADMIN_TOKEN: 'admin token of a test' };
  const platform = await LayerAPI.Platform.start({ adminToken: env.LAYER_ADMIN_TOKEN });
  try {
    const done = async (...args) => {
      const { status, stdout, stderr } = await asked(env, ...args, '--url', platform.url);
      assert.strictEqual(status, 0, stderr);
      return stdout.startsWith('Done.') ? undefined : JSON.parse(stdout);
    };
    const { app_id: app, token } = await done('apps', 'create', '--name', 'Ferry');
    const apps = await done('apps', 'list');
    assert.deepStrictEqual([apps.length, apps[0].app_id, apps[0].name], [1, app, 'Ferry']);
    const works = async (secret) => {
      const layer = new LayerAPI({ appId: app, token: secret, baseUrl: platform.url });
      return layer.blocklist.getAsync('maria').then(
        () => true,
        ({ status }) => assert.strictEqual(status, 401) || false,
      );
    };

    const made = await done('tokens', 'create', '--app', app, '--name', 'Second');
    const rotated = await done('tokens', 'rotate', '--app', app, '--token', made.token_id, '--grace', '3600');
    assert.deepStrictEqual(
      [await works(token), await works(made.token), await works(rotated.token)],
      Array(3).fill(true),
    );
    const listed = await done('tokens', 'list', '--app', app);
    assert.deepStrictEqual(
      listed.map(({ name, expires_at }) => [name, Boolean(expires_at)]),
      [
        [undefined, false],
        ['Second', true],
        ['Second', false],
      ],
    );
    await done('tokens', 'revoke', '--app', app, '--token', made.token_id);
    assert.deepStrictEqual([await works(made.token), await works(rotated.token)], [false, true]);

    await done('apps', 'delete', '--app', app);
    assert.deepStrictEqual(await done('apps', 'list'), []);
    const again = await asked(env, 'apps', 'delete', '--app', app, '--url', platform.url);
    assert.deepStrictEqual([again.status, again.stdout], [1, '']);
  } finally {
    await platform.close();
  }
});

test('a command about apps or tokens that makes no sense is told how', () => {
  for (const name of ['apps', 'tokens']) {
    assert.ok(run(name).stdout.startsWith(`Usage: layer-api ${name} create`));
    assert.ok(run('help', name).stdout.startsWith(`Usage: layer-api ${name} create`));
  }
  for (const [args, reason] of [
    [['apps', 'remove'], /no `apps remove`/],
    [['apps', 'delete'], /needs `--app`/],
    [['apps', 'list', '--app', 'x'], /takes no `--app`/],
    [['tokens', 'revoke', '--app', 'x'], /needs `--token`/],
    [['tokens', 'rotate', '--app', 'x', '--token', 'y', '--grace', '1h'], /`--grace` needs to be a whole number/],
  ]) {
    const { status, stderr } = run(...args);
    assert.strictEqual(status, 2, stderr);
    assert.match(stderr, reason);
  }
});

test('identity providers of a running platform are created, listed and removed', async () => {
  const env = { ...process.env, LAYER_ADMIN_TOKEN: 'admin token of a test' };
  const platform = await LayerAPI.Platform.start({ adminToken: env.LAYER_ADMIN_TOKEN });
  try {
    const { appId } = await platform.createApp();
    const command = (...args) => asked(env, 'identity-provider', ...args, '--url', platform.url);
    const created = await command('create', '--app', appId);
    assert.strictEqual(created.status, 0, created.stderr);
    const { provider_id: provider, key_id: key, private_key: privateKey } = JSON.parse(created.stdout);
    assert.match(privateKey, /^-----BEGIN PRIVATE KEY-----/);

    const file = path.join(folder, 'public.pem');
    writeFileSync(file, createCertificate().cert);
    const added = await command('add-key', '--app', appId, '--provider', provider, '--public-key', file);
    assert.strictEqual(added.status, 0, added.stderr);
    const other = JSON.parse(added.stdout);
    assert.deepStrictEqual(Object.keys(other), ['key_id']);
    const listed = await command('list', '--app', appId);
    assert.deepStrictEqual(JSON.parse(listed.stdout), [{ provider_id: provider, key_ids: [key, other.key_id] }]);

    const removed = await command('remove-key', '--app', appId, '--provider', provider, '--key', key);
    assert.deepStrictEqual([removed.status, removed.stdout], [0, 'Done.\n']);
    const again = await command('remove-key', '--app', appId, '--provider', provider, '--key', key);
    assert.deepStrictEqual([again.status, again.stderr], [1, 'layer-api: The identity provider has no such key.\n']);
    assert.strictEqual((await command('remove', '--app', appId, '--provider', provider)).status, 0);
    assert.deepStrictEqual(await platform.identityProviders(appId), []);
    // The token is nowhere in what is printed.
    env.LAYER_ADMIN_TOKEN = 'another one';
    const refused = await command('list', '--app', appId);
    assert.strictEqual(refused.status, 1);
    assert.doesNotMatch(refused.stderr, /another one/);
  } finally {
    await platform.close();
  }
});

test('a command about identity providers that makes no sense is told how', () => {
  assert.match(run('identity-provider', '--help').stdout, /^Usage: layer-api identity-provider create/);
  assert.match(run('help', 'identity-provider').stdout, /^Usage: layer-api identity-provider create/);
  for (const [args, reason] of [
    [['create'], /needs `--app`/],
    [['nonsense', '--app', 'x'], /no `identity-provider nonsense`/],
    [['list', '--app', 'x', '--key', 'y'], /takes no `--key`/],
    [['list', '--app'], /needs a value/],
    [['list', '--app', 'x'], /LAYER_ADMIN_TOKEN/],
  ]) {
    const { status, stderr } = run('identity-provider', ...args);
    assert.strictEqual(status, 2, stderr);
    assert.match(stderr, reason);
  }
});
