'use strict';

/** What the environment says about connections: authorities, verification, proxies. In separate processes. */

const assert = require('node:assert');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const { once } = require('node:events');
const os = require('node:os');
const path = require('node:path');
const { after, afterEach, before, test } = require('node:test');
const {
  certificate,
  closeAll,
  onClose,
  plainServer,
  run,
  runWith,
  secureServer,
  selfSigned,
  subjects,
  program,
} = require('./support.js');

let folder;
before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'layer-api-'));
});
after(() => rmSync(folder, { recursive: true }));
afterEach(closeAll);

function both(name, body) {
  for (const subject of Object.values(subjects)) test(`${name} (${subject.name})`, () => body(subject));
}

const file = (name, text) => {
  const whole = path.join(folder, name);
  writeFileSync(whole, text);
  return whole;
};

const PRINT = `layer.blocklist.get('maria', (error, result) => console.log(error ? error.code : result.status));`;
const NONE = { NODE_EXTRA_CA_CERTS: undefined, NODE_TLS_REJECT_UNAUTHORIZED: undefined, NODE_USE_ENV_PROXY: undefined };

/** What a process prints that asks `server` with these options of an agent and this environment. */
function ask(subject, server, { agentOptions, env, source = PRINT, args } = {}) {
  const options = { ca: undefined, ...agentOptions };
  return runWith(subject, server, source, { agentOptions: options, env: { ...NONE, ...env }, args });
}

