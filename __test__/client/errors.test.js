'use strict';

/** Requests without a reply: the errors are Node's, as the original hands them on. */

const assert = require('node:assert');
const { generateKeyPairSync } = require('node:crypto');
const { afterEach, test } = require('node:test');
const util = require('node:util');
const { md, pki } = require('node-forge');
const {
  APP_ID,
  LayerAPI,
  OK,
  TOKEN,
  besideLookup,
  certificate,
  client,
  clientOf,
  closeAll,
  eachRequest,
  freePort,
  get,
  plainServer,
  run,
  secureServer,
  selfSigned,
  sleep,
  subjects,
  tcpServer,
  tlsServer,
} = require('./support.js');

afterEach(closeAll);

const FIELDS = ['name', 'message', 'code', 'errno', 'syscall', 'address', 'port', 'hostname'];

const portray = (error) => Object.fromEntries(FIELDS.map((field) => [field, error?.[field]]));

/** The error of each client for the same server. */
async function errorsOf(server, options) {
  const outcomes = {};
  for (const subject of Object.values(subjects)) {
    const outcome = await get(clientOf(subject, server, options));
    await sleep(20);
    assert.strictEqual(outcome.calls, 1);
    assert.ok(outcome.error instanceof Error, `${subject.name}: ${util.inspect(outcome.result)}`);
    assert.strictEqual(outcome.result, undefined);
    outcomes[subject.name] = outcome.error;
  }
  return outcomes;
}

/** The errors are the same in all fields, or at least in these. */
function assertSame({ original, ours }, fields = FIELDS) {
  const pick = (error) => Object.fromEntries(fields.map((field) => [field, portray(error)[field]]));
  assert.deepStrictEqual(pick(ours), pick(original));
}

test('nobody listens: ECONNREFUSED with all fields of Node', async () => {
  const port = await freePort();
  const errors = await errorsOf({ port, url: `https://127.0.0.1:${port}` });
  assertSame(errors);
  assert.deepStrictEqual(portray(errors.ours), {
    name: 'Error',
    message: `connect ECONNREFUSED 127.0.0.1:${port}`,
    code: 'ECONNREFUSED',
    errno: -111,
    syscall: 'connect',
    address: '127.0.0.1',
    port,
    hostname: undefined,
  });
});

test('nobody listens at an IPv6 address: ECONNREFUSED as Node words it', async () => {
  const port = await freePort();
  const options = { host: '::1' };
  const outcomes = {};
  for (const subject of Object.values(subjects)) {
    const server = { port, url: `https://[::1]:${port}` };
    const agentOptions = subject.name === 'original' ? options : {};
    outcomes[subject.name] = (await get(clientOf(subject, server, agentOptions))).error;
  }
  assertSame(outcomes);
});

test('a name that does not exist: the error of dns.lookup', async () => {
  const hostname = 'layer-api.invalid';
  const { expected, outcome } = await besideLookup(hostname, () => get(client({ url: `https://${hostname}` })));
  assert.deepStrictEqual(portray(outcome.error), portray(expected));
});

test('a name with several addresses on which nobody listens: an error that says ECONNREFUSED', async () => {
  const port = await freePort();
  const { error } = await get(client({ url: `https://localhost:${port}` }));
  assert.strictEqual(error.code, 'ECONNREFUSED');
});

const BEFORE_REPLY = {
  'end after the request': () => tlsServer((socket) => eachRequest(socket, () => socket.end())),
  'destroy after the request': () => tlsServer((socket) => eachRequest(socket, () => socket.destroy())),
  'end in the status line': () => tlsServer((socket) => eachRequest(socket, () => socket.end('HTTP/1.1 2'))),
  'end in the head': () => tlsServer((socket) => eachRequest(socket, () => socket.end('HTTP/1.1 200 OK\r\nA: b\r\n'))),
};
for (const [what, start] of Object.entries(BEFORE_REPLY)) {
  test(`the connection is closed before the reply, ${what}: socket hang up`, async () => {
    const errors = await errorsOf(await start());
    assert.deepStrictEqual(portray(errors.ours), {
      ...{ name: 'Error', message: 'socket hang up', code: 'ECONNRESET' },
      ...{ errno: undefined, syscall: undefined, address: undefined, port: undefined, hostname: undefined },
    });
    assertSame(errors);
  });
}

