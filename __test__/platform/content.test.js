/** Rich content up and down: whole, in constant memory, and over links that break. */

const assert = require('node:assert');
const { randomBytes } = require('node:crypto');
const { getEventListeners, once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { Readable } = require('node:stream');
const { after, before, test } = require('node:test');
const Bluebird = require('bluebird');
const LayerAPI = require('../..');
const { createCertificate } = require('../support/certificate.js');
const { program, run, sleep, until } = require('../client/support.js');

const MIB = 1 << 20;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'layer-api-content-'));
/**
 * Stands between clients and links; it ends the next connections after `limits` bytes of a direction, and leaves those
 * that are negative open, while what comes then is lost.
 */
const relay = { limits: [], sockets: new Set(), opened: 0 };
let platform;
let app;
let layer;
let conversation;

before(async () => {
  relay.server = net.createServer((socket) => {
    relay.opened += 1;
    relay.sockets.add(socket);
    const limit = relay.limits.shift() ?? Infinity;
    const isStalling = limit < 0;
    const onward = net.connect(new URL(platform.url).port, '127.0.0.1');
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ]) {
      let passed = 0;
      from.on('data', (bytes) => {
        passed += bytes.length;
        const excess = passed - Math.abs(limit);
        if (excess <= 0) {
          if (!to.write(bytes)) from.pause();
          return;
        }
        to.write(bytes.subarray(0, Math.max(0, bytes.length - excess)));
        if (isStalling) {
          relay.stalled?.();
          return;
        }
        for (const end of [socket, onward]) end.destroy();
      });
      to.on('drain', () => from.resume());
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
    socket.on('close', () => relay.sockets.delete(socket));
  });
  relay.server.listen(0, '127.0.0.1');
  await once(relay.server, 'listening');
  const publicUrl = `http://127.0.0.1:${relay.server.address().port}`;
  platform = await LayerAPI.Platform.start({ publicUrl, data: path.join(folder, 'chat.db') });
  app = await platform.createApp();
  const { appId, token } = app;
  layer = new LayerAPI({ appId, token, baseUrl: platform.url, agentOptions: { keepAlive: true } });
  conversation = (await layer.conversations.createAsync({ participants: ['maria'] })).body.id;
});

after(async () => {
  for (const socket of relay.sockets) socket.destroy();
  relay.server.close();
  await platform.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** Has the next connections break after so many bytes; Node keeps none of those before. */
async function breakAfter(limits) {
  const closed = [...relay.sockets].map((socket) => once(socket, 'close'));
  for (const socket of relay.sockets) socket.destroy();
  await Promise.all(closed);
  require('node:http').globalAgent.destroy();
  relay.limits = limits;
}

async function bytesOf(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* inPieces(bytes, length) {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length);
}

test('what goes up comes down, from each kind of source and in each size', async () => {
  const sources = {
    buffer: (bytes) => bytes,
    'array of bytes': (bytes) => new Uint8Array(bytes),
    stream: (bytes) => Readable.from(inPieces(bytes, 100_000)),
    iterable: (bytes) => inPieces(bytes, 3 * MIB),
  };
  for (const [name, sourceOf] of Object.entries(sources)) {
    for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5]) {
      const bytes = randomBytes(size);
      const up = [];
      const down = [];
      const onProgress = (list) => (progress) =>
        list.push(progress.transferred) && assert.strictEqual(progress.size, size);
      const options = { type: 'image/png', size, onProgress: onProgress(up) };
      const { status, body } = await layer.content.uploadAsync(conversation, sourceOf(bytes), options);
      assert.deepStrictEqual([status, Object.keys(body), body.size], [201, ['id', 'size'], size], `${name}, ${size}`);
      const stream = layer.content.download(conversation, body.id, { onProgress: onProgress(down) });
      assert.ok(stream instanceof Readable);
      assert.ok((await bytesOf(stream)).equals(bytes), `${name}, ${size}`);
      for (const list of [up, down]) {
        assert.deepStrictEqual(
          list,
          list.toSorted((a, b) => a - b),
        );
        if (size > 0) assert.strictEqual(list.at(-1), size);
      }
      assert.strictEqual(up.length, Math.max(1, Math.ceil(size / MIB)));
    }
  }
});

