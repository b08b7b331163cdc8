'use strict';

/**
 * The older SDKs and the XDK, which take `https://` only: two users in two pages sign in and talk, live. Client API
 * 10.70.
 */

const assert = require('node:assert');
const { after, before, describe, test } = require('node:test');
const { createCertificate } = require('../support/certificate.js');
const { Stage, until } = require('./browser.js');

const SDKS = [
  { name: 'layer-websdk 1.2.2', entry: 'layer-websdk-1.2.2' },
  { name: 'layer-websdk 3.1.1', entry: 'layer-websdk-3.1.1' },
  { name: 'layer-websdk 3.4.4', entry: 'layer-websdk-3.4.4' },
  { name: 'layer-websdk 3.4.11', entry: 'layer-websdk-3.4.11' },
  { name: '@layerhq/web-xdk 4.0.6', entry: '@layerhq/web-xdk/index-core.js' },
];

/** In the page: makes a client, whichever SDK it is, and remembers what comes in. */
function connect({ appId, url, websocketUrl, userId }) {
  const sdk = window.layer;
  const options = { appId, url, websocketUrl };
  const client = sdk.init ? sdk.init(options) : new sdk.Client(options);
  window.client = client;
  window.texts = [];
  client.on('challenge', ({ nonce, callback }) => window.identityToken(nonce).then(callback));
  client.on('ready', () => {
    window.isReady = true;
  });
  client.on('messages:add', ({ messages }) => {
    for (const message of messages) window.texts.push([...message.parts][0].body);
  });
  if (client.connect) client.connect(userId);
}

for (const { name, entry } of SDKS) {
  describe(name, () => {
    let stage;
    before(async () => {
      stage = await Stage.open({ entry, tls: createCertificate() });
    });
    after(() => stage?.close());

    const signIn = async (userId) => {
      const page = await stage.page(userId, { displayName: userId });
      /** What it asked for over its sockets. */
      page.asked = [];
      page.on('websocket', (socket) => {
        socket.on('framesent', ({ payload }) => page.asked.push(JSON.parse(payload).body.method));
      });
      await page.evaluate(connect, { appId: stage.app.appId, userId, ...stage.urls });
      await until(page, () => window.isReady);
      return page;
    };

    test('two users talk, and the sender sees what arrived', async () => {
      const maria = await signIn('maria');
      const leo = await signIn('leo');
      await maria.evaluate(() => {
        const conversation = window.client.createConversation({ participants: ['leo'], distinct: false });
        const parts = [{ mimeType: 'text/plain', body: 'Hi' }];
        window.sent = conversation.createMessage({ parts });
        window.sent.send();
      });
      await until(leo, () => window.texts.includes('Hi'));
      assert.deepStrictEqual(await leo.evaluate(() => window.texts), ['Hi']);
      await until(maria, () => window.sent.deliveryStatus === 'ALL');
      const { body: conversations } = await stage.layer.conversations.getAllFromUserAsync('leo');
      await stage.layer.messages.sendTextFromNameAsync(conversations[0].id, 'Shop', 'Hello');
      await until(leo, () => window.texts.includes('Hello'));
      for (const page of [maria, leo]) {
        assert.deepStrictEqual(page.errors.map(String), []);
        // Whoever was there all the time has nothing to catch up with.
        assert.ok(!page.asked.includes('Event.replay'), `${page.asked}`);
      }
    });
  });
}
