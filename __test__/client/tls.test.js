'use strict';

/** TLS settings of an agent: what is spoken, who proves what, and the errors where that comes to nothing. */

const assert = require('node:assert');
const { X509Certificate, createPrivateKey, generateKeyPairSync } = require('node:crypto');
const { afterEach, test } = require('node:test');
const tls = require('node:tls');
const forge = require('node-forge');
const x509 = require('../../lib/x509.js');
const {
  APP_ID,
  LayerAPI,
  TOKEN,
  certificate,
  client,
  clientOf,
  closeAll,
  get,
  plainServer,
  secureServer,
  selfSigned,
  sleep,
  subjects,
  tcpServer,
} = require('./support.js');

afterEach(closeAll);

function both(name, body) {
  for (const subject of Object.values(subjects)) test(`${name} (${subject.name})`, () => body(subject));
}

/** What was agreed on for one request with these options. */
async function agreed(subject, options, serverOptions) {
  let seen;
  const answer = ({ socket }, response) => {
    const { standardName: cipher } = socket.getCipher();
    const { servername, alpnProtocol } = socket;
    seen = { version: socket.getProtocol(), cipher, servername, alpnProtocol, isReused: socket.isSessionReused() };
    response.end('{}');
  };
  const { error, result } = await get(clientOf(subject, await secureServer(answer, serverOptions), options));
  assert.strictEqual(result?.status, 200, error?.stack);
  return seen;
}

for (const [options, version] of [
  [{}, 'TLSv1.3'],
  [{ maxVersion: 'TLSv1.2' }, 'TLSv1.2'],
  [{ minVersion: 'TLSv1.3' }, 'TLSv1.3'],
  [{ minVersion: 'TLSv1', maxVersion: 'TLSv1.2' }, 'TLSv1.2'],
  [{ secureProtocol: 'TLSv1_2_method' }, 'TLSv1.2'],
  [{ secureProtocol: 'TLS_client_method' }, 'TLSv1.3'],
  // SSL_OP_NO_TLSv1_3
  [{ secureOptions: 0x20000000 }, 'TLSv1.2'],
]) {
  const given = Object.entries(options).map(([name, value]) => `${name}: ${value}`);
  both(`versions of TLS are those of the options: ${given.join(', ') || 'none'}`, async (subject) => {
    assert.strictEqual((await agreed(subject, options)).version, version);
  });
}

for (const [ciphers, cipher, version] of [
  ['ECDHE-RSA-AES128-GCM-SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLSv1.2'],
  [
    'ECDHE-RSA-CHACHA20-POLY1305:!ECDHE-RSA-CHACHA20-POLY1305:AESGCM:!AES128',
    'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
    'TLSv1.2',
  ],
  ['TLS_CHACHA20_POLY1305_SHA256', 'TLS_CHACHA20_POLY1305_SHA256', 'TLSv1.3'],
  ['TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256', 'TLS_AES_128_GCM_SHA256', 'TLSv1.3'],
]) {
  both(`ciphers: only those of the list are offered: ${ciphers}`, async (subject) => {
    // The suites of TLS 1.3 are all there where the list names none of them.
    const maxVersion = ciphers.includes('TLS_') ? 'TLSv1.3' : 'TLSv1.2';
    const { cipher: chosen, version: spoken } = await agreed(subject, { ciphers, maxVersion });
    assert.deepStrictEqual([chosen, spoken], [cipher, version]);
  });
}

both('ciphers: a list without those of TLS 1.3 leaves them all', async (subject) => {
  assert.strictEqual((await agreed(subject, { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })).version, 'TLSv1.3');
});

