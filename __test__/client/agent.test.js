'use strict';

/**
 * Connections: who keeps, shares and limits them, and whom they trust. Most rules are also held against the original.
 */

const assert = require('node:assert');
const { createPrivateKey } = require('node:crypto');
const http = require('node:http');
const https = require('node:https');
const { afterEach, test } = require('node:test');
const { inspect } = require('node:util');
const {
  APP_ID,
  LayerAPI,
  OK,
  TOKEN,
  certificate,
  client,
  clientOf,
  closeAll,
  connectionsTo,
  eachRequest,
  get,
  held,
  plainServer,
  secureServer,
  selfSigned,
  sleep,
  subjects,
  tlsServer,
  together,
  until,
  within,
} = require('./support.js');

afterEach(closeAll);

/** One test for each of the two clients: what holds for ours has to hold for the original. */
function both(name, body) {
  for (const subject of Object.values(subjects)) test(`${name} (${subject.name})`, () => body(subject));
}

const answered = (outcomes) => outcomes.map(({ error, result }) => (error ? error.message : result.status));
const times = (count, make) => Array.from({ length: count }, (_, index) => make(index));

both('keepAlive carries all requests over one connection and says so', async (subject) => {
  const headers = [];
  const server = await secureServer((request, response) => {
    headers.push(request.headers.connection);
    response.end('{}');
  });
  const layer = clientOf(subject, server, { keepAlive: true });
  for (let index = 0; index < 4; index++) assert.strictEqual((await get(layer)).result.status, 200);
  assert.deepStrictEqual(
    headers,
    times(4, () => 'keep-alive'),
  );
  assert.strictEqual(server.opened, 1);
});

both('without keepAlive each request has a connection of its own and says so', async (subject) => {
  const headers = [];
  const server = await secureServer((request, response) => {
    headers.push(request.headers.connection);
    response.end('{}');
  });
  const layer = clientOf(subject, server);
  for (let index = 0; index < 3; index++) assert.strictEqual((await get(layer)).result.status, 200);
  assert.deepStrictEqual(
    headers,
    times(3, () => 'close'),
  );
  assert.strictEqual(server.opened, 3);
  await until(() => server.open.size === 0, 'all connections are closed');
});

both('without keepAlive a connection is closed even if the server would keep it', async (subject) => {
  const server = await tlsServer((socket) => eachRequest(socket, () => socket.write(OK)));
  assert.strictEqual((await get(clientOf(subject, server))).result.status, 200);
  await until(() => server.open.size === 0, 'the connection is closed');
});

for (const keepAlive of [true, false]) {
  both(`maxSockets: 2, keepAlive: ${keepAlive}: six requests share two connections in their order`, async (subject) => {
    const arrived = [];
    const headers = new Set();
    const waiting = [];
    const server = await secureServer((request, response) => {
      arrived.push(Number(/users\/(\d)/.exec(request.url)[1]));
      headers.add(request.headers.connection);
      // There are always two under way, and the one that came first is answered.
      waiting.push(response);
      if (waiting.length === 2) waiting.shift().end('{}');
      if (arrived.length === 6) waiting.shift().end('{}');
    });
    const layer = clientOf(subject, server, { keepAlive, maxSockets: 2 });
    const outcomes = await Promise.all(times(6, (index) => get(layer, String(index))));
    assert.deepStrictEqual(
      answered(outcomes),
      times(6, () => 200),
    );
    // Two are on their way at a time and may overtake each other, but nobody else.
    for (const [position, index] of arrived.entries()) assert.ok(Math.abs(position - index) <= 1, String(arrived));
    assert.ok(server.mostOpen <= 2, `${server.mostOpen} connections at a time`);
    // Node hands a connection on to whoever waits for one, also where none is kept afterwards.
    assert.deepStrictEqual({ opened: server.opened, headers: [...headers] }, { opened: 2, headers: ['keep-alive'] });
    if (!keepAlive) await until(() => server.open.size === 0, 'the connections are closed');
  });
}

