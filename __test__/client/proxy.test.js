'use strict';

/** `proxy`: all requests go through it, with its credentials, and none of them go anywhere else. */

const assert = require('node:assert');
const http = require('node:http');
const net = require('node:net');
const { after, before, test } = require('node:test');
const LayerAPI = require('../..');
const { createCertificate } = require('../support/certificate.js');

const CREDENTIALS = 'user:pass%20word';
const EXPECTED = `Basic ${Buffer.from('user:pass word').toString('base64')}`;
const { ca, cert, key } = createCertificate();

let proxy;
let platforms;
/** What the proxy was asked for. */
let asked;

before(async () => {
  platforms = { http: await LayerAPI.Platform.start(), https: await LayerAPI.Platform.start({ cert, key }) };
  proxy = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.headers['proxy-authorization'] !== EXPECTED) {
      response.writeHead(407).end();
      return;
    }
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const onward = http.request(request.url, { method: request.method, headers }, (reply) => {
      response.writeHead(reply.statusCode, reply.headers);
      reply.pipe(response);
    });
    request.pipe(onward);
  });
  proxy.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    if (request.headers['proxy-authorization'] !== EXPECTED) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const [host, port] = request.url.split(':');
    const onward = net.connect(port, host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [socket, onward]) end.on('error', () => end.destroy());
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});

after(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await Promise.all(Object.values(platforms).map((platform) => platform.close()));
});

const address = (credentials) => `http://${credentials}@127.0.0.1:${proxy.address().port}`;

async function clientOf(platform, options) {
  asked = [];
  const agentOptions = { ca, keepAlive: true };
  return new LayerAPI({ ...(await platform.createApp()), baseUrl: platform.url, agentOptions, ...options });
}

test('https goes through a tunnel', async () => {
  const layer = await clientOf(platforms.https, { proxy: address(CREDENTIALS) });
  const { body } = await layer.conversations.createAsync({ participants: ['maria'] });
  assert.deepStrictEqual((await layer.conversations.getAsync(body.id)).body.participants, ['maria']);
  assert.ok(asked.length >= 1);
  for (const line of asked) assert.strictEqual(line, `CONNECT ${new URL(platforms.https.url).host}`);
});

test('http is asked for by its whole URL', async () => {
  const layer = await clientOf(platforms.http, { proxy: address(CREDENTIALS) });
  assert.deepStrictEqual(await layer.blocklist.getAsync('maria'), { status: 200, body: [] });
  assert.match(asked[0], new RegExp(`^GET ${platforms.http.url}/apps/.*/users/maria/blocks$`));
});

test('rich content goes through it as well, up and down', async () => {
  for (const [scheme, platform] of Object.entries(platforms)) {
    const layer = await clientOf(platform, { proxy: address(CREDENTIALS) });
    const { id } = (await layer.conversations.createAsync({ participants: ['maria'] })).body;
    asked = [];
    const { body } = await layer.content.uploadAsync(id, Buffer.from('abc'), { type: 'text/plain' });
    let text = '';
    for await (const bytes of layer.content.download(id, body.id)) text += bytes;
    assert.strictEqual(text, 'abc');
    const links = asked.filter((line) => scheme === 'https' || /^(PUT|GET) http:.*\/content\/.*\?/.test(line));
    if (scheme === 'https') assert.ok(links.length >= 2 && links.every((line) => line.startsWith('CONNECT ')), asked);
    else assert.strictEqual(links.length, 2, asked);
    const refused = await clientOf(platform, { proxy: address('user:sesame') });
    await assert.rejects(refused.content.uploadAsync(id, Buffer.from('abc'), { type: 'text/plain' }));
  }
});

test('a proxy that refuses is an error, and its password is in none', async () => {
  const layer = await clientOf(platforms.https, { proxy: address('user:sesame') });
  await assert.rejects(layer.blocklist.getAsync('maria'), (error) => {
    assert.ok(error.code, error);
    assert.ok(!`${error.stack} ${JSON.stringify(error)}`.includes('sesame'));
    return true;
  });
});

test('a proxy that nobody runs is an error with its code', async () => {
  const layer = await clientOf(platforms.https, { proxy: 'http://127.0.0.1:1' });
  await assert.rejects(layer.blocklist.getAsync('maria'), { code: 'ECONNREFUSED' });
});

test('a proxy that is no URL is refused without being quoted', () => {
  for (const value of ['sesame', 'ftp://user:sesame@host', 'http://', { auth: 'sesame' }]) {
    assert.throws(
      () => new LayerAPI({ token: 't', appId: 'e4fd3974-20fe-11e5-89c5-080725007e28', proxy: value }),
      (error) => error.message.includes('`proxy`') && !error.message.includes('sesame'),
    );
  }
});

test('variables of the environment play no part', async () => {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY'];
  for (const name of names) process.env[name] = address(CREDENTIALS);
  try {
    const layer = await clientOf(platforms.https, {});
    assert.strictEqual((await layer.blocklist.getAsync('maria')).status, 200);
    assert.deepStrictEqual(asked, []);
  } finally {
    for (const name of names) delete process.env[name];
  }
});
