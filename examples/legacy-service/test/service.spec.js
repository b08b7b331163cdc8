'use strict';

/* globals describe, it, before, after, afterEach */

var assert = require('assert');
var http = require('http');
var nock = require('nock');
var server = require('../server');

var APP = '/apps/e4fd3974-20fe-11e5-89c5-080725007e28';
var ID = 'f3cc7b32-3c92-11e4-baad-164230d1df67';
var CONVERSATION = 'layer:///conversations/' + ID;
var TOUR = { id: '0c6f6bd6-2d5a-4d5b-8a3c-2f3f6b2c5b11', title: 'Docks', guests: ['maria', 'jon'] };

function layer() {
  return nock('https://api.layer.com', {
    reqheaders: { authorization: 'Bearer token-of-the-tests', accept: 'application/vnd.layer+json; version=1.1' },
  });
}

/** Calls the service; `callback(status, body)`. */
function call(method, path, body, callback) {
  var options = { port: server.address().port, method: method, path: path };
  http
    .request(options, function (res) {
      var text = '';
      res.on('data', function (chunk) {
        text += chunk;
      });
      res.on('end', function () {
        callback(res.statusCode, JSON.parse(text));
      });
    })
    .end(body && JSON.stringify(body));
}

describe('harbour tours', function () {
  before(function (done) {
    nock.disableNetConnect();
    nock.enableNetConnect(/localhost|127\.0\.0\.1/);
    server.listen(0, done);
  });

  after(function (done) {
    nock.enableNetConnect();
    server.close(done);
  });

  afterEach(function () {
    assert.deepStrictEqual(nock.pendingMocks(), []);
    nock.cleanAll();
  });

  /** The service in the process of opening a tour. */
  function opening() {
    return layer()
      .post(APP + '/conversations', { participants: ['maria', 'jon', 'guide'], distinct: false })
      .matchHeader('if-none-match', TOUR.id);
  }

  function opened() {
    layer()
      .patch(APP + '/conversations/' + ID, [{ operation: 'set', property: 'metadata.title', value: 'Docks' }])
      .matchHeader('content-type', 'application/vnd.layer-patch+json')
      .reply(204);
    layer()
      .post(APP + '/conversations/' + ID + '/messages', function (body) {
        return body.sender.name === 'Harbour Tours' && body.parts[0].body === 'Welcome aboard!';
      })
      .reply(201, { id: 'layer:///messages/1' });
  }

  it('opens a tour with a welcome', function (done) {
    opening().reply(201, { id: CONVERSATION });
    opened();
    call('POST', '/tours', TOUR, function (status, body) {
      assert.strictEqual(status, 201);
      assert.deepStrictEqual(body, { conversation: CONVERSATION, welcome: 'layer:///messages/1' });
      done();
    });
  });

  it('tries again where the service was away', function (done) {
    var lost = new Error('socket hang up');
    lost.code = 'ECONNRESET';
    opening().replyWithError(lost);
    opening().reply(503, { id: 'service_unavailable' });
    opening().reply(201, { id: CONVERSATION });
    opened();
    call('POST', '/tours', TOUR, function (status) {
      assert.strictEqual(status, 201);
      done();
    });
  });

  it('says what the service had against a tour', function (done) {
    opening().reply(422, { id: 'invalid_property', code: 105, data: { property: 'participants' } });
    call('POST', '/tours', TOUR, function (status, body) {
      assert.strictEqual(status, 502);
      assert.deepStrictEqual(body, { error: 'invalid_property', status: 422 });
      done();
    });
  });

  it('lists what is unread', function (done) {
    layer()
      .get(APP + '/users/maria%20b/conversations')
      .query({ page_size: 25 })
      .reply(200, [{ id: CONVERSATION, metadata: { title: 'Docks' }, unread_message_count: 2 }]);
    call('GET', '/users/maria%20b/overview', null, function (status, body) {
      assert.strictEqual(status, 200);
      assert.deepStrictEqual(body, [{ id: CONVERSATION, title: 'Docks', unread: 2 }]);
      done();
    });
  });

  it('knows nothing of a new user', function (done) {
    layer()
      .get(APP + '/users/new/conversations?page_size=25')
      .reply(404, { id: 'not_found', code: 102 });
    call('GET', '/users/new/overview', null, function (status, body) {
      assert.deepStrictEqual([status, body], [200, []]);
      done();
    });
  });

  function asking(blocked) {
    layer()
      .get(APP + '/conversations/' + ID)
      .reply(200, { id: CONVERSATION, participants: ['maria', 'jon'] });
    layer()
      .get(APP + '/users/maria/blocks')
      .reply(200, blocked);
  }

  it('passes on what a guest says', function (done) {
    asking([{ user_id: 'ada' }]);
    layer()
      .post(APP + '/conversations/' + ID + '/messages', {
        sender: { user_id: 'maria' },
        parts: [{ body: 'Ahoj! ⚓', mime_type: 'text/plain' }],
      })
      .reply(201, { id: 'layer:///messages/2' });
    call('POST', '/tours/' + ID + '/messages', { user: 'maria', text: 'Ahoj! ⚓' }, function (status, body) {
      assert.deepStrictEqual([status, body], [201, { id: 'layer:///messages/2' }]);
      done();
    });
  });

  it('passes on nothing to those on a block list', function (done) {
    asking([{ user_id: 'jon' }]);
    call('POST', '/tours/' + ID + '/messages', { user: 'maria', text: 'Ahoj!' }, function (status, body) {
      assert.deepStrictEqual([status, body], [500, { error: 'Somebody here is on the block list of maria' }]);
      done();
    });
  });

  it('lets a guest go', function (done) {
    layer()
      .patch(APP + '/conversations/' + ID, [{ operation: 'remove', property: 'participants', value: 'jon' }])
      .reply(204);
    call('DELETE', '/tours/' + ID + '/guests/jon', null, function (status, body) {
      assert.deepStrictEqual([status, body], [200, true]);
      done();
    });
  });

  it('brings names along, and stops at the first error', function (done) {
    var users = ['a', 'b', 'c', 'd', 'e'].map(function (id) {
      return { id: id, name: id.toUpperCase(), picture: 'https://pictures.example/' + id };
    });
    users.forEach(function (user) {
      layer()
        .put(APP + '/users/' + user.id + '/identity', { display_name: user.name, avatar_url: user.picture })
        .reply(204);
    });
    call('PUT', '/users', users, function (status, body) {
      assert.deepStrictEqual([status, body], [200, { updated: 5 }]);
      layer()
        .put(APP + '/users/a/identity')
        .reply(500, 'upstream');
      call('PUT', '/users', users.slice(0, 1), function (status, body) {
        assert.deepStrictEqual([status, body], [502, { error: 'unknown', status: 500 }]);
        done();
      });
    });
  });

  it('announces', function (done) {
    layer()
      .post(APP + '/announcements', function (body) {
        return body.recipients[0] === 'everyone' && body.parts[0].body === 'Low tide';
      })
      .reply(202, {});
    call('POST', '/announcements', { recipients: ['everyone'], text: 'Low tide' }, function (status, body) {
      assert.deepStrictEqual([status, body], [202, 'sent']);
      done();
    });
  });
});