test('it is part of a message, and text counts as UTF-8', async () => {
  async function* source() {
    yield 'Älgå ';
    yield '⛵️';
  }
  const size = Buffer.byteLength('Älgå ⛵️');
  const content = (await layer.content.uploadAsync(conversation, source(), { type: 'text/plain', size })).body;
  const parts = [{ mime_type: 'text/plain', content }];
  const sent = (await layer.messages.sendAsync(conversation, { sender: { name: 'Harbour' }, parts })).body;
  const read = (await layer.messages.getAsync(sent.id, conversation)).body.parts[0].content;
  const bytes = await bytesOf(layer.content.download(conversation, read.id));
  assert.deepStrictEqual([read.size, bytes.toString()], [size, 'Älgå ⛵️']);
});

test('the callback form calls back once, later, and what it throws is not lost', async () => {
  const outcome = await new Promise((resolve) => {
    let isLater = false;
    layer.content.upload(conversation, Buffer.from('abc'), { type: 'text/plain' }, (...all) => resolve([isLater, all]));
    isLater = true;
  });
  const [isLater, [error, response]] = outcome;
  assert.deepStrictEqual([isLater, error, response.body.size], [true, null, 3]);
  const { stdout, stderr } = await run(program('content/thrown.js'));
  assert.strictEqual(stdout, 'thrown: Conversation ID is required\n', stderr);
});

test('an upload that breaks goes on where it was', async () => {
  const size = 3 * MIB + 7;
  const bytes = randomBytes(size);
  await breakAfter([300_000, 200_000, MIB, 500_000]);
  const up = [];
  const options = { type: 'image/png', size, onProgress: ({ transferred }) => up.push(transferred) };
  const { body } = await layer.content.uploadAsync(conversation, inPieces(bytes, 70_000), options);
  assert.deepStrictEqual(relay.limits, [], 'the link has broken four times');
  assert.deepStrictEqual(up, [MIB, 2 * MIB, 3 * MIB, size]);
  assert.ok((await bytesOf(layer.content.download(conversation, body.id))).equals(bytes));
});

test('a download that breaks goes on where it was', async () => {
  const size = 3 * MIB + 7;
  const bytes = randomBytes(size);
  const { body } = await layer.content.uploadAsync(conversation, bytes, { type: 'image/png' });
  await breakAfter([100, 400_000, 800_000, MIB]);
  const down = [];
  const stream = layer.content.download(conversation, body.id, {
    onProgress: ({ transferred }) => down.push(transferred),
  });
  assert.ok((await bytesOf(stream)).equals(bytes));
  assert.deepStrictEqual(relay.limits, [], 'the link has broken four times');
  assert.deepStrictEqual([down.at(-1), down], [size, down.toSorted((a, b) => a - b)]);
});

test('a link that gives nothing any more is given up', async () => {
  const { body } = await layer.content.uploadAsync(conversation, randomBytes(5), { type: 'image/png' });
  await breakAfter(Array(20).fill(0));
  const before = relay.opened;
  const upload = layer.content.uploadAsync(conversation, randomBytes(5), { type: 'image/png' });
  await assert.rejects(upload, { code: 'ECONNRESET' });
  assert.strictEqual(relay.opened - before, 6);
  await assert.rejects(bytesOf(layer.content.download(conversation, body.id)), { code: 'ECONNRESET' });
  assert.strictEqual(relay.opened - before, 12);
  await breakAfter([]);
});

test('a download that its reader leaves is closed', async () => {
  const { body } = await layer.content.uploadAsync(conversation, randomBytes(8 * MIB), { type: 'image/png' });
  await breakAfter([]);
  const stream = layer.content.download(conversation, body.id);
  for await (const piece of stream) {
    assert.ok(piece.length > 0);
    break;
  }
  assert.strictEqual(stream.destroyed, true);
  await until(() => relay.sockets.size === 0, 'the connection is closed');
});

