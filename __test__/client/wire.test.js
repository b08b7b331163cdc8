'use strict';

/** What goes over the wire, to the byte: nothing that the original does not send, and all that it does. */

const assert = require('node:assert');
const https = require('node:https');
const { afterEach, test } = require('node:test');
const {
  APP_ID,
  CONVERSATION,
  OK,
  TOKEN,
  certificate,
  clientOf,
  closeAll,
  secureServer,
  subjects,
  tlsServer,
} = require('./support.js');

afterEach(closeAll);

function both(name, body) {
  for (const subject of Object.values(subjects)) test(`${name} (${subject.name})`, () => body(subject));
}

/** A server that keeps the bytes of every request, and answers when it is whole. */
async function recorder() {
  const requests = [];
  const server = await tlsServer((socket) => {
    let bytes = '';
    socket.on('data', (data) => {
      bytes += data.toString('latin1');
      const isWhole = bytes.includes('\r\nTransfer-Encoding: chunked')
        ? bytes.endsWith('\r\n0\r\n\r\n')
        : bytes.endsWith('\r\n\r\n');
      if (!isWhole) return;
      requests.push(bytes);
      bytes = '';
      socket.write(OK);
    });
  });
  return Object.assign(server, { requests });
}

const DEDUPE = 'a4fd3974-20fe-11e5-89c5-080725007e28';
const CALLS = {
  'a GET': (layer, done) => layer.conversations.get(CONVERSATION, done),
  'a GET with a query': (layer, done) =>
    layer.messages.getAll(CONVERSATION, { page_size: 10, from_id: "it's é & ü" }, done),
  'a POST': (layer, done) =>
    layer.conversations.create({ participants: ['maria', 'jöhn'], metadata: { ключ: '😀' } }, done),
  'a POST with a tag': (layer, done) => layer.messages.sendDedupe(DEDUPE, CONVERSATION, { parts: [] }, done),
  'a POST without a body': (layer, done) => layer.blocklist.unblock('maria', "o'hara/x?y", done),
  'a PATCH': (layer, done) =>
    layer.conversations.edit(CONVERSATION, [{ operation: 'add', property: 'x', value: 1 }], done),
  'a PUT': (layer, done) => layer.identities.replace('maria', { display_name: 'Maria' }, done),
  'a DELETE': (layer, done) => layer.conversations.delete(CONVERSATION, done),
};

/** Both clients under the name of the service that the original was made for: nothing in the bytes can differ. */
const AGENTS = {
  'without an agent': () => ({}),
  'with an agent that keeps connections': (options) => ({ agentOptions: { ...options, keepAlive: true } }),
  'with an agent that does not': (options) => ({ agentOptions: options }),
  'with an agent of limited size': (options) => ({ agentOptions: { ...options, maxSockets: 2 } }),
};
for (const [how, configOf] of Object.entries(AGENTS)) {
  test(`the bytes of every request are those of the original, ${how}`, async () => {
    const sent = {};
    for (const { name, LayerAPI: Subject } of Object.values(subjects)) {
      const server = await recorder();
      const options = { host: '127.0.0.1', port: server.port, ca: certificate().ca };
      const usual = { ...https.globalAgent.options };
      if (how === 'without an agent') Object.assign(https.globalAgent.options, options);
      try {
        const layer = new Subject({ token: TOKEN, appId: APP_ID, ...configOf(options) });
        for (const call of Object.values(CALLS)) await new Promise((resolve) => call(layer, resolve));
      } finally {
        https.globalAgent.options = usual;
        https.globalAgent.destroy();
      }
      sent[name] = server.requests;
    }
    // Sizes of chunks are hexadecimal: in capitals here, and not in Node.
    const small = (bytes) => bytes.replace(/\r\n[0-9A-F]+\r\n/g, (size) => size.toLowerCase());
    assert.deepStrictEqual(sent.ours.map(small), sent.original);
    assert.strictEqual(sent.ours.length, Object.keys(CALLS).length);
    assert.match(sent.ours[0], /\r\nHost: api\.layer\.com\r\n/);
  });
}

both('a request of 20 MB goes out whole', async (subject) => {
  let length;
  const server = await secureServer((request, response) => {
    const pieces = [];
    request.on('data', (data) => pieces.push(data));
    request.on('end', () => {
      length = JSON.parse(Buffer.concat(pieces)).text.length;
      response.end('{}');
    });
  });
  const text = 'ü'.repeat(10e6);
  const layer = clientOf(subject, server, { keepAlive: true });
  const [error, result] = await new Promise((resolve) =>
    layer.conversations.create({ text }, (...all) => resolve(all)),
  );
  assert.ifError(error);
  assert.deepStrictEqual([result.status, length], [200, 10e6]);
});

both('a reply of 20 MB comes in whole', async (subject) => {
  const text = 'ü'.repeat(10e6);
  const server = await secureServer((_request, response) => response.end(JSON.stringify({ text })));
  const layer = clientOf(subject, server);
  const [error, result] = await new Promise((resolve) => layer.blocklist.get('maria', (...all) => resolve(all)));
  assert.ifError(error);
  assert.strictEqual(result.body.text, text);
});

const BREAKING = { CR: '\r', LF: '\n', NUL: '\0', 'a line of its own': '\r\nX-Injected: 1' };
for (const [what, characters] of Object.entries(BREAKING)) {
  both(`${what} in token or version is refused before anything is sent: ERR_INVALID_CHAR`, async (subject) => {
    const server = await secureServer();
    for (const [field, header] of [
      ['token', 'Authorization'],
      ['version', 'Accept'],
    ]) {
      const layer = clientOf(subject, server, {}, { [field]: `x${characters}y` });
      assert.throws(() => layer.conversations.get(CONVERSATION, () => assert.fail('called')), {
        name: 'TypeError',
        code: 'ERR_INVALID_CHAR',
        message: `Invalid character in header content ["${header}"]`,
      });
    }
    assert.strictEqual(server.opened, 0);
  });

  test(`${what} in a de-duplicating UUID is refused before anything is sent, as by the original`, async () => {
    const outcomes = {};
    for (const subject of Object.values(subjects)) {
      const server = await secureServer();
      const layer = clientOf(subject, server);
      outcomes[subject.name] = [];
      for (const tag of [`${DEDUPE}${characters}`, `${characters}/${DEDUPE}`, `x${characters}y`]) {
        const outcome = [];
        try {
          layer.messages.sendDedupe(tag, CONVERSATION, {}, (error) =>
            outcome.push('called', error?.code, error?.message),
          );
        } catch (error) {
          outcome.push('thrown', error.code, error.message);
        }
        outcomes[subject.name].push(outcome);
      }
      assert.strictEqual(server.opened, 0);
    }
    assert.deepStrictEqual(outcomes.ours, outcomes.original);
  });
}