both(
  'NODE_EXTRA_CA_CERTS: its authorities are trusted beside the usual ones, and not where ca is given',
  async (subject) => {
    const server = await secureServer();
    const env = { NODE_EXTRA_CA_CERTS: file('extra.pem', `# ours\n${selfSigned().cert}\n${certificate().ca}`) };
    assert.strictEqual((await ask(subject, server)).stdout, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE\n');
    assert.strictEqual((await ask(subject, server, { env })).stdout, '200\n');
    const agentOptions = { ca: selfSigned().cert };
    assert.strictEqual((await ask(subject, server, { env, agentOptions })).stdout, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE\n');
  },
);

both('NODE_EXTRA_CA_CERTS: is read when the process starts, and not later', async (subject) => {
  const server = await secureServer();
  const name = JSON.stringify(file('late.pem', certificate().ca));
  const source = `process.env.NODE_EXTRA_CA_CERTS = ${name}; new LayerAPI(config)${PRINT.slice('layer'.length)}`;
  assert.strictEqual((await ask(subject, server, { source })).stdout, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE\n');
});

both('NODE_EXTRA_CA_CERTS: a file that cannot be used is warned of, once, and all goes on', async (subject) => {
  const server = await secureServer();
  for (const name of [path.join(folder, 'none.pem'), file('bad.pem', 'no certificate')]) {
    const { stdout, stderr } = await ask(subject, server, { env: { NODE_EXTRA_CA_CERTS: name } });
    assert.strictEqual(stdout, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE\n');
    // Node prints it where the file is not there, and says nothing of one without certificates.
    if (!name.includes('bad')) assert.strictEqual(stderr.split('Ignoring extra certs from').length, 2, stderr);
  }
});

both('NODE_TLS_REJECT_UNAUTHORIZED=0: any server passes, with a warning of the process, once', async (subject) => {
  const server = await secureServer(undefined, selfSigned({ name: 'elsewhere.test', days: [-10, -5] }));
  const source = `${PRINT} setTimeout(() => { ${PRINT} }, 200);`;
  const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const { stdout, stderr } = await ask(subject, server, { env, source });
  assert.strictEqual(stdout, '200\n200\n');
  assert.strictEqual(stderr.split('NODE_TLS_REJECT_UNAUTHORIZED').length, 2, stderr);
  for (const value of ['1', 'false', '']) {
    const { stdout: other } = await ask(subject, server, { env: { NODE_TLS_REJECT_UNAUTHORIZED: value } });
    assert.strictEqual(other, 'CERT_HAS_EXPIRED\n', value);
  }
});

both('NODE_TLS_REJECT_UNAUTHORIZED=0: rejectUnauthorized of the agent wins', async (subject) => {
  const server = await secureServer(undefined, selfSigned());
  const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const refused = await ask(subject, server, { env, agentOptions: { rejectUnauthorized: true } });
  assert.strictEqual(refused.stdout, 'DEPTH_ZERO_SELF_SIGNED_CERT\n');
});

both('NODE_TLS_REJECT_UNAUTHORIZED: is read at each connection', async (subject) => {
  const server = await secureServer(undefined, selfSigned());
  const source = program('environment/reject-unauthorized.js');
  const refused = 'DEPTH_ZERO_SELF_SIGNED_CERT';
  const { stdout } = await ask(subject, server, { source });
  assert.deepStrictEqual(stdout.trim().split('\n'), [refused, '200', refused, '200', refused]);
});

both('NODE_TLS_REJECT_UNAUTHORIZED=0: a session without verification is not resumed with it', async (subject) => {
  const server = await secureServer(undefined, { ...selfSigned(), maxVersion: 'TLSv1.2' });
  const source = program('environment/session.js');
  const { stdout } = await ask(subject, server, { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, source });
  // Node resumes it, and looks at the certificate again.
  assert.strictEqual(stdout, '200\nDEPTH_ZERO_SELF_SIGNED_CERT\n');
});

both('the command line limits the versions of TLS', async (subject) => {
  const spoken = [];
  const server = await secureServer((request, response) => {
    spoken.push(request.socket.getProtocol());
    response.end('{}');
  });
  const agentOptions = { ca: certificate().ca };
  await ask(subject, server, { agentOptions, args: ['--tls-max-v1.2'] });
  await ask(subject, server, { agentOptions, env: { NODE_OPTIONS: '--tls-max-v1.2' } });
  await ask(subject, server, {
    agentOptions,
    args: ['--tls-max-v1.2'],
    source: `config.agentOptions.maxVersion = 'TLSv1.3'; new LayerAPI(config)${PRINT.slice(5)}`,
  });
  assert.deepStrictEqual(spoken, ['TLSv1.2', 'TLSv1.2', 'TLSv1.3']);
});

/** A proxy for both schemes; `asked` is what it was asked for. */
async function proxyServer() {
  const asked = [];
  const server = http.createServer((request, response) => {
    asked.push(`${request.method} ${new URL(request.url).host}`);
    const { port, hostname } = new URL(request.url);
    request.pipe(http.request({ port, hostname, path: '/', method: request.method }, (reply) => reply.pipe(response)));
  });
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    const onward = net.connect(request.url.split(':')[1], '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [socket, onward]) end.on('error', () => end.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onClose(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, url: `http://127.0.0.1:${server.address().port}` };
}

/** Asks with a client without an agent, so that the environment has its say. */
async function askPlainly(server, env, config = {}) {
  const source = `
    const LayerAPI = require('./');
    const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID, ...${JSON.stringify(config)} });
    ${PRINT}`;
  const cleared = {};
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'])
    cleared[name] = '';
  return (await run(source, { server, env: { ...NONE, ...cleared, ...env } })).stdout.trim();
}

test('NODE_USE_ENV_PROXY=1: requests go through HTTP_PROXY and HTTPS_PROXY, in capitals or not', async () => {
  const plain = await plainServer();
  const secure = await secureServer();
  const { asked, url } = await proxyServer();
  const env = { NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: file('proxied.pem', certificate().ca) };
  for (const name of ['HTTP_PROXY', 'http_proxy']) {
    assert.strictEqual(await askPlainly(plain, { ...env, [name]: url }), '200');
  }
  for (const name of ['HTTPS_PROXY', 'https_proxy']) {
    assert.strictEqual(await askPlainly(secure, { ...env, [name]: url }), '200');
  }
  const [viaPlain, viaSecure] = [`GET 127.0.0.1:${plain.port}`, `CONNECT 127.0.0.1:${secure.port}`];
  assert.deepStrictEqual(asked, [viaPlain, viaPlain, viaSecure, viaSecure]);
  // The one for the other scheme plays no part.
  assert.strictEqual(await askPlainly(secure, { ...env, HTTP_PROXY: url }), '200');
  assert.strictEqual(asked.length, 4);
});

test('NO_PROXY: names the hosts that are asked directly', async () => {
  const plain = await plainServer();
  const { asked, url } = await proxyServer();
  const env = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: url };
  const direct = ['*', '127.0.0.1', `127.0.0.1:${plain.port}`, 'x.test, 127.0.0.1', '127.0.0.0-127.0.0.9', '.0.0.1'];
  for (const list of direct) {
    assert.strictEqual(await askPlainly(plain, { ...env, NO_PROXY: list }), '200');
    assert.strictEqual(await askPlainly(plain, { ...env, no_proxy: list }), '200');
  }
  assert.deepStrictEqual(asked, []);
  for (const list of ['127.0.0.1:1', 'x.test', '127.0.0.2-127.0.0.9', '.test', '*.0.0.2']) {
    assert.strictEqual(await askPlainly(plain, { ...env, NO_PROXY: list }), '200');
  }
  assert.strictEqual(asked.length, 5);
});

test('without NODE_USE_ENV_PROXY, and with an agent, the variables of proxies play no part', async () => {
  const plain = await plainServer();
  const { asked, url } = await proxyServer();
  const env = { HTTP_PROXY: url, http_proxy: url, HTTPS_PROXY: url, ALL_PROXY: url };
  assert.strictEqual(await askPlainly(plain, env), '200');
  assert.strictEqual(await askPlainly(plain, { ...env, NODE_USE_ENV_PROXY: '0' }), '200');
  assert.strictEqual(await askPlainly(plain, { ...env, NODE_USE_ENV_PROXY: '1' }, { agentOptions: {} }), '200');
  assert.deepStrictEqual(asked, []);
  assert.strictEqual(await askPlainly(plain, { NODE_USE_ENV_PROXY: '1' }, { proxy: url }), '200');
  assert.strictEqual(asked.length, 1);
});
