'use strict';

/** Replies that are larger than `maxResponseBytes`: the call fails while they come in, and nothing else does. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const { client, closeAll, get, plainServer, secureServer, until } = require('./support.js');

afterEach(closeAll);

const LIMIT = 1000;
const LONGEST = 536870888;

/** The error of a reply that is too large. */
function assertTooLarge({ error, calls }, limit, size) {
  assert.deepStrictEqual([error?.name, error?.code, calls], ['Error', 'ERR_RESPONSE_TOO_LARGE', 1], String(error));
  const text = `The response is too large: \`maxResponseBytes\` is ${limit}, and the response ${size}`;
  assert.strictEqual(error.message, text);
}

/** Answers with so many bytes as the user id says: with a length, or in chunks where it begins with `c`. */
function sized(request, response) {
  const [, form, length] = /users\/(.)(\d+)\//.exec(request.url);
  const body = `${' '.repeat(Number(length) - 2)}{}`;
  if (form === 'l') response.setHeader('Content-Length', length);
  if (form === 'e') response.statusCode = 500;
  for (let start = 0; start < body.length; start += 300) response.write(body.slice(start, start + 300));
  response.end();
}

for (const [how, config] of [
  ['directly', (server) => ({ baseUrl: server.url })],
  // A proxy of plain HTTP answers in place of the service.
  ['through a proxy', (server) => ({ baseUrl: 'http://layer.test', proxy: server.url })],
]) {
  test(`a reply may have as many bytes as the limit, and no more (${how})`, async () => {
    const server = await plainServer(sized);
    const layer = client(server, { keepAlive: true }, { ...config(server), maxResponseBytes: LIMIT });
    for (const form of ['l', 'c']) {
      assert.deepStrictEqual((await get(layer, `${form}${LIMIT}`)).result, { status: 200, body: {} });
      const size = form === 'l' ? `has ${LIMIT + 1} bytes` : 'goes on after that';
      assertTooLarge(await get(layer, `${form}${LIMIT + 1}`), LIMIT, size);
      assert.deepStrictEqual((await get(layer, `${form}${LIMIT}`)).result, { status: 200, body: {} });
    }
    assertTooLarge(await get(layer, `e${LIMIT + 1}`), LIMIT, 'goes on after that');
    await assert.rejects(layer.blocklist.getAsync(`c${LIMIT + 1}`), { code: 'ERR_RESPONSE_TOO_LARGE' });
  });

  test(`the connection of a reply that is too large is closed, and the rest of it is not read (${how})`, async () => {
    const chunk = Buffer.alloc(1 << 16, ' ');
    let sent = 0;
    const endless = (_request, response) => {
      const push = () => {
        while (response.writable && !response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) return response.once('drain', push);
        }
        return undefined;
      };
      push();
    };
    const server = await plainServer(endless);
    const layer = client(server, { keepAlive: true }, { ...config(server), maxResponseBytes: LIMIT });
    assertTooLarge(await get(layer), LIMIT, 'goes on after that');
    await until(() => server.open.size === 0, 'the connection is closed');
    // What fits into the buffers of both sockets.
    assert.ok(sent < 64 << 20, `${sent} bytes were sent`);
  });
}

test('the limit counts bytes as they come in, whatever they are as text', async () => {
  const body = '"é😀"';
  const server = await plainServer((_request, response) => response.end(body));
  const bytes = Buffer.byteLength(body);
  const of = (maxResponseBytes) => get(client(server, {}, { maxResponseBytes }));
  assert.deepStrictEqual((await of(bytes)).result, { status: 200, body: 'é😀' });
  assertTooLarge(await of(bytes - 1), bytes - 1, `has ${bytes} bytes`);
});

test('large replies that come together are all there', async () => {
  const waiting = [];
  const server = await plainServer((_request, response) => {
    waiting.push(response);
    if (waiting.length < 6) return;
    for (const [index, one] of waiting.entries()) one.end(`"${(index % 2 ? 'é' : 'e').repeat(900_000)}"`);
  });
  const layer = client(server, { keepAlive: true });
  const outcomes = await Promise.all(Array.from({ length: 6 }, (_, index) => get(layer, `user${index}`)));
  for (const { result, calls } of outcomes) assert.deepStrictEqual([calls, result.body.length], [1, 900_000]);
});

test('a reply beyond the default limit, without end, fails alone', async () => {
  const chunk = Buffer.alloc(1 << 20, ' ');
  let isOver = false;
  const server = await secureServer((request, response) => {
    if (!request.url.includes('/endless/')) return response.end('{}');
    const push = () => {
      while (!isOver) if (!response.write(chunk)) return response.once('drain', push);
      return undefined;
    };
    response.once('close', () => {
      isOver = true;
    });
    return push();
  });
  const layer = client(server, { keepAlive: true }, { timeout: 60000 });
  const endless = get(layer, 'endless');
  assert.strictEqual((await get(layer)).result.status, 200);
  assertTooLarge(await endless, 256 << 20, 'goes on after that');
  await until(() => isOver, 'the server has seen the connection closed');
  for (const one of [layer, client(server)]) assert.strictEqual((await get(one)).result.status, 200);
});

test('a wrong limit is refused by the constructor', async () => {
  const server = await plainServer(sized);
  const make = (maxResponseBytes) => client(server, {}, { maxResponseBytes });
  for (const wrong of [0, -1, 1.5, Number.NaN, Infinity, LONGEST + 1, '1000', true, {}, []]) {
    assert.throws(() => make(wrong), {
      name: 'TypeError',
      message: `Constructor option \`maxResponseBytes\` needs to be a whole number from 1 to ${LONGEST}`,
    });
  }
  for (const right of [undefined, null, 10, LONGEST]) {
    assert.deepStrictEqual((await get(make(right), 'l10')).result, { status: 200, body: {} });
  }
});