test('a reader who takes longer than the timeout gets all, and nothing is asked for before', async () => {
  const bytes = randomBytes(4 * MIB);
  const { body } = await layer.content.uploadAsync(conversation, bytes, { type: 'image/png' });
  const { appId, token } = app;
  const impatient = new LayerAPI({ appId, token, baseUrl: platform.url, timeout: 2000 });
  await breakAfter([]);
  const reader = impatient.content.download(conversation, body.id)[Symbol.asyncIterator]();
  const pieces = [(await reader.next()).value];
  const { opened } = relay;
  await until(() => relay.sockets.size === 0, 'the connection is given up');
  await sleep(1500);
  assert.strictEqual(relay.opened, opened);
  for (let next = await reader.next(); !next.done; next = await reader.next()) pieces.push(next.value);
  assert.ok(Buffer.concat(pieces).equals(bytes));
});

/** The next connections stall after so many bytes; resolves when the first of them does. */
async function stallAfter(...counts) {
  await breakAfter(counts.map((count) => -count));
  return { stalled: new Promise((resolve) => Object.assign(relay, { stalled: resolve })) };
}

const closedLinks = () => until(() => relay.sockets.size === 0, 'the connection is closed');

/** A client for the app of these tests, with an agent for links as well: they lead to where it has its service. */
function clientOfItsOwn(options) {
  const baseUrl = `http://127.0.0.1:${relay.server.address().port}`;
  return new LayerAPI({ ...{ appId: app.appId, token: app.token, baseUrl }, ...options });
}

test('a signal ends a transfer: on the wire, in a wait, where the source gives nothing, and before it begins', async () => {
  const type = 'image/png';
  const bytes = randomBytes(4 * MIB);
  const { body } = await layer.content.uploadAsync(conversation, bytes, { type });
  const reason = new Error('the user has left');
  const attempt = async (start, abortWhen) => {
    const controller = new AbortController();
    const { content } = layer.withOptions({ signal: controller.signal });
    const failed = assert.rejects(start(content), (error) => {
      const { name, code, cause, retryable } = error;
      assert.deepStrictEqual([name, code, cause, retryable], ['AbortError', 'ABORT_ERR', reason, false]);
      return true;
    });
    await abortWhen;
    controller.abort(reason);
    await failed;
    await until(() => getEventListeners(controller.signal, 'abort').length === 0, 'nobody listens');
  };
  const downloads = (content) => bytesOf(content.download(conversation, body.id));
  const uploads = (content) => content.uploadAsync(conversation, bytes, { type });
  for (const start of [uploads, downloads]) {
    await attempt(start, (await stallAfter(500_000)).stalled);
    await closedLinks();
    await breakAfter(Array(20).fill(0));
    const { opened } = relay;
    await attempt(
      start,
      until(() => relay.opened > opened, 'the link breaks'),
    );
    const least = relay.opened;
    // Before each of the next attempts there would be a wait of a quarter of a second on average.
    await sleep(1000);
    assert.strictEqual(relay.opened, least);
    await breakAfter([]);
    await attempt(start);
    assert.strictEqual(relay.opened, least);
  }
  const source = new Readable({ read() {} });
  source.push(bytes.subarray(0, 10));
  await attempt((content) => content.uploadAsync(conversation, source, { type, size: 20 }), sleep(20));
  assert.strictEqual(source.destroyed, true);

  const { signal } = new AbortController();
  const one = layer.withOptions({ signal }).content;
  for (let count = 0; count < 100; count++) {
    const { id } = (await one.uploadAsync(conversation, bytes.subarray(0, 10), { type })).body;
    assert.strictEqual((await bytesOf(one.download(conversation, id))).length, 10);
  }
  assert.strictEqual(getEventListeners(signal, 'abort').length, 0);
});

test('timeout and maxRetries of withOptions, and those of the constructor, hold for a transfer', async () => {
  const type = 'image/png';
  const { body } = await layer.content.uploadAsync(conversation, randomBytes(5), { type });
  const starts = [
    (content) => content.uploadAsync(conversation, randomBytes(5), { type }),
    (content) => bytesOf(content.download(conversation, body.id)),
    (content) => content.downloadAsync(conversation, body.id),
  ];
  const { appId, token } = app;
  const configured = (options) => new LayerAPI({ appId, token, baseUrl: platform.url, ...options });
  for (const start of starts) {
    for (const [client, connections] of [
      [layer.withOptions({ maxRetries: 0 }), 1],
      [layer.withOptions({ maxRetries: 2 }), 3],
      [configured({ maxRetries: 1 }), 2],
      [configured({ maxRetries: 1 }).withOptions({ maxRetries: 0 }), 1],
    ]) {
      await breakAfter(Array(20).fill(0));
      const { opened } = relay;
      await assert.rejects(start(client.content), { code: 'ECONNRESET' });
      assert.strictEqual(relay.opened - opened, connections);
    }
    await stallAfter(1);
    const impatient = layer.withOptions({ timeout: 300, maxRetries: 0 });
    const message = 'Request timeout after 0.3seconds.';
    await assert.rejects(start(impatient.content), { name: 'APIError', message });
    await closedLinks();
  }
  await breakAfter([]);
});

