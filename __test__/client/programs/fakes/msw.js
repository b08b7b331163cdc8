'use strict';

/** What tests of services do with msw: its part for Node is `fake`, the rest of it is at MSW. */

const { assert, fake, ownClient, root, run, token } = require('./start.js');
const { http, HttpResponse, passthrough } = require(process.env.MSW);

const id = process.env.CONVERSATION;

run(async () => {
  const seen = [];
  const service = `https://api.layer.com${root}`;
  const mock = fake.setupServer(
    http.post(`${service}/conversations`, async ({ request }) => {
      seen.push(await request.json(), request.headers.get('authorization'));
      return HttpResponse.json({ id: 'a' }, { status: 201 });
    }),
    http.get(`${service}/conversations/:id`, () => HttpResponse.json({ id: 'not_found' }, { status: 404 })),
    http.get(`${service}/users/:id/blocks`, () => HttpResponse.error()),
    http.get(`${process.env.LAYER_API_URL}${root}/users/:id/blocks`, () => passthrough()),
  );
  mock.listen({ onUnhandledRequest: 'error' });
  const live = ownClient({ baseUrl: 'https://api.layer.com', agentOptions: undefined });
  const { status, body } = await live.conversations.createAsync({ participants: ['maria'] });
  assert.deepStrictEqual([status, body, seen], [201, { id: 'a' }, [{ participants: ['maria'] }, `Bearer ${token}`]]);
  await assert.rejects(live.conversations.getAsync(id), { status: 404, body: { id: 'not_found' } });
  await assert.rejects(live.blocklist.getAsync('maria'));
  assert.deepStrictEqual((await ownClient().blocklist.getAsync('maria')).body, { passed: true });
  mock.close();
});