both('ecdhCurve: only those of the list are offered', async (subject) => {
  await agreed(subject, { ecdhCurve: 'P-384' }, { ecdhCurve: 'P-384' });
  await agreed(subject, { ecdhCurve: 'auto' });
  const { error } = await get(
    clientOf(subject, await secureServer(undefined, { ecdhCurve: 'P-384' }), { ecdhCurve: 'X25519' }),
  );
  assert.strictEqual(error?.code, 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE');
});

both('sigalgs: a server that can sign in no way of the list is refused', async (subject) => {
  await agreed(subject, { sigalgs: 'ECDSA+SHA256:RSA-PSS+SHA256' });
  const { error } = await get(clientOf(subject, await secureServer(), { sigalgs: 'ECDSA+SHA256' }));
  assert.match(error?.code, /^ERR_SSL_.*HANDSHAKE_FAILURE$/);
});

both('ALPNProtocols: are offered only if they are given', async (subject) => {
  const server = { ALPNProtocols: ['http/1.1'] };
  assert.strictEqual((await agreed(subject, {}, server)).alpnProtocol, false);
  assert.strictEqual((await agreed(subject, { ALPNProtocols: ['http/1.1'] }, server)).alpnProtocol, 'http/1.1');
  const wire = Buffer.from('\x08http/1.1');
  assert.strictEqual((await agreed(subject, { ALPNProtocols: wire }, server)).alpnProtocol, 'http/1.1');
});

both('servername: an empty one asks for no name, and the certificate is that of the host', async (subject) => {
  assert.strictEqual((await agreed(subject, { servername: '' })).servername, false);
});

for (const maxCachedSessions of [undefined, 0]) {
  both(`sessions are resumed unless maxCachedSessions is 0: ${maxCachedSessions}`, async (subject) => {
    const reused = [];
    const server = await secureServer((request, response) => {
      reused.push(request.socket.isSessionReused());
      response.end('{}');
    });
    // With TLS 1.3, the session comes after the reply.
    const layer = clientOf(subject, server, { maxCachedSessions, maxVersion: 'TLSv1.2' });
    for (let index = 0; index < 2; index++) {
      assert.strictEqual((await get(layer)).result?.status, 200);
      await sleep(20);
    }
    assert.deepStrictEqual(reused, [false, maxCachedSessions === undefined]);
  });
}

const own = selfSigned({ name: 'client', isClient: true });

/** The name of the client whose certificate a server sees. */
async function nameOf(subject, options) {
  let name;
  const answer = (request, response) => {
    name = request.socket.getPeerCertificate().subject?.CN;
    response.end('{}');
  };
  const server = await secureServer(answer, { requestCert: true, rejectUnauthorized: true, ca: own.cert });
  const { error } = await get(clientOf(subject, server, options));
  assert.ifError(error);
  return name;
}

const sealed = (type, cipher) =>
  createPrivateKey(own.key).export({ type, format: 'pem', cipher, passphrase: 'sesame' });
const SEALED = {
  'PKCS#8, AES': () => sealed('pkcs8', 'aes-256-cbc'),
  'PKCS#8, DES': () => sealed('pkcs8', 'des-ede3-cbc'),
  'the form of old': () => sealed('pkcs1', 'aes-128-cbc'),
};
for (const [what, make] of Object.entries(SEALED)) {
  both(`passphrase: opens an encrypted key, ${what}`, async (subject) => {
    const key = make();
    assert.strictEqual(await nameOf(subject, { cert: own.cert, key, passphrase: 'sesame' }), 'client');
    const listed = [{ pem: Buffer.from(key), passphrase: 'sesame' }];
    assert.strictEqual(await nameOf(subject, { cert: [own.cert], key: listed }), 'client');
  });
}

both('passphrase: is not needed for a key in the clear, and EC keys are keys, too', async (subject) => {
  assert.strictEqual(await nameOf(subject, { ...own, passphrase: 'sesame' }), 'client');
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' });
  if (subject.name === 'ours') {
    assert.throws(() => client({ url: 'https://x' }, { cert: own.cert, key: ec }), /`cert`/);
  }
});

/** A PKCS#12 file of the client's key and certificates. */
function pfxOf(certificates, password, options) {
  const key = forge.pki.privateKeyFromPem(own.key);
  const chain = certificates.map((one) => forge.pki.certificateFromPem(one));
  const file = forge.pkcs12.toPkcs12Asn1(key, chain, password, options);
  return Buffer.from(forge.asn1.toDer(file).getBytes(), 'latin1');
}

for (const [what, options, passphrase] of [
  ['AES', { algorithm: 'aes256' }, 'sesame'],
  ['DES', { algorithm: '3des' }, 'sésame'],
]) {
  both(`pfx: is key, certificate and authorities in one file, sealed with ${what}`, async (subject) => {
    const pfx = pfxOf([own.cert, certificate().ca], passphrase, options);
    assert.strictEqual(await nameOf(subject, { pfx, passphrase }), 'client');
    // What comes with it is trusted beside the usual authorities.
    const listed = { pfx: [{ buf: pfx, passphrase }], ca: undefined };
    assert.strictEqual(await nameOf(subject, listed), 'client');
  });
}

test('pfx: a wrong passphrase and what cannot be used are refused in words that hold no secret', () => {
  const pfx = pfxOf([own.cert], 'sesame', { algorithm: 'aes256' });
  for (const [options, words] of [
    [{ pfx, passphrase: 'geheim' }, /`pfx` .*passphrase/],
    [{ pfx }, /`pfx` .*passphrase/],
    [{ pfx: pfx.subarray(0, 100), passphrase: 'geheim' }, /`pfx` .*openssl pkcs12/],
    [{ pfx: 'geheim' }, /`pfx` .*Buffer/],
    [{ pfx, passphrase: 'sesame', ...own }, /`pfx` .*`cert`/],
    [
      { pfx: pfxOf([selfSigned().cert], 'geheim', { algorithm: 'aes256' }), passphrase: 'geheim' },
      /certificate for its/,
    ],
  ]) {
    assert.throws(
      () => new LayerAPI({ token: TOKEN, appId: APP_ID, agentOptions: options }),
      (error) => words.test(error.message) && !error.stack.includes('geheim') && !error.stack.includes('sesame'),
      String(words),
    );
  }
});

/** A list of the certificates that `issuer` has revoked, by their serial numbers. */
function crlOf(issuer, serials, key) {
  const { asn1, md, pki } = forge;
  const { Class, Type } = asn1;
  const make = (type, value, isConstructed) =>
    asn1.create(Class.UNIVERSAL, type, isConstructed ?? Array.isArray(value), value);
  const time = (offset) => make(Type.UTCTIME, asn1.dateToUtcTime(new Date(Date.now() + offset)));
  const algorithm = () =>
    make(Type.SEQUENCE, [
      make(Type.OID, asn1.oidToDer(pki.oids.sha256WithRSAEncryption).getBytes()),
      make(Type.NULL, '', false),
    ]);
  const entries = serials.map((serial) =>
    make(Type.SEQUENCE, [make(Type.INTEGER, forge.util.hexToBytes(serial)), time(-1000)]),
  );
  const body = make(Type.SEQUENCE, [
    make(Type.INTEGER, '\x01'),
    algorithm(),
    pki.distinguishedNameToAsn1(pki.certificateFromPem(issuer).subject),
    time(-3600e3),
    time(3600e3),
    ...(entries.length > 0 ? [make(Type.SEQUENCE, entries)] : []),
    asn1.create(Class.CONTEXT_SPECIFIC, 0, true, [
      make(Type.SEQUENCE, [
        make(Type.SEQUENCE, [
          make(Type.OID, asn1.oidToDer('2.5.29.20').getBytes()),
          make(Type.OCTETSTRING, '\x02\x01\x01'),
        ]),
      ]),
    ]),
  ]);
  const digest = md.sha256.create().update(asn1.toDer(body).getBytes());
  const signature = pki.privateKeyFromPem(key).sign(digest);
  const list = make(Type.SEQUENCE, [body, algorithm(), make(Type.BITSTRING, `\0${signature}`, false)]);
  return forge.pem.encode({ type: 'X509 CRL', body: asn1.toDer(list).getBytes() });
}

both('crl: a revoked certificate is refused, and one that is not passes', async (subject) => {
  const { ca, caKey } = certificate();
  const server = await secureServer();
  const revoked = await get(clientOf(subject, server, { ca, crl: crlOf(ca, ['02'], caKey) }));
  assert.deepStrictEqual([revoked.error?.code, revoked.error?.message], ['CERT_REVOKED', 'certificate revoked']);
  assert.strictEqual(
    (await get(clientOf(subject, server, { ca, crl: [crlOf(ca, ['05'], caKey)] }))).result?.status,
    200,
  );
});

/**
 * Fields of a certificate that can be compared: it has itself as its issuer, or an issuer that the server did not send.
 */
const comparable = ({ issuerCertificate, ...fields }) => ({ ...fields, hasIssuer: Boolean(issuerCertificate) });

test('checkServerIdentity: is called with the name and the certificate as Node has them', async () => {
  const seen = {};
  const { cert, key } = selfSigned({ name: 'elsewhere.test' });
  for (const subject of Object.values(subjects)) {
    const calls = [];
    const checkServerIdentity = (...args) => {
      calls.push(args);
    };
    const server = await secureServer(undefined, { cert, key });
    const options = { ca: cert, servername: 'other.test', checkServerIdentity };
    // Of another name than was asked for: only the function says whether that will do.
    assert.strictEqual((await get(clientOf(subject, server, options))).result?.status, 200);
    assert.strictEqual(calls.length, 1);
    seen[subject.name] = calls[0].map((value) => (typeof value === 'string' ? value : comparable(value)));
  }
  assert.deepStrictEqual(seen.ours, seen.original);
  assert.strictEqual(seen.ours[0], 'other.test');
});

both(
  'checkServerIdentity: its error is the error of the request, the very same, and nothing is sent',
  async (subject) => {
    let requests = 0;
    const server = await secureServer((_request, response) => {
      requests++;
      response.end('{}');
    });
    const error = Object.assign(new Error('not the pinned one'), { mine: true });
    const outcome = await get(clientOf(subject, server, { checkServerIdentity: () => error }));
    await sleep(30);
    assert.strictEqual(outcome.error, error);
    assert.deepStrictEqual([outcome.calls, requests], [1, 0]);
  },
);

test('where Node cannot read certificates, this client does, with the fields to check and pin them by', () => {
  const made = [own.cert, certificate().cert, certificate().ca, oldFashioned('x.test').cert];
  for (const text of [...made, ...tls.rootCertificates]) {
    const expected = new X509Certificate(text);
    const { raw, ...read } = x509.read(expected.raw);
    const whole = expected.toLegacyObject();
    const picked = Object.fromEntries(Object.keys(read).map((field) => [field, whole[field]]));
    // Names of folders cannot be those of a server, and are left out.
    picked.subjectaltname = picked.subjectaltname?.replace(/, DirName:.*$/, '');
    assert.deepStrictEqual(read, picked, text);
    assert.ok(raw.equals(expected.raw));
  }
});

both('checkServerIdentity: is not asked about a certificate that is not trusted', async (subject) => {
  const server = await secureServer();
  const checkServerIdentity = () => assert.fail('asked');
  const { error } = await get(clientOf(subject, server, { ca: selfSigned().cert, checkServerIdentity }));
  assert.strictEqual(error?.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

test('checkServerIdentity: what it throws is the error of the request', async () => {
  const error = new Error('broken');
  const checkServerIdentity = () => {
    throw error;
  };
  assert.strictEqual((await get(client(await secureServer(), { checkServerIdentity }))).error, error);
});

test('checkServerIdentity: a hundred requests at once, each asked about its connection', async () => {
  let calls = 0;
  const checkServerIdentity = () => {
    calls++;
  };
  const layer = client(await secureServer(), { checkServerIdentity });
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => get(layer)));
  assert.deepStrictEqual(
    outcomes.filter(({ result }) => result?.status !== 200),
    [],
  );
  assert.strictEqual(calls, 100);
});

test('a certificate for another name: the error of Node with all its fields', async () => {
  const { cert, key } = selfSigned({ name: 'elsewhere.test' });
  const errors = {};
  for (const subject of Object.values(subjects)) {
    const server = await secureServer(undefined, { cert, key });
    const { error } = await get(clientOf(subject, server, { ca: cert, servername: 'nowhere.test' }));
    const { cert: shown, ...fields } = error;
    errors[subject.name] = { ...fields, message: error.message, cert: comparable(shown), keys: Object.keys(error) };
  }
  assert.deepStrictEqual(errors.ours, errors.original);
  assert.strictEqual(errors.ours.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
  assert.strictEqual(errors.ours.host, 'nowhere.test');
});

/** A certificate that has its name in its subject only, as they were made of old. */
function oldFashioned(name) {
  const { pki, md } = forge;
  const { cert, key } = selfSigned({ name });
  const made = pki.certificateFromPem(cert);
  made.setExtensions(made.extensions.filter((extension) => extension.name !== 'subjectAltName'));
  made.sign(pki.privateKeyFromPem(key), md.sha256.create());
  return { cert: pki.certificateToPem(made), key };
}

both('a certificate with its name in the subject only passes, as in Node', async (subject) => {
  const { cert, key } = oldFashioned('api.layer.com');
  const server = await secureServer(undefined, { cert, key });
  const layer = clientOf(subject, server, { ca: cert, servername: 'api.layer.com' });
  for (let index = 0; index < 3; index++) assert.strictEqual((await get(layer)).result?.status, 200);
  const { error } = await get(clientOf(subject, server, { ca: cert, servername: 'other.test' }));
  assert.strictEqual(error?.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
});

both('a replaced tls.checkServerIdentity decides, as in Node', async (subject) => {
  const { cert, key } = selfSigned({ name: 'elsewhere.test' });
  const server = await secureServer(undefined, { cert, key });
  const usual = tls.checkServerIdentity;
  tls.checkServerIdentity = () => undefined;
  try {
    const layer = clientOf(subject, server, { ca: cert, servername: 'nowhere.test' });
    assert.strictEqual((await get(layer)).result?.status, 200);
  } finally {
    tls.checkServerIdentity = usual;
  }
});

/** Servers with which no handshake succeeds; records of TLS that hold one alert. */
const alert = (number) => () =>
  tcpServer((socket) => socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, number]))), 'https');
