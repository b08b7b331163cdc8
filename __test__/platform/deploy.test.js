'use strict';

/** What is in `deploy/` works: nginx in front of a platform, the check of its health, the paths that are named. */

const assert = require('node:assert');
const { spawn, spawnSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const https = require('node:https');
const net = require('node:net');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { parse } = require('yaml');
const LayerAPI = require('../..');
const { createCertificate } = require('../support/certificate.js');
const { nginxProgram } = require('../support/nginx.js');

const ROOT = path.join(__dirname, '..', '..');
const TOKEN = 'admin token of a test';
const read = (name) => readFileSync(path.join(ROOT, 'deploy', name), 'utf8');
/** So large that nginx would refuse it, or write it to a file first, unless told. */
const LARGE = 24 << 20;

/** Ports that nobody has at the moment. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Replaces what is there once. */
function replace(text, from, to) {
  assert.strictEqual(text.split(from).length, 2, from);
  return text.replace(from, () => to);
}

describe('nginx', {
  skip: nginxProgram === undefined && 'nginx is not there (Debian: apt-get install nginx-light)',
}, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'layer-deploy-'));
  const { ca, cert, key } = createCertificate();
  const agent = new https.Agent({ ca, keepAlive: true });
  let [errors, nginx, platform, layer, app, url, plainUrl] = [''];

  before(async () => {
    const [port, plainPort, platformPort] = await freePorts(3);
    url = `https://127.0.0.1:${port}`;
    plainUrl = `http://127.0.0.1:${plainPort}`;
    platform = await LayerAPI.Platform.start({ port: platformPort, publicUrl: url, adminToken: TOKEN });
    app = await platform.createApp();
    layer = new LayerAPI({ ...app, baseUrl: url, agent });
    writeFileSync(path.join(folder, 'cert.pem'), cert);
    writeFileSync(path.join(folder, 'key.pem'), key);
    let conf = replace(read('nginx.conf'), 'server platform:8080;', `server 127.0.0.1:${platformPort};`);
    conf = replace(conf, 'listen 80;', `listen 127.0.0.1:${plainPort};`);
    conf = replace(conf, 'listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`);
    conf = replace(conf, '/etc/nginx/tls/fullchain.pem', path.join(folder, 'cert.pem'));
    conf = replace(conf, '/etc/nginx/tls/privkey.pem', path.join(folder, 'key.pem'));
    writeFileSync(path.join(folder, 'default.conf'), conf);
    // What nginx.conf of a distribution has around conf.d.
    const main = `daemon off; master_process off; pid ${folder}/pid; error_log stderr warn; events {}
      http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      include ${folder}/default.conf; }`;
    writeFileSync(path.join(folder, 'nginx.conf'), main);
    nginx = spawn(nginxProgram, ['-p', folder, '-e', 'stderr', '-c', path.join(folder, 'nginx.conf')]);
    nginx.stderr.setEncoding('utf8').on('data', (chunk) => {
      errors += chunk;
    });
    let isGone = false;
    nginx.once('exit', () => {
      isGone = true;
    });
    while ((await ask('/health').catch(() => undefined))?.status !== 200) {
      if (isGone) assert.fail(errors);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  after(async () => {
    agent.destroy();
    nginx?.kill('SIGKILL');
    await platform?.close();
    rmSync(folder, { recursive: true });
  });

  /** Asks through nginx; the body of the answer is bytes. */
  async function ask(target, { method = 'GET', headers = {}, body, ...options } = {}) {
    const request = https.request(new URL(target, url), { method, headers, agent, ...options });
    request.end(body);
    const [response] = await once(request, 'response');
    const chunks = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
  }

  test('plain HTTP is sent to HTTPS', async () => {
    const answer = await fetch(`${plainUrl}/health`, { redirect: 'manual', headers: { host: 'chat.example.com' } });
    assert.strictEqual(answer.status, 301);
    assert.match(answer.headers.get('location'), /^https:\/\/.+\/health$/);
  });

  test('requests come to the platform as they are: slashes in user ids, bodies, ids of requests', async () => {
    const { body } = await layer.conversations.createAsync({ participants: ['a/b', 'c'], metadata: { title: 'Ä' } });
    assert.deepStrictEqual(body.participants, ['a/b', 'c']);
    await layer.blocklist.blockAsync('a/b', 'x/y');
    assert.deepStrictEqual(
      (await layer.blocklist.getAsync('a/b')).body.map(({ user_id: user }) => user),
      ['x/y'],
    );
    const headers = { 'x-request-id': 'an-id', authorization: `Bearer ${app.token}` };
    const accept = 'application/vnd.layer+json; version=1.0';
    const answer = await ask(`/apps/${app.appId}/users/a%2Fb/blocks`, { headers: { ...headers, accept } });
    assert.deepStrictEqual([answer.status, answer.headers['x-request-id']], [200, 'an-id']);
  });

  test('large content goes up and down', async () => {
    const { body } = await layer.conversations.createAsync({ participants: ['a'] });
    const bytes = randomBytes(LARGE);
    const headers = {
      authorization: `Bearer ${app.token}`,
      accept: 'application/vnd.layer+json; version=1.0',
      'upload-content-type': 'image/png',
      'upload-content-length': String(LARGE),
    };
    const target = `/apps/${app.appId}/conversations/${body.id.split('/').pop()}/content`;
    const announced = JSON.parse((await ask(target, { method: 'POST', headers })).body);
    assert.ok(announced.upload_url.startsWith(url), announced.upload_url);
    assert.strictEqual((await ask(announced.upload_url, { method: 'PUT', body: bytes })).status, 200);
    const found = JSON.parse((await ask(`${target}/${announced.id.split('/').pop()}`, { headers })).body);
    const down = await ask(found.download_url);
    assert.deepStrictEqual([down.status, down.body.equals(bytes)], [200, true]);
    assert.ok(!/client request body is buffered|upstream response is buffered/.test(errors), errors);
  });

  test('sockets of clients are opened, and stay open beside requests', async () => {
    const { providerId, keyId, privateKey } = await platform.createIdentityProvider(app.appId);
    const json = { accept: 'application/vnd.layer+json; version=3.0', 'content-type': 'application/json' };
    const { nonce } = JSON.parse((await ask('/nonces', { method: 'POST', headers: json })).body);
    const token = LayerAPI.identityToken({ providerId, keyId, privateKey, userId: 'socket', nonce });
    const body = JSON.stringify({ identity_token: token, app_id: app.appId });
    const session = JSON.parse((await ask('/sessions', { method: 'POST', headers: json, body })).body).session_token;
    const request = https.request(`${url}/websocket?session_token=${session}`, {
      agent: false,
      ca,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
        'sec-websocket-protocol': 'layer-3.0',
      },
    });
    request.end();
    const [response, socket] = await once(request, 'upgrade');
    assert.strictEqual(response.statusCode, 101);
    let heard = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      heard += chunk;
    });
    const { body: conversation } = await layer.conversations.createAsync({ participants: ['socket'] });
    const parts = [{ body: 'through the proxy', mime_type: 'text/plain' }];
    await layer.messages.sendAsync(conversation.id, { sender: { user_id: 'socket' }, parts });
    while (!heard.includes('through the proxy')) await once(socket, 'data');
    socket.destroy();
  });

  test('what operators watch comes as it happens, and to nobody beyond the machine itself', async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const request = https.request(`${url}/_platform/events?kinds=changes`, { headers, agent: false, ca });
    request.end();
    const [response] = await once(request, 'response');
    assert.strictEqual(response.statusCode, 200);
    let heard = '';
    response.setEncoding('utf8').on('data', (chunk) => {
      heard += chunk;
    });
    await layer.conversations.createAsync({ participants: ['watched'] });
    while (!heard.includes('"conversation')) await once(response, 'data');
    request.destroy();
    assert.strictEqual((await ask('/metrics', { headers })).status, 200);
    if (process.platform !== 'linux') return;
    for (const target of [
      '/_platform/apps',
      '/metrics',
      '/console',
      '/%5Fplatform/apps',
      '//metrics',
      '/x/../metrics',
    ]) {
      // Another address of this machine stands for another machine.
      const answer = await ask('/', { headers, agent: false, ca, localAddress: '127.0.0.2', path: target });
      assert.strictEqual(answer.status, 403, target);
    }
  });
});