both('maxSockets: 1: requests are sent and answered in the order of the calls', async (subject) => {
  const arrived = [];
  const server = await secureServer((request, response) => {
    arrived.push(Number(/users\/(\d+)/.exec(request.url)[1]));
    response.end('{}');
  });
  const layer = clientOf(subject, server, { keepAlive: true, maxSockets: 1 });
  const order = [];
  await Promise.all(times(12, (index) => get(layer, String(index)).then(() => order.push(index))));
  assert.deepStrictEqual([arrived, order], [times(12, Number), times(12, Number)]);
});

both('a failed request gives its turn to the next one', async (subject) => {
  let count = 0;
  const server = await secureServer((request, response) => {
    if (count++ % 2 === 0) request.socket.destroy();
    else response.end('{}');
  });
  const layer = clientOf(subject, server, { keepAlive: true, maxSockets: 1 });
  const outcomes = await Promise.all(times(4, () => get(layer)));
  assert.deepStrictEqual(answered(outcomes), ['socket hang up', 200, 'socket hang up', 200]);
});

both('maxFreeSockets: 1 keeps one connection of those that have come to rest', async (subject) => {
  const server = await secureServer(together(4));
  const layer = clientOf(subject, server, { keepAlive: true, maxFreeSockets: 1 });
  await Promise.all(times(4, () => get(layer)));
  assert.strictEqual(server.opened, 4);
  await until(() => server.open.size === 1, 'one connection is left');
  await get(layer);
  assert.strictEqual(server.opened, 4);
});

test('calls in flight beyond maxFreeSockets keep their connections from one reply to the next request', async () => {
  for (let round = 0; round < 5; round++) {
    // They are kept for a tenth of a second.
    const server = await within(100, async (begin) => {
      const started = await secureServer(together(8, { isRepeated: true, whenAnswered: begin }));
      // The longer time that connections may rest anyway does not hold up those beyond the limit.
      const layer = client(started, { keepAlive: true, maxFreeSockets: 2, timeout: 60_000 });
      for (let index = 0; index < 2; index++) await Promise.all(times(8, () => get(layer)));
      return started;
    });
    assert.strictEqual(server.opened, 8);
    await until(
      () => server.open.size === 2,
      'two connections are left',
      () => server.open.size,
    );
  }
});

both('clients with the same agent share its limit and its idle connections', async (subject) => {
  const server = await secureServer((_request, response) => setTimeout(() => response.end('{}'), 20));
  const agent = new https.Agent(subject.agentOptions(server, { keepAlive: true, maxSockets: 2 }));
  const [one, two] = times(2, () => clientOf(subject, server, {}, { agent }));
  const outcomes = await Promise.all(times(6, (index) => get(index % 2 ? one : two)));
  assert.deepStrictEqual(
    answered(outcomes),
    times(6, () => 200),
  );
  assert.strictEqual(server.opened, 2);
  await get(one);
  await get(two);
  assert.strictEqual(server.opened, 2);
});

both('clients with equal agentOptions share nothing', async (subject) => {
  const server = await secureServer();
  for (let index = 0; index < 2; index++) await get(clientOf(subject, server, { keepAlive: true }));
  assert.strictEqual(server.opened, 2);
});

test("without an agent, connections are kept as by Node's global agent", async () => {
  const headers = [];
  const server = await plainServer((request, response) => {
    headers.push(request.headers.connection);
    response.end('{}');
  });
  for (let index = 0; index < 2; index++) {
    await get(new LayerAPI({ token: TOKEN, appId: APP_ID, baseUrl: server.url }));
  }
  const { keepAlive } = https.globalAgent;
  assert.deepStrictEqual(
    headers,
    times(2, () => (keepAlive ? 'keep-alive' : 'close')),
  );
  assert.strictEqual(server.opened, keepAlive ? 1 : 2);
});

both('timeout of an agent closes connections that rest for so long, and not before', async (subject) => {
  const [server, layer] = await within(200, async (begin) => {
    const started = await secureServer(together(1, { whenAnswered: begin }));
    const made = clientOf(subject, started, { keepAlive: true, timeout: 200 });
    await get(made);
    await sleep(60);
    await get(made);
    return [started, made];
  });
  assert.strictEqual(server.opened, 1);
  await until(
    () => server.open.size === 0,
    'the connection is closed',
    () => server.open.size,
  );
  assert.strictEqual((await get(layer)).result.status, 200);
  assert.strictEqual(server.opened, 2);
});

