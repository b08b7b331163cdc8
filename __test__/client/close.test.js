'use strict';

/** The end of a client. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const { inspect } = require('node:util');
const https = require('node:https');
const { LayerAPI, TOKEN, APP_ID, certificate, client, closeAll, held, secureServer, until } = require('./support.js');

afterEach(closeAll);

const failureOf = (promise) =>
  promise.then(
    (value) => assert.fail(`it did not fail: ${inspect(value)}`),
    (error) => error,
  );

const CLOSED = { message: 'The client is closed', code: 'ERR_LAYER_CLIENT_CLOSED' };

test('close waits for what is under way, and closes the connections', async () => {
  const { handler, next } = held();
  const server = await secureServer(handler);
  const layer = client(server, { keepAlive: true });
  // One after the other: each has a connection, and of several the server may get any first.
  const requests = [];
  const answers = [];
  for (const user of ['a', 'b', 'c']) {
    requests.push(layer.blocklist.getAsync(user));
    answers.push(await next());
  }
  let isClosed = false;
  const closed = layer.close().then((value) => {
    isClosed = true;
    return value;
  });
  answers[0].end('{}');
  answers[1].end('{}');
  await Promise.all(requests.slice(0, 2));
  assert.strictEqual(isClosed, false);
  answers[2].end('{}');
  assert.strictEqual((await requests[2]).status, 200);
  assert.strictEqual(await closed, undefined);
  await until(() => server.open.size === 0, 'the connections are closed');
});

test('close waits for a request that waits to be tried again', async () => {
  let count = 0;
  const server = await secureServer((_request, response) => {
    count += 1;
    response.statusCode = count === 1 ? 503 : 200;
    response.end('{}');
  });
  const layer = client(server, { keepAlive: true }, { maxRetries: 1 });
  const request = layer.blocklist.getAsync('maria');
  await until(() => count === 1, 'the first attempt is over');
  await layer.close();
  assert.strictEqual((await request).attempts, 2);
});

test('a call after close is an error, on all clients of the family, whichever was closed', async () => {
  const server = await secureServer();
  for (const pick of [(layer) => layer, (layer) => layer.withOptions({})]) {
    const layer = client(server);
    const other = layer.withOptions({ timeout: 1000 });
    const { get } = layer.blocklist;
    await pick(layer).close();
    for (const one of [layer, other, other.withOptions({})]) {
      const { message, code } = await failureOf(one.blocklist.getAsync('maria'));
      assert.deepStrictEqual({ message, code }, CLOSED);
    }
    const error = await new Promise((resolve) => get('maria', resolve));
    assert.strictEqual(error.code, CLOSED.code);
    assert.doesNotThrow(() => layer.blocklist.block('maria', 'jon'));
    await Promise.all([layer.close(), other.close()]);
  }
  assert.strictEqual(server.opened, 0);
});

test('connections that another client of the same agent may use stay open, until it is closed, too', async () => {
  const server = await secureServer();
  const agent = new https.Agent({ ca: certificate().ca, keepAlive: true });
  const make = () => new LayerAPI({ token: TOKEN, appId: APP_ID, baseUrl: server.url, agent });
  const [one, other] = [make(), make()];
  await one.blocklist.getAsync('maria');
  await one.close();
  assert.strictEqual((await other.blocklist.getAsync('maria')).status, 200);
  assert.strictEqual(server.opened, 1);
  await other.close();
  await until(() => server.open.size === 0, 'the connection is closed');
  // A client that is made later has connections again.
  const third = make();
  await third.blocklist.getAsync('maria');
  await third.blocklist.getAsync('maria');
  assert.strictEqual(server.opened, 2);
  await third.close();
});

test('a client and a platform are disposed of as Node.js does', async () => {
  const platform = await LayerAPI.Platform.start();
  const { appId, token } = await platform.createApp();
  const layer = new LayerAPI({ appId, token, baseUrl: platform.url });
  await layer.identities.createAsync('maria', { display_name: 'Maria' });
  await layer[Symbol.asyncDispose]();
  assert.strictEqual((await failureOf(layer.identities.getAsync('maria'))).code, CLOSED.code);
  await platform[Symbol.asyncDispose]();
  await assert.rejects(fetch(platform.url));
});

test('close answers with the promise that the service chose', () => {
  class Chosen extends Promise {}
  const layer = new LayerAPI({ token: TOKEN, appId: APP_ID, Promise: Chosen });
  assert.ok(layer.close() instanceof Chosen);
});