test('the check of health in compose.yaml says whether the platform is ready', async () => {
  const { platform: service, nginx } = parse(read('compose.yaml')).services;
  const [how, ...command] = service.healthcheck.test;
  assert.deepStrictEqual([how, command[0]], ['CMD', 'node']);
  const platform = await LayerAPI.Platform.start();
  const run = () =>
    new Promise((resolve) => {
      const code = replace(command[2], 'http://127.0.0.1:8080', platform.url);
      spawn(process.execPath, [command[1], code]).once('exit', resolve);
    });
  assert.strictEqual(await run(), 0);
  await platform.close();
  assert.strictEqual(await run(), 1);
  // The port is that of the image, of the proxy and of the check.
  const image = read('Dockerfile');
  assert.deepStrictEqual(
    [service.expose, image.match(/LAYER_PORT=(\d+)/)[1], image.match(/EXPOSE (\d+)/)[1]],
    [['8080'], '8080', '8080'],
  );
  for (const volume of nginx.volumes.filter((name) => name.startsWith('./') && !name.startsWith('./tls')))
    assert.ok(existsSync(path.join(ROOT, 'deploy', volume.split(':')[0])), volume);
});

test('the program that deploy/ starts is in the package, and does what the comments say', () => {
  const { name, bin } = require('../../package.json');
  const program = path.join('node_modules', name, bin[name]);
  for (const file of ['Dockerfile', 'compose.yaml', 'layer-platform.service']) {
    const named = read(file).match(/node_modules\/[\w/.-]+/g);
    assert.deepStrictEqual([...new Set(named)], [program], file);
  }
  for (const file of ['compose.yaml', 'layer-platform.service'])
    assert.match(read(file), /layer-api\.js apps create\n/);
  const shown = spawnSync(process.execPath, [path.join(ROOT, bin[name]), 'help', 'apps'], { encoding: 'utf8' });
  assert.match(shown.stdout, /layer-api apps create/);
});
