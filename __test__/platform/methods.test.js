/** All 30 methods, in both forms, with the original client and with ours, against one platform. */

const assert = require('node:assert');
const { after, before, describe, test } = require('node:test');
const Original = require('layer-api-original');
const LayerAPI = require('../..');
const { createCertificate } = require('../support/certificate.js');
const { forms, uses } = require('../support/methods.js');

const { ca, cert, key } = createCertificate();
let platform;

before(async () => {
  platform = await LayerAPI.Platform.start({ cert, key });
});

after(() => platform.close());

/** Clients of a new app each, so that no run sees what another left. */
const clients = {
  original: async () => {
    const { appId, token } = await platform.createApp();
    const { port } = new URL(platform.url);
    const agentOptions = { host: '127.0.0.1', port, servername: 'api.layer.com', ca, keepAlive: true };
    return new Original({ appId, token, agentOptions });
  },
  ours: async () => {
    const { appId, token } = await platform.createApp();
    return new LayerAPI({ appId, token, baseUrl: platform.url, agentOptions: { ca, keepAlive: true } });
  },
};

for (const [client, connect] of Object.entries(clients)) {
  for (const [form, caller] of Object.entries(forms)) {
    describe(`${client}, ${form} form`, () => {
      const called = new Set();
      let call;

      before(async () => {
        const layer = await connect();
        const send = caller(layer);
        call = (path, ...args) => {
          called.add(path);
          return send(path, ...args);
        };
      });

      for (const [name, use] of Object.entries(uses)) test(name, () => use(call));
      test('all 30 methods were called', () => assert.strictEqual(called.size, 30));
    });
  }
}
