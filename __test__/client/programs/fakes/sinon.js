'use strict';

/** What tests of services do with sinon: stubs of `https.request`, of methods of the client, and its fake server. */

const https = require('https');
const { EventEmitter } = require('events');
const { PassThrough } = require('stream');
const { assert, fake: sinon, layer, ownClient, run } = require('./start.js');

/** A request that is answered with `body`. */
function answering(statusCode, body) {
  const request = Object.assign(new EventEmitter(), { setTimeout() {}, write: sinon.spy(), end: sinon.spy() });
  const response = Object.assign(new PassThrough(), { statusCode, headers: {}, rawHeaders: [] });
  setImmediate(() => {
    request.emit('socket', new EventEmitter());
    request.emit('response', response);
    response.end(body);
  });
  return request;
}

run(async () => {
  const request = sinon.stub(https, 'request').callsFake(() => answering(201, '{"id":"a"}'));
  const { body } = await layer.conversations.createAsync({ participants: ['maria'] });
  assert.deepStrictEqual([body, request.callCount, request.firstCall.args[0].method], [{ id: 'a' }, 1, 'POST']);
  assert.strictEqual(request.firstCall.returnValue.write.firstCall.args[0], '{"participants":["maria"]}');
  request.restore();

  const stub = sinon.stub(layer.messages, 'send').yields(null, { status: 201, body: { id: 'm' } });
  assert.deepStrictEqual((await layer.messages.sendAsync('id', {})).body, { id: 'm' });
  sinon.assert.calledOnce(stub);
  stub.restore();
  assert.strictEqual(layer.messages.send.name, 'send');
  sinon.stub(layer, 'blocklist').value({ get: (_user, callback) => callback(null, 'fake') });
  layer.blocklist.get('maria', (error, reply) => assert.deepStrictEqual([error, reply], [null, 'fake']));
  sinon.restore();
  assert.strictEqual(typeof layer.blocklist.get, 'function');

  // Of Node's http it reaches nothing, as with 2.x: it stands in place of XMLHttpRequest. Its clock stops no request.
  global.XMLHttpRequest = class {};
  const server = sinon.fakeServer.create();
  server.respondWith('GET', /blocks/, [200, {}, '["fake"]']);
  const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] });
  assert.deepStrictEqual((await ownClient().blocklist.getAsync('maria')).body, { passed: true });
  assert.strictEqual(server.requests.length, 0);
  clock.restore();
  server.restore();
});
