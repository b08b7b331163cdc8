/** `npx layer-api`, in separate processes. */

const assert = require('node:assert');
const { spawn, spawnSync } = require('node:child_process');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
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

test('--help lists every option, --version is that of the package', () => {
  const { status, stdout } = run('platform', '--help');
  assert.strictEqual(status, 0);
  for (const option of ['data', 'host', 'port', 'tls-cert', 'tls-key', 'public-url', 'create-app', 'help', 'version']) {
    assert.match(stdout, new RegExp(`--${option}\\b`));
  }
  assert.strictEqual(run('platform', '--version').stdout.trim(), version);
});

test('what makes no sense is refused with exit code 2 and names what it is about', () => {
  for (const [args, named] of [
    [['plattform'], 'plattform'],
    [['platform', '--prot', '1'], '--prot'],
    [['platform', '--port', 'x'], '--port'],
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

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`it serves an app, stops cleanly on ${signal}, and has kept everything`, async () => {
    const data = ['--data', `${signal}.db`];
    const first = await serve(...data, '--create-app');
    const layer = new LayerAPI({ ...first.app, baseUrl: first.url });
    const { id } = (await layer.conversations.createAsync({ participants: ['maria'] })).body;
    const stopped = await first.stop(signal);
    assert.deepStrictEqual([stopped.code, stopped.signal], [0, null]);
    assert.match(stopped.output, /Stopped\.\n$/);

    const second = await serve(...data);
    assert.strictEqual(second.app.token, undefined);
    const again = new LayerAPI({ ...first.app, baseUrl: second.url });
    assert.deepStrictEqual((await again.conversations.getAsync(id)).body.participants, ['maria']);
    await second.stop(signal);
  });
}

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