test('the connection is closed before the TLS handshake: ECONNRESET with the message of Node', async () => {
  const server = await tcpServer((socket) => socket.end(), 'https');
  assertSame(await errorsOf(server), ['name', 'message', 'code']);
});

test('the connection is reset before the TLS handshake: ECONNRESET with all fields of Node', async () => {
  const server = await tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()), 'https');
  assertSame(await errorsOf(server));
});

test('the connection is reset in place of a reply: ECONNRESET with all fields of Node', async () => {
  const server = await secureServer(() => {
    for (const socket of server.open) socket.resetAndDestroy();
  });
  const errors = await errorsOf(server);
  assert.strictEqual(errors.ours.message, 'read ECONNRESET');
  assertSame(errors);
});

test('the connection is reset over plain HTTP: read ECONNRESET', async () => {
  const server = await tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  const { error } = await get(client(server));
  assert.deepStrictEqual(
    [error.message, error.code, error.errno, error.syscall],
    ['read ECONNRESET', 'ECONNRESET', -104, 'read'],
  );
});

const IN_BODY = {
  'a length': OK.slice(0, -1),
  'a length, nothing of it': OK.slice(0, -2),
  chunks: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n',
  'a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{',
};
for (const [what, reply] of Object.entries(IN_BODY)) {
  for (const how of ['end', 'destroy']) {
    test(`the connection is closed (${how}) in the middle of a body with ${what}: aborted`, async () => {
      const server = await tlsServer((socket) => {
        eachRequest(socket, () => socket.write(reply, () => setTimeout(() => socket[how](), 10)));
      });
      const outcome = await get(client(server));
      await sleep(20);
      assert.strictEqual(outcome.calls, 1);
      assert.deepStrictEqual(
        [outcome.error?.name, outcome.error?.message, outcome.error?.code],
        ['Error', 'aborted', 'ECONNRESET'],
      );
    });
  }
}

test('a body without length or chunks ends with the connection', async () => {
  for (const subject of Object.values(subjects)) {
    const server = await tlsServer((socket) => eachRequest(socket, () => socket.end('HTTP/1.1 200 OK\r\n\r\n{"a":1}')));
    assert.deepStrictEqual((await get(clientOf(subject, server))).result, { status: 200, body: { a: 1 } });
  }
});

/** Code of each garbage reply in Node; the texts come from another parser. */
const GARBAGE = {
  'no HTTP': 'garbage\r\n\r\n',
  'bytes of no meaning': Buffer.from([0, 1, 2, 255, 254, 13, 10, 13, 10]),
  'a status that is no number': 'HTTP/1.1 abc OK\r\n\r\n',
  'a version that does not exist': 'HTTP/9.9 200 OK\r\n\r\n',
  'a length that is no number': 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
  'a header name that is none': 'HTTP/1.1 200 OK\r\na b: c\r\nContent-Length: 2\r\n\r\n{}',
};
for (const [what, reply] of Object.entries(GARBAGE)) {
  test(`a garbage reply, ${what}: a parse error with a code of Node's parser`, async () => {
    const { original, ours } = await errorsOf(
      await tlsServer((socket) => eachRequest(socket, () => socket.end(reply))),
    );
    assert.match(original.code, /^HPE_/);
    assert.match(ours.code, /^HPE_/);
    assert.match(ours.message, /^Parse Error: /);
  });
}

test('a garbage chunk: one callback with an error', async () => {
  const reply = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n';
  const outcome = await get(client(await tlsServer((socket) => eachRequest(socket, () => socket.end(reply)))));
  assert.ok(outcome.error instanceof Error);
  assert.strictEqual(outcome.calls, 1);
});

test('a reply that switches protocols, where the original is silent, is a result', async () => {
  const reply = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n';
  const server = await tlsServer((socket) => eachRequest(socket, () => socket.write(reply)));
  const { result, calls } = await get(client(server));
  assert.deepStrictEqual(result, { status: 101, body: '' });
  assert.strictEqual(calls, 1);
});

test('a server that speaks no TLS: EPROTO', async () => {
  const { port } = await plainServer();
  assertSame(await errorsOf({ port, url: `https://127.0.0.1:${port}` }), ['name', 'code']);
});