test('close waits for transfers under way, also where they break, and closes their connections', async () => {
  const type = 'image/png';
  const bytes = randomBytes(3 * MIB);
  await breakAfter([]);
  const client = clientOfItsOwn({ agentOptions: { keepAlive: true } });
  const { body } = await client.content.uploadAsync(conversation, bytes, { type });

  let goOn;
  const isHeld = new Promise((resolve) => {
    goOn = resolve;
  });
  async function* source() {
    yield bytes.subarray(0, MIB);
    await isHeld;
    yield bytes.subarray(MIB);
  }
  const begun = new Promise((resolve) => {
    client.content.upload(
      conversation,
      source(),
      { type, size: bytes.length, onProgress: resolve },
      (error, response) => outcomes.push(error, response?.body.size),
    );
  });
  const outcomes = [];
  await begun;
  const reader = (await client.content.downloadAsync(conversation, body.id))[Symbol.asyncIterator]();
  const pieces = [(await reader.next()).value];
  let isClosed = false;
  const closed = client.close().then(() => {
    isClosed = true;
  });
  // Both have to ask again, which a closed client does for nobody else.
  await breakAfter([]);
  for (let next = await reader.next(); !next.done; next = await reader.next()) pieces.push(next.value);
  assert.ok(Buffer.concat(pieces).equals(bytes));
  assert.strictEqual(isClosed, false);
  goOn();
  await closed;
  assert.deepStrictEqual(outcomes, [null, bytes.length]);
  await closedLinks();

  const late = { code: 'ERR_LAYER_CLIENT_CLOSED' };
  await assert.rejects(client.content.uploadAsync(conversation, bytes, { type }), late);
  await assert.rejects(client.content.downloadAsync(conversation, body.id), late);
  await assert.rejects(bytesOf(client.content.download(conversation, body.id)), late);
});

test('a download with a callback, or a promise, gives its stream when there is something to read, or the error', async () => {
  const bytes = randomBytes(2 * MIB);
  const { body } = await layer.content.uploadAsync(conversation, bytes, { type: 'image/png' });
  const called = (...args) => new Promise((resolve) => layer.content.download(...args, (...all) => resolve(all)));
  for (const options of [[], [{ onProgress() {} }], [undefined]]) {
    const [error, stream] = await called(conversation, body.id, ...options);
    assert.strictEqual(error, null);
    assert.ok(stream instanceof Readable);
    // It waits for its reader.
    await sleep(50);
    assert.ok((await bytesOf(stream)).equals(bytes));
  }
  const stream = await layer.content.downloadAsync(conversation, body.id);
  assert.ok((await bytesOf(stream)).equals(bytes));
  const unknown = 'f3cc7b32-3c92-11e4-baad-164230d1df67';
  const [failure, ...rest] = await called(conversation, unknown);
  assert.deepStrictEqual([failure.status, rest], [404, []]);
  await assert.rejects(layer.content.downloadAsync(conversation, unknown), { status: 404 });
  await assert.rejects(layer.content.downloadAsync(conversation, body.id, { onProgres: 1 }), { name: 'TypeError' });
  assert.throws(() => layer.content.download(conversation, body.id, {}, 'callback'), { name: 'TypeError' });

  await breakAfter([100, 400_000]);
  const broken = await layer.content.downloadAsync(conversation, body.id);
  assert.ok((await bytesOf(broken)).equals(bytes));
  assert.deepStrictEqual(relay.limits, []);
  const promisified = Bluebird.promisifyAll(layer.withOptions({}).content);
  assert.strictEqual(typeof (await promisified.downloadAsync(conversation, body.id)).pipe, 'function');
});