test('timeout of an agent does not bear on requests under way', async () => {
  const server = await secureServer((_request, response) => setTimeout(() => response.end('{}'), 200));
  const layer = client(server, { keepAlive: true, timeout: 50 });
  assert.strictEqual((await get(layer)).result?.status, 200);
});

for (const scheduling of ['lifo', 'fifo']) {
  both(`scheduling: ${scheduling} chooses among idle connections`, async (subject) => {
    const { handler, next } = held();
    const server = await secureServer(handler);
    const layer = clientOf(subject, server, { keepAlive: true, scheduling });
    const outcomes = [get(layer), get(layer)];
    const responses = [await next(), await next()];
    const ports = responses.map(({ socket }) => socket.remotePort);
    // The first connection comes to rest first.
    responses[0].end('{}');
    await Promise.race(outcomes);
    await sleep(20);
    responses[1].end('{}');
    await Promise.all(outcomes);
    outcomes.push(get(layer));
    const response = await next();
    assert.strictEqual(ports.indexOf(response.socket.remotePort), scheduling === 'fifo' ? 0 : 1);
    response.end('{}');
    assert.deepStrictEqual(answered(await Promise.all(outcomes)), [200, 200, 200]);
  });
}

both('ca: the server of another authority is refused', async (subject) => {
  const server = await secureServer();
  const { error } = await get(clientOf(subject, server, { ca: selfSigned().cert }));
  assert.strictEqual(error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

both('ca: several certificates, as array of texts and buffers or in one text', async (subject) => {
  const server = await secureServer();
  const { ca } = certificate();
  const other = selfSigned().cert;
  for (const list of [[other, Buffer.from(ca)], `${other}\n${ca}`, Buffer.from(ca), [ca]]) {
    assert.strictEqual((await get(clientOf(subject, server, { ca: list }))).result?.status, 200);
  }
});

both('cert and key prove who the client is', async (subject) => {
  const own = selfSigned({ name: 'client', isClient: true });
  const names = [];
  const answer = (request, response) => {
    names.push(request.socket.getPeerCertificate().subject?.CN);
    response.end('{}');
  };
  const server = await secureServer(answer, { requestCert: true, rejectUnauthorized: true, ca: own.cert });
  assert.strictEqual((await get(clientOf(subject, server, own))).result?.status, 200);
  assert.strictEqual((await get(clientOf(subject, server, { cert: Buffer.from(own.cert), key: own.key }))).error, null);
  assert.deepStrictEqual(names, ['client', 'client']);
});

both('a server that demands a certificate refuses a client without one, with one callback', async (subject) => {
  const options = { requestCert: true, rejectUnauthorized: true, ca: selfSigned({ isClient: true }).cert };
  const server = await secureServer(undefined, options);
  const outcome = await get(clientOf(subject, server));
  await sleep(50);
  assert.ok(outcome.error instanceof Error, inspect(outcome));
  assert.match(outcome.error.code, /^(ECONNRESET|ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED|EPROTO)$/);
  assert.strictEqual(outcome.calls, 1);
});

test('rejectUnauthorized: false accepts any certificate', async () => {
  const certificates = [
    selfSigned(),
    selfSigned({ name: 'elsewhere.test' }),
    selfSigned({ days: [-10, -5] }),
    selfSigned({ days: [5, 10] }),
  ];
  for (const own of certificates) {
    const server = await secureServer(undefined, own);
    assert.strictEqual((await get(client(server, { ca: undefined, rejectUnauthorized: false }))).result?.status, 200);
  }
});

both('servername is asked for and checked in place of the host', async (subject) => {
  const asked = [];
  const own = selfSigned({ name: 'elsewhere.test' });
  const answer = (request, response) => {
    asked.push(request.socket.servername);
    response.end('{}');
  };
  const server = await secureServer(answer, own);
  const right = await get(clientOf(subject, server, { ca: own.cert, servername: 'elsewhere.test' }));
  assert.strictEqual(right.result?.status, 200);
  const wrong = await get(clientOf(subject, server, { ca: own.cert, servername: 'nowhere.test' }));
  assert.strictEqual(wrong.error?.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
  assert.deepStrictEqual(asked, ['elsewhere.test']);
});

test('host and port of an agent lead elsewhere, and the Host header stays', async () => {
  let host;
  const server = await secureServer((request, response) => {
    host = request.headers.host;
    response.end('{}');
  });
  for (const port of [server.port, String(server.port)]) {
    const layer = client({ url: 'https://api.layer.com' }, { host: '127.0.0.1', port });
    assert.strictEqual((await get(layer)).result?.status, 200);
    assert.strictEqual(host, 'api.layer.com');
  }
});

test('an option that is not supported is refused by name when the client is made', () => {
  const unsupported = {
    socketPath: '/x',
    localPort: 5000,
    freeSocketTimeout: 1,
    secureContext: {},
    session: Buffer.alloc(1),
    createConnection() {},
    pskCallback() {},
    enableTrace: true,
    privateKeyEngine: 'x',
  };
  for (const [name, value] of Object.entries(unsupported)) {
    const agentOptions = { [name]: value };
    for (const given of [{ agentOptions }, { agent: new https.Agent(agentOptions) }]) {
      assert.throws(
        () => new LayerAPI({ token: TOKEN, appId: APP_ID, ...given }),
        (error) => error instanceof Error && error.message.includes(`\`${name}\``),
        name,
      );
    }
  }
});

const own = selfSigned({ isClient: true });
const sealed = (key, passphrase) =>
  createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
const UNUSABLE = [
  ['ca', 'no PEM', { ca: 'no PEM' }],
  ['ca', 'a number', { ca: 5 }],
  ['cert', 'no PEM', { cert: 'no PEM', key: own.key }],
  ['cert', 'missing', { key: own.key }],
  ['cert', 'of another key', { cert: own.cert, key: selfSigned().key }],
  ['key', 'no PEM', { cert: own.cert, key: 'no PEM' }],
  ['key', 'missing', { cert: own.cert }],
  ['servername', 'no name', { servername: 'no name' }],
  ['port', 'no number', { port: 'http' }],
  ['port', 'too large', { port: 70000 }],
  ['maxSockets', 'an object', { maxSockets: {} }],
  ['scheduling', 'unknown', { scheduling: 'random' }],
  ['maxTotalSockets', 'none at all', { maxTotalSockets: 0 }],
  ['family', 'unknown', { family: 5 }],
  ['localAddress', 'a name', { localAddress: 'localhost' }],
  ['lookup', 'no function', { lookup: '1.1.1.1' }],
  ['checkServerIdentity', 'no function', { checkServerIdentity: true }],
  ['autoSelectFamily', 'no boolean', { autoSelectFamily: 'yes' }],
  ['minVersion', 'unknown', { minVersion: 'SSLv3' }],
  ['maxVersion', 'too old', { maxVersion: 'TLSv1.1' }],
  ['maxVersion', 'below minVersion', { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' }],
  ['secureProtocol', 'too old', { secureProtocol: 'TLSv1_method' }],
  ['secureProtocol', 'together with minVersion', { secureProtocol: 'TLS_method', minVersion: 'TLSv1.2' }],
  ['secureOptions', 'unknown flags', { secureOptions: 0x80 }],
  ['ciphers', 'unavailable', { ciphers: 'ECDHE-RSA-AES256-GCM-SHA384:AES256-SHA' }],
  ['ciphers', 'unknown', { ciphers: 'nonsense' }],
  ['ciphers', 'nothing left', { ciphers: 'HIGH:!ALL' }],
  ['ciphers', 'of a version that is not spoken', { ciphers: 'TLS_AES_128_GCM_SHA256', maxVersion: 'TLSv1.2' }],
  ['ecdhCurve', 'unavailable', { ecdhCurve: 'P-521' }],
  ['sigalgs', 'unavailable', { sigalgs: 'RSA+SHA1' }],
  ['ALPNProtocols', 'another protocol', { ALPNProtocols: ['h2', 'http/1.1'] }],
  ['crl', 'no PEM', { crl: 'no PEM' }],
  ['pfx', 'no file', { pfx: Buffer.from('no file') }],
  ['cert', 'several', { cert: [own.cert, own.cert], key: own.key }],
  ['passphrase', 'missing', { cert: own.cert, key: sealed(own.key, 'x') }],
  ['passphrase', 'wrong', { cert: own.cert, key: sealed(own.key, 'x'), passphrase: 'y' }],
];
for (const [name, what, agentOptions] of UNUSABLE) {
  test(`an unusable option is refused by name when the client is made: ${name}, ${what}`, () => {
    assert.throws(
      () => new LayerAPI({ token: TOKEN, appId: APP_ID, agentOptions }),
      (error) => error instanceof Error && error.message.includes(name),
    );
  });
}

both('settings that come from the environment as text are taken as numbers', async (subject) => {
  const server = await secureServer();
  const layer = clientOf(subject, server, { keepAlive: true, maxSockets: '1', maxFreeSockets: '1' });
  await Promise.all([get(layer), get(layer)]);
  assert.strictEqual(server.opened, 1);
});

both('keepAlive is whatever JavaScript takes for true', async (subject) => {
  const server = await secureServer();
  const layer = clientOf(subject, server, { keepAlive: 1 });
  await get(layer);
  await get(layer);
  assert.strictEqual(server.opened, 1);
});

both(
  'ca: a certificate that is marked as an authority and that the server shows itself is trusted',
  async (subject) => {
    const own = selfSigned({ isAuthority: true });
    const server = await secureServer(undefined, own);
    assert.strictEqual((await get(clientOf(subject, server, { ca: own.cert }))).result?.status, 200);
    assert.ok((await get(clientOf(subject, server, { ca: selfSigned().cert }))).error);
  },
);

both('an agent with a way to connect of its own is refused or connects in that way', async (subject) => {
  const server = await secureServer();
  let asked = 0;
  class OwnAgent extends https.Agent {
    createConnection(...args) {
      asked++;
      return super.createConnection(...args);
    }
  }
  let layer;
  try {
    layer = clientOf(subject, server, {}, { agent: new OwnAgent(subject.agentOptions(server)) });
  } catch (error) {
    assert.match(error.message, /createConnection .*`proxy`/);
    return;
  }
  await get(layer);
  assert.strictEqual(asked, 1);
});

test("the options that Node's agents have by themselves are accepted", () => {
  for (const options of [{}, { keepAlive: true }, { keepAlive: true, keepAliveMsecs: 500, maxCachedSessions: 0 }]) {
    new LayerAPI({ token: TOKEN, appId: APP_ID, agent: new https.Agent(options) });
  }
  new LayerAPI({ token: TOKEN, appId: APP_ID, agent: https.globalAgent });
});

both("an agent that is not an https.Agent is refused with the original's text", async (subject) => {
  for (const agent of [{}, new http.Agent(), 'agent', true, function agent() {}]) {
    assert.throws(() => new subject.LayerAPI({ token: TOKEN, appId: APP_ID, agent }), {
      name: 'Error',
      message: 'Constructor option `agent` needs to be an instance of https.Agent',
    });
  }
});

both('an agent comes before agentOptions', async (subject) => {
  const server = await secureServer();
  const agent = new https.Agent(subject.agentOptions(server, { keepAlive: true }));
  const layer = clientOf(subject, server, {}, { agent, agentOptions: { ca: selfSigned().cert } });
  assert.strictEqual((await get(layer)).result?.status, 200);
});

both('a kept connection that the server has closed does not fail the next request', async (subject) => {
  const server = await secureServer();
  server.server.keepAliveTimeout = 20;
  const layer = clientOf(subject, server, { keepAlive: true });
  for (let index = 0; index < 3; index++) {
    assert.strictEqual((await get(layer)).result?.status, 200);
    await until(() => server.open.size === 0, 'the server has closed the connection');
    await sleep(20);
  }
  assert.strictEqual(server.opened, 3);
});

both('a connection is not kept where the server announces that it will not last', async (subject) => {
  const server = await secureServer((_request, response) => {
    response.setHeader('Connection', 'keep-alive');
    response.setHeader('Keep-Alive', 'timeout=1');
    response.end('{}');
  });
  const layer = clientOf(subject, server, { keepAlive: true });
  await get(layer);
  await get(layer);
  assert.strictEqual(server.opened, 2);
});

both('a connection that the server keeps for one request only is not used again', async (subject) => {
  const server = await tlsServer((socket) => {
    eachRequest(socket, () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}'));
  });
  const layer = clientOf(subject, server, { keepAlive: true });
  for (let index = 0; index < 20; index++) assert.strictEqual((await get(layer)).error, null);
  assert.strictEqual(server.opened, 20);
});

for (const how of ['end', 'destroy']) {
  both(`a server that closes (${how}) as the next request comes: one callback, sent once at most`, async (subject) => {
    const seen = new Map();
    const server = await tlsServer((socket) => {
      eachRequest(socket, (head) => {
        const [user] = /race\d+/.exec(head);
        seen.set(user, (seen.get(user) ?? 0) + 1);
        // The second request on a connection finds it closing.
        socket.write(OK, () => setImmediate(() => socket[how]()));
      });
    });
    const layer = clientOf(subject, server, { keepAlive: true });
    const outcomes = [];
    for (let index = 0; index < 200; index++) {
      outcomes.push(await get(layer, `race${index}`));
      if (index % 3 === 1) await sleep(index % 2);
    }
    await sleep(50);
    for (const { user, calls, error, result } of outcomes) {
      assert.strictEqual(calls, 1);
      if (error) assert.match(error.code, /^(ECONNRESET|EPIPE)$/, error.stack);
      else assert.strictEqual(result.status, 200);
      assert.ok((seen.get(user) ?? 0) <= 1, `${user} was sent ${seen.get(user)} times`);
    }
  });
}

test('a body that was sent is not sent again when its kept connection is closed', async () => {
  const bodies = [];
  const server = await secureServer((request, response) => {
    let body = '';
    request.on('data', (data) => {
      body += data;
    });
    request.on('end', () => {
      bodies.push(JSON.parse(body).n);
      if (bodies.length === 1) response.end('{}');
      else request.socket.destroy();
    });
  });
  const layer = client(server, { keepAlive: true });
  const create = (n) => new Promise((resolve) => layer.conversations.create({ n }, resolve));
  assert.strictEqual(await create(1), null);
  assert.strictEqual((await create(2)).code, 'ECONNRESET');
  await sleep(50);
  assert.deepStrictEqual(bodies, [1, 2]);
});

test('bytes that nobody asked for end a kept connection and no request', async () => {
  const server = await tlsServer((socket) => {
    socket.setNoDelay(true);
    eachRequest(socket, () => {
      socket.write(OK);
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"another"'), 10);
    });
  });
  const layer = client(server, { keepAlive: true });
  for (let index = 0; index < 3; index++) {
    assert.deepStrictEqual((await get(layer)).result?.body, {});
    await until(() => server.open.size === 0, 'the connection is closed');
  }
  assert.strictEqual(server.opened, 3);
});

test('a thousand requests at once are all answered within the limit', async () => {
  const server = await plainServer();
  const layer = client(server, { ca: undefined, keepAlive: true, maxSockets: 50 });
  const outcomes = await Promise.all(times(1000, (index) => get(layer, String(index))));
  assert.deepStrictEqual(
    outcomes.filter(({ calls, result }) => calls !== 1 || result?.status !== 200),
    [],
  );
  assert.ok(server.mostOpen <= 50, `${server.mostOpen} connections at a time`);
});

both('maxTotalSockets: connections to all servers together are limited, idle ones make room', async (subject) => {
  const servers = await Promise.all(
    times(2, () => secureServer((_request, response) => setTimeout(() => response.end('{}'), 20))),
  );
  const open = () => servers.reduce((sum, server) => sum + server.open.size, 0);
  // The original knows one server only.
  const used = subject.name === 'ours' ? servers : [servers[0], servers[0]];
  const agent = new https.Agent(subject.agentOptions(servers[0], { keepAlive: true, maxTotalSockets: 2 }));
  const layers = used.map((server) => clientOf(subject, server, {}, { agent }));
  const pending = times(8, (index) => get(layers[index % 2]));
  let most = 0;
  const timer = setInterval(() => {
    // One that the client has closed may be open at the other end for a while yet.
    most = Math.max(most, connectionsTo(servers, ['ESTABLISHED', 'SYN_SENT']).length);
  }, 1);
  const outcomes = await Promise.all(pending);
  for (let index = 0; index < 4; index++) outcomes.push(await get(layers[index % 2]));
  clearInterval(timer);
  assert.deepStrictEqual(
    answered(outcomes),
    times(12, () => 200),
  );
  assert.ok(most <= 2, `${most} connections at a time`);
  await until(() => open() <= 2, 'those beyond the limit are closed', open);
});

both('destroy() of an agent closes its idle connections, and it can be used again', async (subject) => {
  const server = await secureServer();
  const agent = new https.Agent(subject.agentOptions(server, { keepAlive: true }));
  const layer = clientOf(subject, server, {}, { agent });
  await get(layer);
  await sleep(20);
  assert.strictEqual(server.open.size, 1);
  agent.destroy();
  await until(() => server.open.size === 0, 'the connection is closed');
  assert.strictEqual((await get(layer)).result?.status, 200);
  assert.strictEqual(server.opened, 2);
  agent.destroy();
});

test('destroy() of an agent does not bear on requests under way', async () => {
  const server = await secureServer((_request, response) => setTimeout(() => response.end('{}'), 200));
  const agent = new https.Agent({ keepAlive: true, ca: certificate().ca });
  const pending = get(client(server, {}, { agent }));
  await until(() => server.open.size === 1, 'the request is under way');
  agent.destroy();
  assert.strictEqual((await pending).result?.status, 200);
});

test('settings of an agent are read when the first client is made with it', async () => {
  const server = await secureServer((_request, response) => setTimeout(() => response.end('{}'), 20));
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: certificate().ca });
  const layers = [client(server, {}, { agent })];
  agent.maxSockets = 5;
  layers.push(client(server, {}, { agent }));
  await Promise.all(times(6, (index) => get(layers[index % 2])));
  assert.strictEqual(server.opened, 1);
});

both('without an agent, settings of https.globalAgent count', async (subject) => {
  const server = await secureServer((_request, response) => setTimeout(() => response.end('{}'), 20));
  const leading = { host: '127.0.0.1', port: server.port, ca: certificate().ca };
  const usual = https.globalAgent;
  https.globalAgent = new https.Agent({ ...leading, keepAlive: true, maxSockets: 2 });
  try {
    const layer = new subject.LayerAPI({ token: TOKEN, appId: APP_ID });
    const outcomes = await Promise.all(times(6, () => get(layer)));
    assert.deepStrictEqual(
      answered(outcomes),
      times(6, () => 200),
    );
    assert.strictEqual(server.opened, 2);
  } finally {
    https.globalAgent.destroy();
    https.globalAgent = usual;
  }
});

test('a global agent with a way to connect of its own is refused where no other is given', () => {
  const usual = https.globalAgent;
  class Tunnel extends https.Agent {
    addRequest() {}
  }
  https.globalAgent = new Tunnel();
  try {
    assert.throws(() => new LayerAPI({ token: TOKEN, appId: APP_ID }), /globalAgent.*addRequest.*`proxy`/);
    assert.ok(new LayerAPI({ token: TOKEN, appId: APP_ID, agentOptions: {} }));
  } finally {
    https.globalAgent = usual;
  }
});

const EARLY = {
  'nothing more': '',
  'that it closes': 'Connection: close\r\n',
  'that it closes soon': 'Keep-Alive: timeout=1\r\n',
};
for (const [what, header] of Object.entries(EARLY)) {
  // The original waits for the rest of the body to be read, and nobody after it gets a turn.
  test(`a reply before the body was read, saying ${what}, gives the turn to the next request`, async () => {
    const server = await tlsServer((socket) => {
      socket.once('data', (data) => {
        // It never reads the rest of the large one.
        if (data.includes('POST')) socket.pause();
        socket.write(OK.replace('\r\n', `\r\n${header}`));
      });
    });
    const layer = client(server, { keepAlive: true, maxSockets: 1 });
    const first = new Promise((resolve) => {
      layer.conversations.create({ text: 'x'.repeat(32e6) }, (error, result) => resolve({ error, result }));
    });
    // One that got no turn would be given up.
    assert.deepStrictEqual(answered([await get(layer), await first]), [200, 200]);
  });
}
