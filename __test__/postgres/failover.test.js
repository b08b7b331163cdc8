'use strict';

/**
 * Two platforms on one database of PostgreSQL with a synchronous standby, under load: the primary is killed and the
 * standby promoted, a platform is killed, both are. What was answered is there, once, in its place.
 *
 * `LAYER_KILL_ROUNDS` says how often each of the three happens; once where nothing is said.
 */

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { randomUUID } = require('node:crypto');
const { existsSync, mkdtempSync, rmSync } = require('node:fs');
const http = require('node:http');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { createInterface } = require('node:readline');
const { after, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const ROUNDS = Number(process.env.LAYER_KILL_ROUNDS ?? 1);
const SENDERS = 8;
/** How many messages are answered before the next kill, and after the last one. */
const BETWEEN = 60;
const PROGRAM = path.join(__dirname, '..', '..', 'target', 'debug', 'layer-platform');
const folder = mkdtempSync(path.join(tmpdir(), 'layer-api-failover-'));
/** What runs. */
const servers = new Set();
const platforms = [];

after(() => {
  for (const { child } of platforms) child.kill('SIGKILL');
  for (const server of servers) server.stop();
  rmSync(folder, { recursive: true });
});

/** Starts a platform and answers once it listens, with what it said. */
const startPlatform = async (data, ...args) => {
  const child = spawn(
    PROGRAM,
    ['--port', '0', '--files', path.join(folder, 'files'), '--log-level', 'error', ...args],
    {
      env: { ...process.env, LAYER_DATA: data },
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const platform = { child, said: {} };
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name, value] = /^(app id|token|listening on):? (.*)$/.exec(line) ?? [];
    platform.said[name] = value;
    if (name === 'listening on') return { ...platform, url: value };
  }
  throw new Error('the platform does not start');
};

/** Sends a request; rejects where nobody answers. */
const ask = (url, { method = 'GET', headers, body }) =>
  new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    request.once('error', reject);
    request.end(body);
  });

test('nothing that was answered is lost or doubled when the primary, a platform, or both are killed', async () => {
  const { startPostgres, startStandby } = await import('../../scripts/postgres.mjs');
  assert.ok(existsSync(PROGRAM), 'cargo build -p layer-platform makes the program that this needs');
  let primary = await startPostgres([]);
  servers.add(primary);
  let standby = await startStandby(primary);
  servers.add(standby);
  const data = () => `postgres://postgres@127.0.0.1:${primary.port},127.0.0.1:${standby.port}/postgres`;
  platforms.push(await startPlatform(data(), '--create-app'));
  const { 'app id': app, token } = platforms[0].said;
  platforms.push(await startPlatform(data()));
  const headers = {
    Accept: 'application/vnd.layer+json; version=1.0',
    Authorization: `Bearer ${token}`,
    'Content-Type': 'application/json',
  };
  const call = (index, target, options) =>
    ask(`${platforms[index].url}/apps/${app}${target}`, { ...options, headers: { ...headers, ...options?.headers } });
  const conversations = [];
  for (const index of [0, 1, 0]) {
    const body = JSON.stringify({ participants: ['a', 'b'] });
    const made = await call(index, '/conversations', { method: 'POST', body });
    assert.strictEqual(made.status, 201, made.body);
    conversations.push(JSON.parse(made.body).id.split('/').pop());
  }

  const answered = new Map();
  const statuses = {};
  let isOver = false;
  let longest = 0;
  const sender = async () => {
    for (let index = 0; !isOver; index++) {
      const tag = randomUUID();
      const conversation = conversations[index % conversations.length];
      const body = JSON.stringify({ sender: { name: 'x' }, parts: [{ body: tag, mime_type: 'text/plain' }] });
      const began = Date.now();
      // By its tag it is safe to repeat, with whichever platform answers.
      for (let attempt = index; ; attempt++) {
        const options = { method: 'POST', body, headers: { 'If-None-Match': tag } };
        const answer = await call(attempt % 2, `/conversations/${conversation}/messages`, options).catch(
          () => undefined,
        );
        const status = answer?.status ?? 'none';
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (status === 201) {
          answered.set(tag, conversation);
          break;
        }
        assert.ok(status === 'none' || status === 503, `${status} ${answer?.body}`);
        await sleep(20);
      }
      longest = Math.max(longest, Date.now() - began);
    }
  };
  const senders = Array.from({ length: SENDERS }, sender);
  /** Waits for some more answers. */
  const goOn = async () => {
    const from = answered.size;
    while (answered.size < from + BETWEEN) await Promise.race([sleep(20), Promise.all(senders)]);
  };
  const killPlatform = async (index) => {
    platforms[index].child.kill('SIGKILL');
    platforms[index] = await startPlatform(data());
  };
  const killPrimary = () => {
    servers.delete(primary);
    primary.kill();
    standby.promote();
    primary = standby;
  };
  /** Gives a server that was promoted a standby, of which the platforms hear by their URL. */
  const makeWhole = async () => {
    standby = await startStandby(primary);
    servers.add(standby);
    for (const index of platforms.keys()) await killPlatform(index);
  };

  for (let round = 0; round < ROUNDS; round++) {
    await goOn();
    await killPlatform(round % 2);
    await goOn();
    killPrimary();
    await goOn();
    await makeWhole();
    await goOn();
    platforms[round % 2].child.kill('SIGKILL');
    killPrimary();
    await killPlatform(round % 2);
    await goOn();
    await makeWhole();
  }
  await goOn();
  isOver = true;
  await Promise.all(senders);

  const found = new Map();
  for (const conversation of conversations) {
    const positions = [];
    for (let from = ''; ; ) {
      const target = `/users/a/conversations/${conversation}/messages?page_size=100${from}`;
      const page = JSON.parse((await call(0, target)).body);
      if (page.length === 0) break;
      for (const { position, parts } of page) {
        assert.ok(!found.has(parts[0].body), 'a message is there twice');
        found.set(parts[0].body, conversation);
        positions.push(position);
      }
      from = `&from_id=${page.at(-1).id}`;
    }
    assert.deepStrictEqual(
      positions,
      Array.from(positions, (_, index) => positions.length - index),
    );
  }
  const lost = [...answered].filter(([tag, conversation]) => found.get(tag) !== conversation);
  assert.deepStrictEqual(lost, []);
  assert.strictEqual(found.size, answered.size);
  console.log(`${answered.size} messages answered; answers ${JSON.stringify(statuses)}; longest ${longest} ms`);
});
