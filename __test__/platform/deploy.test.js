'use strict';

/** What is in `deploy/` works: nginx before one platform or two, the check of health, the paths that are named. */

const assert = require('node:assert');
const { spawn, spawnSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const https = require('node:https');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { parse } = require('yaml');
const LayerAPI = require('../..');
const { createCertificate } = require('../support/certificate.js');
const { natsProgram, nginxProgram } = require('../support/servers.js');

const ROOT = path.join(__dirname, '..', '..');
const TOKEN = 'admin token of a test';
const read = (name) => readFileSync(path.join(ROOT, 'deploy', name), 'utf8');
/** So large that nginx would refuse it, or write it to a file first, unless told. */
const LARGE = 24 << 20;

/** Replaces what is there once. */
function replace(text, from, to) {
  assert.strictEqual(text.split(from).length, 2, from);
  return text.replace(from, () => to);
}

/** Starts nginx on two ports before the platforms that listen on the others; its files go to a folder. */
async function startNginx(folder, [port, plainPort, ...platformPorts]) {
  const { ca, cert, key } = createCertificate();
  const agent = new https.Agent({ ca, keepAlive: true });
  writeFileSync(path.join(folder, 'cert.pem'), cert);
  writeFileSync(path.join(folder, 'key.pem'), key);
  const servers = platformPorts.map((platformPort) => `server 127.0.0.1:${platformPort};`).join(' ');
  // In a network of containers the name has an address for each.
  let conf = replace(read('nginx.conf'), 'server platform:8080;', servers);
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
  const nginx = spawn(nginxProgram, ['-p', folder, '-e', 'stderr', '-c', path.join(folder, 'nginx.conf')]);
  let [errors, isGone] = ['', false];
  nginx.stderr.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk;
  });
  nginx.once('exit', () => {
    isGone = true;
  });
  /** Asks through nginx; the body of the answer is bytes. */
  const ask = async (target, { method = 'GET', headers = {}, body, ...options } = {}) => {
    const url = new URL(target, `https://127.0.0.1:${port}`);
    const request = https.request(url, { method, headers, agent, ...options });
    request.end(body);
    const [response] = await once(request, 'response');
    const chunks = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
  };
  while ((await ask('/health').catch(() => undefined))?.status !== 200) {
    if (isGone) assert.fail(errors);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const stop = () => {
    agent.destroy();
    nginx.kill('SIGKILL');
  };
  return { ca, agent, ask, errors: () => errors, stop };
}

describe('nginx', {
  skip: nginxProgram === undefined && 'nginx is not there (Debian: apt-get install nginx-light)',
}, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'layer-deploy-'));
  let [nginx, platform, layer, app, url, plainUrl] = [];

  before(async () => {
    const { freePorts } = await import('../../scripts/ports.mjs');
    const ports = await freePorts(3);
    url = `https://127.0.0.1:${ports[0]}`;
    plainUrl = `http://127.0.0.1:${ports[1]}`;
    platform = await LayerAPI.Platform.start({ port: ports[2], publicUrl: url, adminToken: TOKEN });
    app = await platform.createApp();
    nginx = await startNginx(folder, ports);
    layer = new LayerAPI({ ...app, baseUrl: url, agent: nginx.agent });
  });

  after(async () => {
    nginx?.stop();
    await platform?.close();
    rmSync(folder, { recursive: true });
  });

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
    const answer = await nginx.ask(`/apps/${app.appId}/users/a%2Fb/blocks`, { headers: { ...headers, accept } });
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
    const announced = JSON.parse((await nginx.ask(target, { method: 'POST', headers })).body);
    assert.ok(announced.upload_url.startsWith(url), announced.upload_url);
    assert.strictEqual((await nginx.ask(announced.upload_url, { method: 'PUT', body: bytes })).status, 200);
    const found = JSON.parse((await nginx.ask(`${target}/${announced.id.split('/').pop()}`, { headers })).body);
    const down = await nginx.ask(found.download_url);
    assert.deepStrictEqual([down.status, down.body.equals(bytes)], [200, true]);
    assert.ok(!/client request body is buffered|upstream response is buffered/.test(nginx.errors()), nginx.errors());
  });

  test('sockets of clients are opened, and stay open beside requests', async () => {
    const { providerId, keyId, privateKey } = await platform.createIdentityProvider(app.appId);
    const json = { accept: 'application/vnd.layer+json; version=3.0', 'content-type': 'application/json' };
    const { nonce } = JSON.parse((await nginx.ask('/nonces', { method: 'POST', headers: json })).body);
    const token = LayerAPI.identityToken({ providerId, keyId, privateKey, userId: 'socket', nonce });
    const body = JSON.stringify({ identity_token: token, app_id: app.appId });
    const session = JSON.parse(
      (await nginx.ask('/sessions', { method: 'POST', headers: json, body })).body,
    ).session_token;
    const request = https.request(`${url}/websocket?session_token=${session}`, {
      agent: false,
      ca: nginx.ca,
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
    const request = https.request(`${url}/_platform/events?kinds=changes`, { headers, agent: false, ca: nginx.ca });
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
    assert.strictEqual((await nginx.ask('/metrics', { headers })).status, 200);
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
      const answer = await nginx.ask('/', {
        headers,
        agent: false,
        ca: nginx.ca,
        localAddress: '127.0.0.2',
        path: target,
      });
      assert.strictEqual(answer.status, 403, target);
    }
  });
});