/** A certificate for the server, with that of its authority, which an authority that is not sent has signed. */
function withIntermediate() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const hidden = pki.privateKeyFromPem(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const intermediate = pki.certificateFromPem(certificate().ca);
  intermediate.setIssuer([{ name: 'commonName', value: 'hidden' }]);
  intermediate.sign(hidden, md.sha256.create());
  return { cert: certificate().cert + pki.certificateToPem(intermediate), key: certificate().key };
}

const CERTIFICATES = {
  'of a server that signs itself, where others are trusted': [() => selfSigned(), {}, ['name', 'code', 'message']],
  'of a server that signs itself as an authority does': [
    () => selfSigned({ isAuthority: true }),
    { ca: undefined },
    ['name', 'code', 'message'],
  ],
  'of an unknown authority': [() => certificate(), { ca: undefined }, ['name', 'code', 'message']],
  'of an unknown authority, sent with it': [
    () => ({ cert: certificate().cert + certificate().ca, key: certificate().key }),
    { ca: undefined },
    ['name', 'code', 'message'],
  ],
  'of an unknown authority, sent with another': [
    () => ({ cert: certificate().cert + selfSigned().cert, key: certificate().key }),
    { ca: undefined },
    ['name', 'code', 'message'],
  ],
  'of an authority that another, unknown one vouches for': [
    () => withIntermediate(),
    { ca: undefined },
    ['name', 'code', 'message'],
  ],
  'that has expired': [() => selfSigned({ days: [-10, -5] }), 'itself', ['name', 'code', 'message']],
  'that is not yet valid': [() => selfSigned({ days: [5, 10] }), 'itself', ['name', 'code', 'message']],
  'for another name': [() => selfSigned({ name: 'elsewhere.test' }), 'itself', ['name', 'code']],
};
for (const [what, [make, trust, fields]] of Object.entries(CERTIFICATES)) {
  test(`a certificate ${what}: the code of Node`, async () => {
    const { cert, key } = make();
    const server = await secureServer(undefined, { cert, key });
    const errors = await errorsOf(server, trust === 'itself' ? { ca: cert } : trust);
    assertSame(errors, fields);
  });
}

