/** Webhooks as a service receives them, with Node's own `http` and `crypto`, and the verifier of this package. */

const assert = require('assert');
const { createHmac } = require('crypto');
const http = require('http');
const https = require('https');
const { after, before, describe, test } = require('node:test');
const { promisify } = require('util');
const { createCertificate } = require('../support/certificate.js');
const LayerAPI = require('../..');
const OriginalAPI = require('layer-api-original');

const SECRET = 'größe 🗝';

/** Starts a receiver as services of 2016 had them. `next()` resolves to the next delivery: `{headers, raw}`. */
async function startReceiver(tls) {
  const waiting = [];
  const arrived = [];
  const answer = (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    if (request.method === 'GET') return response.end(url.searchParams.get('verification_challenge'));
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    return request.on('end', () => {
      response.end();
      const delivery = { headers: request.headers, raw: Buffer.concat(chunks) };
      if (waiting.length > 0) waiting.shift()(delivery);
      else arrived.push(delivery);
    });
  };
  const server = tls ? https.createServer(tls, answer) : http.createServer(answer);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}/hook`,
    next: () => (arrived.length > 0 ? arrived.shift() : new Promise((resolve) => waiting.push(resolve))),
    close: () => {
      server.close();
      server.closeAllConnections?.();
    },
  };
}

/** Sends a request of the Webhooks API. */
function ask(platform, app, method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = {
      Accept: 'application/vnd.layer.webhooks+json; version=1.0',
      Authorization: `Bearer ${app.token}`,
      'Content-Type': 'application/json',
    };
    const { request: send } = platform.url.startsWith('https:') ? https : http;
    const request = send(`${platform.url}/apps/${app.appId}/webhooks${path}`, { method, headers, ca: app.ca });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    request.end(body && JSON.stringify(body));
  });
}

async function activeWebhook(platform, app, targetUrl) {
  const body = { version: '1.0', target_url: targetUrl, events: ['message.sent'], secret: SECRET };
  const path = `/${(await ask(platform, app, 'POST', '', body)).id.split('/').pop()}`;
  for (;;) {
    const webhook = await ask(platform, app, 'GET', path);
    if (webhook.status === 'active') return webhook;
    assert.strictEqual(webhook.status, 'unverified', webhook.status_reason);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a receiver', () => {
  let platform;
  let app;
  let receiver;

  before(async () => {
    platform = await LayerAPI.Platform.start({ webhooks: { allowPrivateAddresses: true, allowHttp: true } });
    app = await platform.createApp();
    receiver = await startReceiver();
    await activeWebhook(platform, app, receiver.url);
  });

  after(async () => {
    await platform.close();
    receiver.close();
  });

  /** Sends with the client and resolves to the delivery. */
  async function sendWith(layer) {
    const { body } = await layer.conversations.createAsync({ participants: ['maria'] });
    await layer.messages.sendTextFromUserAsync(body.id, 'maria', 'Ahøy </b> 🐙');
    return receiver.next();
  }

  test('gets a signed message.sent for a message that this client sends', async () => {
    const { headers, raw } = await sendWith(new LayerAPI({ ...app, baseUrl: platform.url }));
    assert.strictEqual(headers['layer-webhook-event-type'], 'message.sent');
    // As the vendor's documentation told services to check it.
    assert.strictEqual(headers['layer-webhook-signature'], createHmac('sha1', SECRET).update(raw).digest('hex'));
    const payload = JSON.parse(raw);
    assert.strictEqual(payload.event.type, 'message.sent');
    assert.strictEqual(payload.message.parts[0].body, 'Ahøy </b> 🐙');
    // Services that parse first and sign what they serialise again get the same.
    assert.strictEqual(JSON.stringify(payload), raw.toString());
  });

  test('can check the signature of a real delivery with webhooks.verify', async () => {
    const { headers, raw } = await sendWith(new LayerAPI({ ...app, baseUrl: platform.url }));
    const signature = headers['layer-webhook-signature'];
    const { verify } = LayerAPI.webhooks;
    assert.strictEqual(verify(SECRET, raw, signature), true);
    assert.strictEqual(verify(SECRET, raw.toString(), signature), true);
    assert.strictEqual(verify(Buffer.from(SECRET), new Uint8Array(raw), signature.toUpperCase()), true);
    assert.strictEqual(verify('another', raw, signature), false);
    assert.strictEqual(verify(SECRET, Buffer.concat([raw, Buffer.from(' ')]), signature), false);
    const changed = (signature[0] === '0' ? '1' : '0') + signature.slice(1);
    for (const wrong of [
      changed,
      signature.slice(1),
      `sha1=${signature}`,
      '',
      'z'.repeat(40),
      undefined,
      [signature],
      null,
    ]) {
      assert.strictEqual(verify(SECRET, raw, wrong), false, String(wrong));
    }
    assert.throws(() => verify(SECRET, JSON.parse(raw), signature), /`rawBody` needs to be the body as it came in/);
    assert.throws(() => verify(undefined, raw, signature), /`secret` needs to be/);
  });
});

test('a message of the original client is delivered to a receiver over TLS', async () => {
  const { ca, cert, key } = createCertificate();
  const receiver = await startReceiver({ cert, key });
  const platform = await LayerAPI.Platform.start({ cert, key, webhooks: { allowPrivateAddresses: true, ca } });
  try {
    const app = await platform.createApp();
    await activeWebhook(platform, { ...app, ca }, receiver.url);

    // The options of an agent win over the original's fixed host.
    const redirect = { host: '127.0.0.1', port: new URL(platform.url).port, servername: 'api.layer.com', ca };
    const layer = new OriginalAPI({ ...app, agent: new https.Agent(redirect) });
    const create = promisify(layer.conversations.create.bind(layer.conversations));
    const send = promisify(layer.messages.sendTextFromUser.bind(layer.messages));
    const { body } = await create({ participants: ['maria'] });
    await send(body.id, 'maria', 'Hi');

    const { headers, raw } = await receiver.next();
    assert.ok(LayerAPI.webhooks.verify(SECRET, raw, headers['layer-webhook-signature']));
    assert.strictEqual(JSON.parse(raw).message.sender.user_id, 'maria');
  } finally {
    await platform.close();
    receiver.close();
  }
});

describe('options', () => {
  const refusals = {
    'something else than an object': [true, /`webhooks` needs to be an object/],
    'one that does not exist': [
      { allowAll: true },
      /`webhooks.allowAll` does not exist; there are allowPrivateAddresses/,
    ],
    'another type': [{ allowHttp: 'yes' }, /`webhooks.allowHttp` needs to be a boolean/],
    'a certificate that is none': [{ ca: 'x' }, /webhooks: the ca cannot be used/],
  };
  for (const [name, [webhooks, message]] of Object.entries(refusals)) {
    test(`${name} is refused`, () => assert.rejects(LayerAPI.Platform.start({ webhooks }), message));
  }

  test('without them a webhook cannot reach this machine', async () => {
    const platform = await LayerAPI.Platform.start();
    const app = await platform.createApp();
    const body = { version: '1.0', events: ['message.sent'], secret: 's' };
    const refused = await ask(platform, app, 'POST', '', { ...body, target_url: 'http://127.0.0.1:1/' });
    assert.strictEqual(refused.data.property, 'target_url');
    await assert.rejects(activeWebhook(platform, app, 'https://127.0.0.1:1/'), /not public/);
    await platform.close();
  });
});
