'use strict';

/** `npx layer-api tail`, `inspect`, and `platform --console` and `--open`, in separate processes. */

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const http = require('node:http');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const LayerAPI = require('../..');

const CLI = path.join(__dirname, '..', '..', 'bin', 'layer-api.js');
const TOKEN = 'admin token of a test';

/** A process whose output is waited for. */
function start(args, env = {}) {
  const child = spawn(process.execPath, [CLI, ...args], { env: { ...process.env, LAYER_ADMIN_TOKEN: TOKEN, ...env } });
  const run = { child, stdout: '', stderr: '', closed: once(child, 'close') };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (chunk) => {
      run[name] += chunk;
    });
  }
  run.says = async (pattern) => {
    while (!pattern.test(run.stdout)) {
      const [event] = await Promise.race([once(child.stdout, 'data'), run.closed.then(() => ['closed'])]);
      if (event === 'closed' && !pattern.test(run.stdout)) assert.fail(`${pattern}: ${run.stdout}${run.stderr}`);
    }
  };
  return run;
}

describe('in a terminal', () => {
  let platform;
  let layer;
  let appId;

  before(async () => {
    platform = await LayerAPI.Platform.start({ adminToken: TOKEN });
    const app = await platform.createApp();
    appId = app.appId;
    layer = new LayerAPI({ ...app, baseUrl: platform.url });
  });

  after(() => platform.close());

  test('tail shows requests as they are answered, those that are asked for', async () => {
    const all = start(['tail', '--url', platform.url]);
    const some = start([
      'tail',
      '--url',
      platform.url,
      '--status',
      '4xx',
      '--method',
      'get',
      '--path',
      '/conversations/',
    ]);
    await Promise.all([all.says(/Waiting/), some.says(/Waiting/)]);
    await layer.identities.createAsync('maria', { display_name: 'Maria' });
    await assert.rejects(layer.conversations.getAsync('24f43c32-4d95-11e4-b3a2-0fd00000020d'), { status: 404 });
    await platform.inject({ reset: true, times: 1 });
    await assert.rejects(layer.identities.getAsync('maria'));
    await all.says(/reset .*\(fault 1\)/);
    await some.says(/404/);
    assert.match(all.stdout, /^\d\d:\d\d:\d\d\.\d{3} {2}201 {4}.* ms {2}POST {4}\/apps\/\S+\/users\/maria\/identity$/m);
    assert.strictEqual(some.stdout.trim().split('\n').length, 2, some.stdout);
    for (const run of [all, some]) run.child.kill('SIGINT');
    await Promise.all([all.closed, some.closed]);
  });

  test('inspect shows a conversation by its id and by that of a message', async () => {
    await layer.identities.createAsync('jon', { display_name: 'Jon \u001b[31mred' });
    const metadata = { title: 'Harbour tour' };
    const { body } = await layer.conversations.createAsync({ participants: ['jon', 'ns/42'], metadata });
    await layer.messages.sendTextFromUserAsync(body.id, 'jon', 'Boat leaves at nine\u0007');
    const sent = await layer.messages.sendTextFromNameAsync(body.id, 'Harbour', 'Pier four');
    await layer.messages.sendReceiptFromUserAsync('ns/42', sent.body.id, 'read');
    for (const id of [body.id, body.id.split('/').pop(), sent.body.id]) {
      const run = start(['inspect', id, '--url', platform.url]);
      assert.deepStrictEqual(await run.closed, [0, null], run.stderr);
      const [, text] = /^([\s\S]*)\n$/.exec(run.stdout);
      for (const part of [
        /^Conversation [-0-9a-f]{36}$/m,
        new RegExp(`^  app           ${appId}$`, 'm'),
        /^ {2}participants {2}Jon \ufffd\[31mred \(jon\), ns\/42$/m,
        /^ {2}metadata {6}\{"title":"Harbour tour"\}$/m,
        /^#1 .*Jon \ufffd\[31mred \(jon\) .*\n {4}Boat leaves at nine\ufffd\n {4}read: jon; sent: ns\/42$/m,
        /#2 .*Harbour .*\n {4}Pier four\n {4}read: ns\/42; sent: jon$/m,
      ]) {
        assert.match(text, part);
      }
      assert.strictEqual(/^> #2/m.test(text), id === sent.body.id);
    }
    const one = start(['inspect', body.id, '--messages', '1', '--url', platform.url]);
    await one.closed;
    assert.ok(one.stdout.includes('Pier four') && !one.stdout.includes('Boat leaves'));
  });

  test('what makes no sense, or cannot be, is said', async () => {
    for (const [args, status, pattern, env] of [
      [['tail', '--help'], 0, /^$/],
      [['help', 'inspect'], 0, /^$/],
      [['tail', '--status', 'bad'], 2, /`--status` needs to be/],
      [['tail', '--colour', 'x'], 2, /takes no `--colour`/],
      [['inspect'], 2, /needs an ID/],
      [['inspect', 'x', 'y'], 2, /takes no `y`/],
      [['inspect', 'x', '--messages', '0'], 2, /from 1 to 100/],
      [['inspect', 'x', '--url', platform.url], 1, /UUID/],
      [['inspect', '24f43c32-4d95-11e4-b3a2-0fd00000020d', '--url', platform.url], 1, /no conversation and no message/],
      [['tail', '--url', 'http://127.0.0.1:1'], 1, /ECONNREFUSED/],
      [['tail', '--url', platform.url], 1, /token/, { LAYER_ADMIN_TOKEN: 'wrong' }],
      [['tail', '--url', platform.url], 2, /LAYER_ADMIN_TOKEN/, { LAYER_ADMIN_TOKEN: '' }],
    ]) {
      const run = start(args, env);
      const [code] = await run.closed;
      assert.strictEqual(code, status, `${args}: ${run.stderr}`);
      assert.match(run.stderr, pattern, String(args));
      assert.ok(!run.stderr.includes(TOKEN));
    }
    const silent = await LayerAPI.Platform.start({ adminToken: TOKEN, recordedRequests: 0 });
    const run = start(['tail', '--url', silent.url]);
    assert.deepStrictEqual(await run.closed, [1, null]);
    assert.match(run.stderr, /does not record requests/);
    await silent.close();
  });

  test('tail says that other platforms get requests as well', async () => {
    const server = http.createServer((_request, response) => {
      response.end('event: ready\ndata: {"is_recording":true,"is_shared":true}\n\n');
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const run = start(['tail', '--url', `http://127.0.0.1:${server.address().port}`]);
    assert.deepStrictEqual(await run.closed, [0, null]);
    assert.match(run.stdout, /Other platforms share the database: shown are requests to this one\./);
    server.close();
  });

  test('--console says where it is and with which token; --open opens it in the browser', {
    skip: process.platform === 'win32' && 'a script stands for the browser',
  }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'layer-api-open-'));
    const browser = path.join(folder, 'browser');
    const opened = path.join(folder, 'opened');
    writeFileSync(browser, `#!/bin/sh\nprintf %s "$1" > ${opened}.part\nmv ${opened}.part ${opened}\n`);
    chmodSync(browser, 0o755);
    const options = ['platform', '--port', '0', '--data', ':memory:'];
    const made = start([...options, '--open'], { LAYER_ADMIN_TOKEN: '', BROWSER: browser });
    await made.says(/listening on/);
    const [, url, token] = /^Console: (\S+), the admin token of this run is ([0-9a-f]{64})$/m.exec(made.stdout);
    while (!existsSync(opened)) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.strictEqual(readFileSync(opened, 'utf8'), url);
    const asked = await fetch(new URL('/_platform/overview', url), { headers: { Authorization: `Bearer ${token}` } });
    assert.deepStrictEqual([asked.status, (await asked.json()).is_recording], [200, true]);
    assert.match(await (await fetch(url)).text(), /<title>Layer console<\/title>/);
    made.child.kill('SIGTERM');
    await made.closed;

    const given = start([...options, '--console']);
    await given.says(/listening on/);
    assert.match(given.stdout, /^Console: \S+\/console, which asks for the admin token$/m);
    assert.ok(!given.stdout.includes(TOKEN));
    given.child.kill('SIGTERM');
    await given.closed;
    rmSync(folder, { recursive: true });
  });

  test('a platform in a program has the console when it is asked for', async () => {
    assert.strictEqual(platform.console, undefined);
    assert.strictEqual((await fetch(`${platform.url}/console`)).status, 404);
    const seen = await LayerAPI.Platform.start({ console: true });
    const { url, token, isTokenNew } = seen.console;
    assert.deepStrictEqual([url, token.length, isTokenNew], [`${seen.url}/console`, 64, true]);
    assert.ok(!require('node:util').inspect(seen, { depth: 9, showHidden: true }).includes(token));
    await seen.close();
    const seeded = await LayerAPI.Platform.start({ console: true, seed: 1 });
    const again = await LayerAPI.Platform.start({ console: true, seed: 1 });
    assert.notStrictEqual(seeded.console.token, again.console.token);
    await Promise.all([seeded.close(), again.close()]);
  });
});
