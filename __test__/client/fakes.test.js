'use strict';

/**
 * Fakes of HTTP as the tests of services use them, with `transport: 'node'`: nock in three makes, msw, sinon, and what
 * records cassettes: nock.back, Polly, yakbak. With node-replay neither this client nor the original gets anywhere.
 */

const assert = require('node:assert');
const { mkdtempSync, readFileSync, readdirSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, afterEach, before, test } = require('node:test');
const { CONVERSATION, certificate, closeAll, plainServer, program, run, secureServer } = require('./support.js');

const folders = [];
let fakeOf;

before(async () => {
  const fakes = await import('../../scripts/fakes.mjs');
  fakes.installFakes();
  fakeOf = fakes.fakeOf;
});

afterEach(closeAll);

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Runs the program `name` with the package at `fake`; what it prints has to be `done`. */
async function passes(name, fake, args = [], { server, env } = {}) {
  const own = { LAYER_API_TRANSPORT: 'node', FAKE: fake, CONVERSATION, CA: certificate().ca };
  const { code, stdout, stderr } = await run(program(`fakes/${name}.js`, ...args), { server, env: { ...own, ...env } });
  assert.deepStrictEqual([code, stdout], [0, 'done\n'], stderr);
}

for (const nock of ['nock-11', 'nock-13', 'nock-14']) {
  test(`${nock} answers, fails, delays and refuses what it does not expect`, () =>
    passes('nock', fakeOf(nock, 'nock'), [nock]));
}

/** A server of which each answer is another one, and the number of these. */
async function counting(start) {
  let answers = 0;
  const server = await start((request, response) => {
    request.resume();
    request.on('end', () => {
      answers += 1;
      const isCreated = request.method === 'POST';
      response.writeHead(isCreated ? 201 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ id: isCreated ? `answer ${answers}` : 'not_found' }));
    });
  });
  return { server, count: () => answers };
}

function newFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'layer-api-cassettes-'));
  folders.push(folder);
  return folder;
}

for (const nock of ['nock-13', 'nock-14']) {
  test(`${nock} records a cassette and plays it again`, async () => {
    const folder = newFolder();
    const { server, count } = await counting(secureServer);
    await passes('nock-back', fakeOf(nock, 'nock'), [folder, 'record'], { server });
    assert.strictEqual(count(), 1);
    const [{ method, body }] = JSON.parse(readFileSync(path.join(folder, 'cassette.json'), 'utf8'));
    assert.deepStrictEqual([method, body], ['POST', { participants: ['maria'] }]);
    await passes('nock-back', fakeOf(nock, 'nock'), [folder, 'lockdown'], { server });
    assert.strictEqual(count(), 1);
  });
}

/** What records in files and plays these: the program, and the package that it uses. */
const RECORDERS = {
  polly: ['polly', '@pollyjs/core'],
  yakbak: ['yakbak', 'yakbak'],
};

for (const [name, [id, packageName]] of Object.entries(RECORDERS)) {
  test(`${name} records two replies in files, and plays them without the service`, async () => {
    const folder = newFolder();
    const { server, count } = await counting(plainServer);
    const env = { POLLY: path.dirname(fakeOf('polly', '@pollyjs/core')) };
    const fake = fakeOf(id, packageName);
    await passes(name, fake, [folder, 'record'], { server, env });
    assert.strictEqual(count(), 2);
    assert.ok(readdirSync(folder).length > 0);
    await passes(name, fake, [folder, 'replay'], { server, env });
    assert.strictEqual(count(), 2);
  });
}

test('node-replay gives a request no socket and ends its time at once: both clients hear of a timeout', () =>
  passes('replay', fakeOf('replay', 'replay'), [newFolder()]));

test('msw answers, fails and lets pass', async () => {
  const server = await secureServer((_request, response) => response.end('{"passed":true}'));
  const msw = fakeOf('msw-2', 'msw');
  await passes('msw', path.join(msw, 'lib', 'node', 'index.js'), [], { server, env: { MSW: msw } });
});

test('sinon stubs https.request and methods, and its fake server and its clock stop no request', async () => {
  const server = await secureServer((_request, response) => response.end('{"passed":true}'));
  await passes('sinon', fakeOf('sinon', 'sinon'), [], { server });
});