test('what is wrong is an error, and the source of an upload is closed', async () => {
  const upload = (source, options) => layer.content.uploadAsync(conversation, source, options);
  const type = 'image/png';
  const wrong = [
    [[Buffer.from('a'), { type, sise: 1 }], 'layer.content.upload has no option `sise`'],
    [[Buffer.from('a'), { type, onProgress: 1 }], 'Option `onProgress` of layer.content.upload needs to be a function'],
    [[Buffer.from('a'), { type, size: 2 }], 'Option `size` of layer.content.upload is 2, and the source has 1 bytes'],
    [['text', { type }], 'The source of layer.content.upload needs to be a Buffer, a Readable or an AsyncIterable'],
    [[inPieces([1], 1), { type }], 'Content properties should be an object with type and size'],
    [[Buffer.from('a'), {}], 'Content properties should be an object with type and size'],
    [[Buffer.from('a'), 1], 'The options of layer.content.upload need to be an object'],
    [[Readable.from([1]), { type, size: 1 }], 'The source of layer.content.upload needs to give bytes or text'],
    [[Readable.from(['ab']), { type, size: 1 }], 'The source has more than the 1 bytes that were announced'],
    [[Readable.from(['ab']), { type, size: 3 }], 'The source has 2 of the 3 bytes that were announced'],
  ];
  for (const [args, message] of wrong) await assert.rejects(upload(...args), { message });
  const fault = new Error('the disk is gone');
  async function* failing() {
    yield Buffer.from('a');
    throw fault;
  }
  await assert.rejects(upload(failing(), { type, size: 5 }), fault);
  const source = Readable.from(inPieces(randomBytes(100), 10));
  await assert.rejects(upload(source, { type, size: 1 }), RangeError);
  assert.strictEqual(source.destroyed, true);
  assert.throws(() => layer.content.download(conversation, 'id', { onProgres: 1 }), { name: 'TypeError' });
  assert.throws(() => layer.content.upload(conversation, source, { type }, 'callback'), { name: 'TypeError' });
  const { body } = await upload(Buffer.from('abc'), { type });
  const onProgress = () => {
    throw fault;
  };
  await assert.rejects(bytesOf(layer.content.download(conversation, body.id, { onProgress })), fault);
  await assert.rejects(upload(Buffer.from('abc'), { type, onProgress }), fault);
  const unknown = layer.content.download(conversation, 'f3cc7b32-3c92-11e4-baad-164230d1df67');
  await assert.rejects(bytesOf(unknown), { status: 404 });
  await assert.rejects(bytesOf(layer.content.download(conversation, 'wrong')), { message: 'Content ID is required' });
});

test('trust, agents and promises are those of the client', async () => {
  const { ca, cert, key } = createCertificate();
  const secure = await LayerAPI.Platform.start({ cert, key });
  const https = require('node:https');
  const agent = new https.Agent({ ca });
  try {
    const { appId, token } = await secure.createApp();
    for (const options of [{ agentOptions: { ca } }, { agent }]) {
      const client = new LayerAPI({ appId, token, baseUrl: secure.url, Promise: Bluebird, ...options });
      const { id } = (await client.conversations.createAsync({ participants: ['maria'] })).body;
      const promise = client.content.uploadAsync(id, Buffer.from('abc'), { type: 'text/plain' });
      assert.ok(promise instanceof Bluebird);
      const { body } = await promise;
      assert.strictEqual((await bytesOf(client.content.download(id, body.id))).toString(), 'abc');
    }
  } finally {
    agent.destroy();
    await secure.close();
  }
});

test('memory stays the same whatever is transferred', async () => {
  const { appId, token } = await platform.createApp();
  const client = new LayerAPI({ appId, token, baseUrl: platform.url });
  const { id } = (await client.conversations.createAsync({ participants: ['maria'] })).body;
  const SETTINGS = JSON.stringify({ appId, token, url: platform.url, conversation: id });
  const { stdout, stderr } = await run(program('content/memory.js'), { args: ['--expose-gc'], env: { SETTINGS } });
  assert.strictEqual(stdout, '[96,true]\n', stderr);
});