test('a certificate for another name: the message says what Node says', async () => {
  const { cert, key } = selfSigned({ name: 'elsewhere.test' });
  const { error } = await get(client(await secureServer(undefined, { cert, key }), { ca: cert }));
  assert.match(error.message, /^Hostname\/IP does not match certificate's altnames: /);
});

test('the promise form rejects with the same error', async () => {
  const port = await freePort();
  const layer = client({ url: `https://127.0.0.1:${port}` });
  await assert.rejects(layer.blocklist.getAsync('maria'), {
    name: 'Error',
    message: `connect ECONNREFUSED 127.0.0.1:${port}`,
    code: 'ECONNREFUSED',
    syscall: 'connect',
  });
});

test('errors carry the keys of Node in no other form', async () => {
  const port = await freePort();
  const { original, ours } = await errorsOf({ port, url: `https://127.0.0.1:${port}` });
  assert.deepStrictEqual(Object.keys(ours).toSorted(), Object.keys(original).toSorted());
  assert.strictEqual(ours.constructor, Error);
});

/** Everything that can be seen of a value without knowing where to look. */
const everythingOf = (value) =>
  [
    util.inspect(value, { depth: 9, showHidden: true, maxArrayLength: null, maxStringLength: null }),
    util.inspect(value, { depth: 9, showHidden: true, customInspect: false, getters: true }),
    String(value),
    JSON.stringify(value),
    ...(value instanceof Error ? [value.message, value.stack, JSON.stringify({ ...value })] : []),
  ].join('\n');

test('the token cannot be seen on a client', () => {
  const layer = new LayerAPI({ token: TOKEN, appId: APP_ID, agentOptions: { keepAlive: true } });
  for (const value of [layer, ...Object.values(layer), ...Object.values(layer.messages)]) {
    assert.ok(!everythingOf(value).includes(TOKEN));
  }
});

test('the token is in no error', async () => {
  const refused = await freePort();
  const servers = [
    { url: `https://127.0.0.1:${refused}` },
    await secureServer(undefined, selfSigned()),
    await secureServer(() => {}),
    await secureServer((request) => request.socket.destroy()),
    await tlsServer((socket) => eachRequest(socket, () => socket.end(OK.slice(0, -1)))),
    await tlsServer((socket) => eachRequest(socket, () => socket.end('garbage\r\n\r\n'))),
    await secureServer((_request, response) => {
      response.statusCode = 401;
      response.end('{"id":"authentication_required"}');
    }),
  ];
  for (const server of servers) {
    const layer = client(server, {}, { timeout: 150 });
    const rejected = await layer.blocklist.getAsync('maria').catch((error) => error);
    for (const error of [(await get(layer)).error, rejected]) {
      assert.ok(error instanceof Error);
      assert.ok(!everythingOf(error).includes(TOKEN), error.message);
    }
  }
});

test('neither token nor key is in what the constructor and the methods throw', () => {
  const { cert, key } = selfSigned();
  const secretOf = key.split('\n')[3];
  const configs = [
    { appId: 'wrong' },
    { baseUrl: `https://user:${TOKEN}@127.0.0.1` },
    { baseUrl: `ftp://${TOKEN}` },
    { proxy: `socks://user:${TOKEN}@127.0.0.1` },
    { agentOptions: { cert, key: key.slice(0, 300) } },
    { agentOptions: { cert: selfSigned().cert, key } },
    { agentOptions: { pfx: Buffer.from(TOKEN) } },
  ];
  for (const config of configs) {
    assert.throws(
      () => new LayerAPI({ token: TOKEN, appId: APP_ID, ...config }),
      (error) => !everythingOf(error).includes(TOKEN) && !everythingOf(error).includes(secretOf),
      Object.keys(config)[0],
    );
  }
  const token = `${TOKEN}\n`;
  assert.throws(
    () => new LayerAPI({ token, appId: APP_ID }).blocklist.get('maria', () => {}),
    (error) => error.code === 'ERR_INVALID_CHAR' && !everythingOf(error).includes(TOKEN),
  );
});

test('a proxy of the wrong type is refused without a word of what it holds', () => {
  const proxy = { host: '127.0.0.1', auth: `user:${TOKEN}` };
  assert.throws(
    () => new LayerAPI({ token: 'token', appId: APP_ID, proxy }),
    (error) => error.message.includes('proxy') && !everythingOf(error).includes(TOKEN),
  );
});

test('the token is not in what debug prints', async () => {
  const server = await plainServer((request, response) => {
    if (request.url.includes('gone')) request.socket.destroy();
    else response.end('no JSON');
  });
  const { stdout, stderr } = await run(
    `
    const LayerAPI = require('./');
    const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID, debug: true });
    layer.blocklist.get('maria', () => layer.blocklist.get('gone', () => layer.blocklist.get('', () => {})));`,
    { server },
  );
  assert.match(stdout, /\[LayerAPI\] Blocklist get: maria/);
  assert.match(stdout, /\[LayerAPI\] Request error: Error: socket hang up/);
  assert.ok(!`${stdout}${stderr}`.includes(TOKEN));
});

test('a server that closes while a large request is on its way: the error of a broken connection, once', async () => {
  const errors = {};
  for (const subject of Object.values(subjects)) {
    const server = await tlsServer((socket) => {
      socket.once('data', () => {
        for (const raw of server.open) raw.resetAndDestroy();
      });
    });
    const layer = clientOf(subject, server);
    let calls = 0;
    const error = await new Promise((resolve) => {
      layer.conversations.create({ text: 'x'.repeat(32e6) }, (outcome) => {
        calls++;
        resolve(outcome);
      });
    });
    await sleep(50);
    assert.strictEqual(calls, 1);
    errors[subject.name] = error;
  }
  for (const { code, errno, syscall, message } of Object.values(errors)) {
    // Which of the two fails first is a matter of luck.
    assert.match(`${message} ${errno}`, /^(read ECONNRESET -104|write EPIPE -32|write ECONNRESET -104)$/);
    assert.strictEqual(message, `${syscall} ${code}`);
  }
});

test('errors are of this realm, with a stack that begins with what they say and leads into the client', async () => {
  const port = await freePort();
  const { error } = await get(client({ url: `https://127.0.0.1:${port}` }));
  assert.strictEqual(Object.getPrototypeOf(error), Error.prototype);
  assert.ok(error.stack.startsWith(`Error: connect ECONNREFUSED 127.0.0.1:${port}\n    at `), error.stack);
});
