/**
 * All 30 methods, in both forms and all four versions, with the original client and with ours, against one platform.
 */

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
  original: async (version) => {
    const { appId, token } = await platform.createApp();
    const { port } = new URL(platform.url);
    const agentOptions = { host: '127.0.0.1', port, servername: 'api.layer.com', ca, keepAlive: true };
    return new Original({ appId, token, version, agentOptions });
  },
  ours: async (version) => {
    const { appId, token } = await platform.createApp();
    return new LayerAPI({ appId, token, version, baseUrl: platform.url, agentOptions: { ca, keepAlive: true } });
  },
};

for (const [client, connect] of Object.entries(clients)) {
  for (const [form, caller] of Object.entries(forms)) {
    for (const version of ['1.0', '1.1', '2.0', '3.0']) {
      describe(`${client}, ${form} form, version ${version}`, () => {
        const called = new Set();
        let call;

        before(async () => {
          const layer = await connect(version);
          const send = caller(layer);
          call = (path, ...args) => {
            called.add(path);
            return send(path, ...args);
          };
        });

        for (const [name, use] of Object.entries(uses)) test(name, () => use(call, version, client === 'original'));
        test('all 30 methods were called', () => assert.strictEqual(called.size, 30));
      });
    }
  }
}
