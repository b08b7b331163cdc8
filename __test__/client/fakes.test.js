'use strict';

/** Fakes of HTTP as the tests of services use them: nock in three makes, and msw, with `transport: 'node'`. */

const assert = require('node:assert');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { afterEach, before, test } = require('node:test');
const { APP_ID, CONVERSATION, ROOT, TOKEN, closeAll, run, secureServer, certificate } = require('./support.js');

/** A client of ours for the live service, whose tests have only the environment to change it. */
const START = `
  const LayerAPI = require(${JSON.stringify(ROOT)});
  const assert = require('assert');
  const token = ${JSON.stringify(TOKEN)};
  const appId = ${JSON.stringify(APP_ID)};
  const id = ${JSON.stringify(CONVERSATION)};
  const layer = new LayerAPI({ token, appId, timeout: 2000 });
  const root = '/apps/' + appId;`;

let fakeOf;

before(async () => {
  const fakes = await import('../../scripts/fakes.mjs');
  fakes.installFakes();
  fakeOf = fakes.fakeOf;
});

afterEach(closeAll);

/** Runs `source` with a fake in it as `fake`; what it prints last has to be `done`. */
async function passes(fake, source, options = {}) {
  const start = `const fake = require(${JSON.stringify(fake)}); (async () => {${START}`;
  const env = { LAYER_API_TRANSPORT: 'node', ...options.env };
  const { code, stdout, stderr } = await run(`${start}${source} console.log('done'); })();`, { ...options, env });
  assert.deepStrictEqual([code, stdout], [0, 'done\n'], stderr);
}

for (const nock of ['nock-11', 'nock-13', 'nock-14']) {
  test(`${nock} answers, fails, delays and refuses what it does not expect`, async () => {
    await passes(
      fakeOf(nock, 'nock'),
      `
      fake.disableNetConnect();
      const scope = fake('https://api.layer.com', { reqheaders: { authorization: 'Bearer ' + token } })
        .post(root + '/conversations', { participants: ['maria'] }).reply(201, { id: 'a' })
        .get(root + '/users/maria/conversations').query({ page_size: '5' }).reply(200, [{ id: 'b' }])
        .delete(root + '/conversations/' + id).reply(204)
        .get(root + '/conversations/' + id).reply(404, { id: 'not_found', code: 102 })
        .put(root + '/users/maria/identity').replyWithError(Object.assign(new Error('broken'), { code: 'ECONNRESET' }));
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
      await assert.rejects(layer.identities.replaceAsync('maria', { display_name: 'M' }), { message: 'broken', code: 'ECONNRESET' });
      scope.done();
      await assert.rejects(layer.blocklist.getAsync('maria'), /[Nn]ock|disallowed/i);
      fake('https://api.layer.com').get(/blocks/).delayConnection(10000).reply(200, []);
      const slow = new LayerAPI({ token, appId, timeout: 100 });
      const error = await slow.blocklist.getAsync('maria').catch((error) => error);
      ${
        // Time passes in nock 14, which is silent meanwhile: it has no timeouts.
        nock === 'nock-14'
          ? 'assert.ok(error);'
          : "assert.strictEqual(error.message, 'Request timeout after 0.1seconds.');"
      }
      fake.abortPendingRequests && fake.abortPendingRequests();
      fake.cleanAll();`,
    );
  });
}

for (const nock of ['nock-13', 'nock-14']) {
  test(`${nock} records a cassette and plays it again`, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'layer-api-cassettes-'));
    try {
      let answers = 0;
      const server = await secureServer((request, response) => {
        request.resume();
        request.on('end', () => {
          response.writeHead(201, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ id: `answer ${++answers}` }));
        });
      });
      const source = `
        fake.back.fixtures = ${JSON.stringify(folder)};
        fake.back.setMode(process.env.MODE);
        const { nockDone } = await fake.back('cassette.json');
        const agentOptions = { ca: process.env.CA };
        const own = new LayerAPI({ token, appId, agentOptions, baseUrl: process.env.LAYER_API_URL });
        const { body } = await own.conversations.createAsync({ participants: ['maria'] });
        assert.deepStrictEqual(body, { id: 'answer 1' });
        nockDone();`;
      const env = { CA: certificate().ca };
      await passes(fakeOf(nock, 'nock'), source, { server, env: { ...env, MODE: 'record' } });
      assert.strictEqual(answers, 1);
      const [{ method, body }] = JSON.parse(readFileSync(path.join(folder, 'cassette.json'), 'utf8'));
      assert.deepStrictEqual([method, body], ['POST', { participants: ['maria'] }]);
      await passes(fakeOf(nock, 'nock'), source, { server, env: { ...env, MODE: 'lockdown' } });
      assert.strictEqual(answers, 1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test('msw answers, fails and lets pass', async () => {
  const server = await secureServer((_request, response) => response.end('{"passed":true}'));
  await passes(
    path.join(fakeOf('msw-2', 'msw'), 'lib', 'node', 'index.js'),
    `
    const { http, HttpResponse, passthrough } = require(${JSON.stringify(fakeOf('msw-2', 'msw'))});
    const seen = [];
    const service = 'https://api.layer.com' + root;
    const mock = fake.setupServer(
      http.post(service + '/conversations', async ({ request }) => {
        seen.push(await request.json(), request.headers.get('authorization'));
        return HttpResponse.json({ id: 'a' }, { status: 201 });
      }),
      http.get(service + '/conversations/:id', () => HttpResponse.json({ id: 'not_found' }, { status: 404 })),
      http.get(service + '/users/:id/blocks', () => HttpResponse.error()),
      http.get(process.env.LAYER_API_URL + root + '/users/:id/blocks', () => passthrough()),
    );
    mock.listen({ onUnhandledRequest: 'error' });
    const live = new LayerAPI({ token, appId, baseUrl: 'https://api.layer.com' });
    const { status, body } = await live.conversations.createAsync({ participants: ['maria'] });
    assert.deepStrictEqual([status, body, seen], [201, { id: 'a' }, [{ participants: ['maria'] }, 'Bearer ' + token]]);
    await assert.rejects(live.conversations.getAsync(id), { status: 404, body: { id: 'not_found' } });
    await assert.rejects(live.blocklist.getAsync('maria'));
    const own = new LayerAPI({ token, appId, agentOptions: { ca: process.env.CA } });
    assert.deepStrictEqual((await own.blocklist.getAsync('maria')).body, { passed: true });
    mock.close();`,
    { server, env: { CA: certificate().ca } },
  );
});
