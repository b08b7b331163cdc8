/** Identity providers, identity tokens and sessions, as the server of an application has them. */

const assert = require('node:assert');
const crypto = require('node:crypto');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { after, before, test } = require('node:test');
const LayerAPI = require('../..');

const ROOT = path.join(__dirname, '..', '..');
const { identityToken } = LayerAPI;
let platform;
let app;

before(async () => {
  platform = await LayerAPI.Platform.start();
  app = await platform.createApp();
});

after(() => platform.close());

/** Asks the Client API as an SDK does. */
async function ask(method, target, { session, body } = {}) {
  const headers = { accept: 'application/vnd.layer+json; version=3.0', 'content-type': 'application/json' };
  if (session) headers.authorization = `Layer session-token="${session}"`;
  const answer = await fetch(platform.url + target, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, body: text && JSON.parse(text) };
}

const nonce = async () => (await ask('POST', '/nonces')).body.nonce;
const open = (token) => ask('POST', '/sessions', { body: { identity_token: token, app_id: app.appId } });

test('a provider whose pair the platform made signs a user in', async () => {
  const { providerId, keyId, privateKey } = await platform.createIdentityProvider(app.appId);
  assert.match(providerId, /^layer:\/\/\/providers\/[0-9a-f-]{36}$/);
  assert.match(keyId, /^layer:\/\/\/keys\/[0-9a-f-]{36}$/);
  const options = {
    providerId,
    keyId,
    privateKey,
    userId: 'maria',
    displayName: 'Maria',
    avatarUrl: 'https://a/m.png',
  };
  const { status, body } = await open(identityToken({ ...options, nonce: await nonce() }));
  assert.strictEqual(status, 201, JSON.stringify(body));
  const { body: identity } = await ask('GET', '/identities/maria', { session: body.session_token });
  assert.deepStrictEqual([identity.display_name, identity.avatar_url], ['Maria', 'https://a/m.png']);
  // What the client of the Server API sees is the same.
  const layer = new LayerAPI({ ...app, baseUrl: platform.url });
  assert.strictEqual((await layer.identities.getAsync('maria')).body.display_name, 'Maria');
});

test('keys of the application are added, listed and removed', async () => {
  const pair = () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const [first, second] = [pair(), pair()];
  const pem = ({ publicKey }, type) => publicKey.export({ type, format: 'pem' });
  const provider = await platform.createIdentityProvider(app.appId, { publicKey: pem(first, 'spki') });
  assert.deepStrictEqual(Object.keys(provider).sort(), ['keyId', 'providerId']);
  const { providerId } = provider;
  const publicKey = Buffer.from(pem(second, 'pkcs1'));
  const added = await platform.addIdentityKey(app.appId, providerId, { publicKey });
  const listed = (await platform.identityProviders(app.appId)).find((one) => one.providerId === providerId);
  assert.deepStrictEqual(listed, { providerId, keyIds: [provider.keyId, added.keyId] });

  const token = async ({ keyId }, { privateKey }) =>
    identityToken({ providerId, keyId, privateKey, userId: 'leo', nonce: await nonce() });
  assert.strictEqual((await open(await token(provider, first))).status, 201);
  assert.strictEqual((await open(await token(added, second))).status, 201);
  assert.strictEqual((await open(await token(added, first))).status, 422);
  await platform.removeIdentityKey(app.appId, providerId, provider.keyId);
  assert.strictEqual((await open(await token(provider, first))).status, 422);
  await assert.rejects(platform.removeIdentityKey(app.appId, providerId, provider.keyId), /no such key/);
  await platform.removeIdentityProvider(app.appId, providerId);
  assert.strictEqual((await open(await token(added, second))).status, 422);
  await assert.rejects(platform.addIdentityKey(app.appId, providerId), /no such identity provider/);
});

