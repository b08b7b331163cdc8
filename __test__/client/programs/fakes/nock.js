'use strict';

/** What tests of services do with nock. Argument: its version. */

const { LayerAPI, appId, assert, fake, layer, root, run, token } = require('./start.js');

const id = process.env.CONVERSATION;

run(async () => {
  fake.disableNetConnect();
  const scope = fake('https://api.layer.com', { reqheaders: { authorization: `Bearer ${token}` } })
    .post(`${root}/conversations`, { participants: ['maria'] })
    .reply(201, { id: 'a' })
    .get(`${root}/users/maria/conversations`)
    .query({ page_size: '5' })
    .reply(200, [{ id: 'b' }])
    .delete(`${root}/conversations/${id}`)
    .reply(204)
    .get(`${root}/conversations/${id}`)
    .reply(404, { id: 'not_found', code: 102 })
    .put(`${root}/users/maria/identity`)
    .replyWithError(Object.assign(new Error('broken'), { code: 'ECONNRESET' }));
  const { status, body } = await layer.conversations.createAsync({ participants: ['maria'] });
  assert.deepStrictEqual([status, body], [201, { id: 'a' }]);
  const list = await layer.conversations.getAllFromUserAsync('maria', { page_size: 5 });
  assert.deepStrictEqual(list.body, [{ id: 'b' }]);
  assert.deepStrictEqual(await layer.conversations.deleteAsync(id), { status: 204, body: '' });
  await assert.rejects(layer.conversations.getAsync(id), (error) => {
    assert.ok(error instanceof LayerAPI.ResponseError);
    assert.deepStrictEqual([error.status, error.body], [404, { id: 'not_found', code: 102 }]);
    return true;
  });
  const replaced = layer.identities.replaceAsync('maria', { display_name: 'M' });
  await assert.rejects(replaced, { message: 'broken', code: 'ECONNRESET' });
  scope.done();
  await assert.rejects(layer.blocklist.getAsync('maria'), /[Nn]ock|disallowed/i);
  fake('https://api.layer.com')
    .get(/blocks/)
    .delayConnection(10000)
    .reply(200, []);
  const slow = new LayerAPI({ token, appId, timeout: 100 });
  const error = await slow.blocklist.getAsync('maria').catch((error) => error);
  // Time passes in nock 14, which is silent meanwhile: it has no timeouts.
  if (process.argv[2] === 'nock-14') assert.ok(error);
  else assert.strictEqual(error.message, 'Request timeout after 0.1seconds.');
  if (fake.abortPendingRequests) fake.abortPendingRequests();
  fake.cleanAll();
});