describe('compose.postgres.yaml over compose.yaml', {
  skip:
    (nginxProgram ? natsProgram : 'nginx') === undefined &&
    'nginx or NATS is not there (Debian: apt-get install nginx-light nats-server)',
}, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'layer-deploy-'));
  const [one, other] = ['compose.yaml', 'compose.postgres.yaml'].map((name) => parse(read(name)).services);
  const running = [];
  let [postgres, nginx, layer, platforms] = [];

  before(async () => {
    const { freePorts } = await import('../../scripts/ports.mjs');
    const { startPostgres } = await import('../../scripts/postgres.mjs');
    const { buildForTests } = await import('../../scripts/programs.mjs');
    const program = (await buildForTests())['layer-platform'];
    postgres = await startPostgres();
    const { POSTGRES_USER: user, POSTGRES_DB: database } = other.postgres.environment;
    postgres.run(`CREATE USER ${user} SUPERUSER`, `CREATE DATABASE ${database} OWNER ${user}`);
    const [natsPort, ...ports] = await freePorts(3 + other.platform.deploy.replicas);
    running.push(spawn(natsProgram, ['--addr', '127.0.0.1', '--port', natsPort], { stdio: 'ignore' }));
    const token = path.join(folder, 'admin-token');
    writeFileSync(token, TOKEN);
    const environment = { ...one.platform.environment, ...other.platform.environment };
    let data = environment.LAYER_DATA.replace(/\$\{POSTGRES_PASSWORD:.+?\}/, 'a-password');
    data = replace(data, '@postgres:5432/', `@127.0.0.1:${postgres.port}/`);
    const there = {
      ...environment,
      LAYER_DATA: data,
      LAYER_FILES: path.join(folder, 'files'),
      LAYER_NATS: replace(environment.LAYER_NATS, 'nats:4222', `127.0.0.1:${natsPort}`),
      LAYER_ADMIN_TOKEN_FILE: replace(environment.LAYER_ADMIN_TOKEN_FILE, '/run/secrets/admin-token', token),
      LAYER_PUBLIC_URL: `https://127.0.0.1:${ports[0]}`,
    };
    platforms = ports.slice(2).map((port) => {
      const env = {
        ...process.env,
        ...there,
        LAYER_LOG_LEVEL: 'error',
        LAYER_HOST: '127.0.0.1',
        LAYER_PORT: String(port),
      };
      return spawn(program, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    });
    running.push(...platforms);
    nginx = await startNginx(folder, ports);
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const made = await fetch(`http://127.0.0.1:${ports[2]}/_platform/apps`, { method: 'POST', headers, body: '{}' });
    const { app_id: appId, token: appToken } = await made.json();
    layer = new LayerAPI({ appId, token: appToken, baseUrl: there.LAYER_PUBLIC_URL, agent: nginx.agent });
    for (const port of ports.slice(2)) {
      // Each is asked by itself until it is there, and hears the other by way of NATS.
      const isByNats = async () =>
        (await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text()).includes('layer_by_nats 1');
      while (!(await isByNats().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  after(() => {
    nginx?.stop();
    for (const child of running) child.kill('SIGKILL');
    postgres?.stop();
    rmSync(folder, { recursive: true });
  });

  test('what one platform is sent the other has, and one goes on alone', async () => {
    const { body: conversation } = await layer.conversations.createAsync({ participants: ['a', 'b'] });
    const parts = [{ body: 'x', mime_type: 'text/plain' }];
    const send = () => layer.messages.sendAsync(conversation.id, { sender: { user_id: 'a' }, parts });
    const sent = [];
    for (let count = 0; count < 10; count++) sent.push((await send()).body.id);
    const [gone] = platforms;
    gone.kill('SIGTERM');
    const [code] = await once(gone, 'exit');
    assert.strictEqual(code, 0);
    for (let count = 0; count < 10; count++) sent.push((await send()).body.id);
    const { body: messages } = await layer.messages.getAllAsync(conversation.id);
    assert.deepStrictEqual(messages.map(({ id }) => id).reverse(), sent);
  });
});

test('a build in a clone takes nothing that is built there, and makes the program that it starts', () => {
  const { build } = parse(read('compose.postgres.yaml')).services.platform;
  assert.ok(existsSync(path.join(ROOT, 'deploy', build.context, build.dockerfile)), build.dockerfile);
  const image = read('Dockerfile');
  assert.match(image, new RegExp(`^FROM npm AS ${build.target}$`, 'm'));
  const [, name] = image.match(/^ENTRYPOINT \["([\w-]+)"\]$/m);
  assert.match(image, new RegExp(`--package ${name}$`, 'm'));
  assert.match(image, new RegExp(`^COPY --from=source /source/target/release/${name} `, 'm'));
  assert.match(
    readFileSync(path.join(ROOT, 'crates', 'platform', 'Cargo.toml'), 'utf8'),
    new RegExp(`name = "${name}"`),
  );
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