test('the push tokens of a user are those that its devices registered last', async () => {
  const provider = await platform.createIdentityProvider(app.appId);
  const sign = async (userId) => identityToken({ ...provider, userId, nonce: await nonce() });
  const { body: opened } = await open(await sign('ana'));
  const session = opened.session_token;
  assert.deepStrictEqual(await platform.pushTokens(app.appId, 'ana'), []);
  const register = async (body) =>
    assert.strictEqual((await ask('POST', '/push_tokens', { session, body })).status, 202);
  await register({
    token: 'first',
    type: 'apns',
    device_id: 'phone',
    apns_bundle_id: 'com.example',
    ios_version: '9.0',
  });
  await register({ token: 'second', type: 'gcm', device_id: 'tablet/1', gcm_sender_id: '42' });
  await register({ token: 'third', type: 'apns', device_id: 'phone', apns_bundle_id: 'com.example' });
  const byDevice = async () =>
    (await platform.pushTokens(app.appId, 'ana')).sort((one, other) => one.deviceId.localeCompare(other.deviceId));
  const tablet = {
    deviceId: 'tablet/1',
    type: 'gcm',
    token: 'second',
    apnsBundleId: null,
    gcmSenderId: '42',
    iosVersion: null,
  };
  assert.deepStrictEqual(await byDevice(), [
    {
      deviceId: 'phone',
      type: 'apns',
      token: 'third',
      apnsBundleId: 'com.example',
      gcmSenderId: null,
      iosVersion: null,
    },
    tablet,
  ]);
  assert.strictEqual((await ask('DELETE', '/push_tokens/phone', { session })).status, 202);
  assert.deepStrictEqual(await byDevice(), [tablet]);
  // Those of others are theirs, and ids are escaped in the path.
  assert.deepStrictEqual(await platform.pushTokens(app.appId, 'leo'), []);
  assert.deepStrictEqual(await platform.pushTokens(app.appId, 'a/../b?%'), []);
  await assert.rejects(platform.pushTokens(app.appId), { name: 'TypeError', message: /userId/ });
  await assert.rejects(platform.pushTokens(undefined, 'ana'), { name: 'TypeError', message: /appId/ });
});

test('what cannot be used is refused with its name', async () => {
  await assert.rejects(platform.createIdentityProvider(), { name: 'TypeError', message: /appId/ });
  await assert.rejects(platform.createIdentityProvider(app.appId, { publicKey: 5 }), { name: 'TypeError' });
  await assert.rejects(platform.createIdentityProvider(app.appId, { publicKey: 'x' }), /'public_key'/);
  await assert.rejects(platform.createIdentityProvider('nonsense'), /app id/);

  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const options = { providerId: 'p', keyId: 'k', privateKey, userId: 'u', nonce: 'n' };
  assert.strictEqual(identityToken(options).split('.').length, 3);
  for (const [name, value] of [
    ...['providerId', 'keyId', 'privateKey', 'userId', 'nonce'].map((missing) => [missing, undefined]),
    ['userId', 5],
    ['displayName', {}],
    ['expiresIn', 0],
    ['expiresIn', Number.NaN],
    ['privateKey', 'secret that is no key'],
    ['privateKey', crypto.generateKeyPairSync('ed25519').privateKey],
  ]) {
    const check = (error) =>
      error instanceof TypeError && error.message.includes(name) && !/secret/.test(error.message);
    assert.throws(() => identityToken({ ...options, [name]: value }), check, name);
  }
  assert.throws(() => identityToken(), TypeError);
});

test('a token is a JWT that others can check', () => {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' });
  const before = Math.floor(Date.now() / 1000);
  const options = { providerId: 'p', keyId: 'k', privateKey: pem, userId: 'ü', nonce: 'n+/=', expiresIn: 30 };
  const [header, claims, signature] = identityToken(options).split('.');
  const decode = (text) => Buffer.from(text, 'base64url');
  assert.deepStrictEqual(JSON.parse(decode(header)), { typ: 'JWT', alg: 'RS256', cty: 'layer-eit;v=1', kid: 'k' });
  const { iat, ...rest } = JSON.parse(decode(claims));
  assert.ok(iat >= before && iat <= before + 300);
  assert.deepStrictEqual(rest, { iss: 'p', prn: 'ü', exp: iat + 30, nce: 'n+/=' });
  assert.ok(crypto.verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), publicKey, decode(signature)));
});

test('the module is loaded with the first token, and crypto with it', () => {
  const source = `const loaded = () => Object.keys(require.cache).some((file) => file.endsWith('identity-token.js'));
    const LayerAPI = require('.');
    console.log(loaded(), typeof LayerAPI.identityToken, loaded());`;
  assert.strictEqual(
    execFileSync(process.execPath, ['-e', source], { cwd: ROOT, encoding: 'utf8' }),
    'false function true\n',
  );
});

test('the address of sockets is that of the platform, or the public one', async () => {
  assert.strictEqual(platform.websocketUrl, platform.url.replace('http:', 'ws:'));
  const behind = await LayerAPI.Platform.start({ publicUrl: 'https://chat.example.com' });
  try {
    assert.strictEqual(behind.websocketUrl, 'wss://chat.example.com');
  } finally {
    await behind.close();
  }
});