const demanding = { requestCert: true, rejectUnauthorized: true, ca: own.cert };
const HANDSHAKES = {
  'a server that speaks HTTP without TLS': async () => ({ ...(await plainServer()), scheme: 'https' }),
  'a server that answers in another protocol': () =>
    tcpServer((socket) => socket.on('data', () => socket.write('220 smtp.test ready\r\n')), 'https'),
  'a server that speaks first': () => tcpServer((socket) => socket.write('SSH-2.0-OpenSSH_9\r\n'), 'https'),
  'a server of TLS 1.1': () =>
    secureServer(undefined, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  'a server that demands a certificate, TLS 1.3': () => secureServer(undefined, demanding),
  'a server that demands a certificate, TLS 1.2': () =>
    secureServer(undefined, { ...demanding, maxVersion: 'TLSv1.2' }),
  'a message of no meaning': () =>
    tcpServer((socket) => socket.once('data', () => socket.end(Buffer.from([22, 3, 3, 0, 4, 99, 0, 0, 0]))), 'https'),
  'alert 40': alert(40),
  'alert 48': alert(48),
  'alert 70': alert(70),
  'alert 80': alert(80),
  'alert 112': alert(112),
};
for (const [what, start] of Object.entries(HANDSHAKES)) {
  test(`a handshake that fails has the code, library and reason of OpenSSL: ${what}`, async () => {
    const errors = {};
    for (const subject of Object.values(subjects)) {
      const server = await start();
      const known = { ...server, url: `https://127.0.0.1:${server.port}` };
      const { error, calls } = await get(clientOf(subject, known));
      await sleep(20);
      assert.ok(error instanceof Error);
      assert.strictEqual(calls, 1);
      const { message, ...fields } = { ...error, message: error.message };
      // Node's has the number of a thread, and a line of OpenSSL's source.
      errors[subject.name] = { ...fields, number: /error:([0-9A-F]{8}):SSL routines:/.exec(message)?.[1] };
    }
    assert.deepStrictEqual(errors.ours, errors.original);
    assert.match(errors.ours.code, /^ERR_SSL_/);
  });
}
