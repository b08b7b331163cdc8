/** `LayerAPI.Platform`: started, used and stopped in this process. */

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const net = require('node:net');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { inspect } = require('node:util');
const LayerAPI = require('../..');
const { createCertificate } = require('../support/certificate.js');

const { Platform } = LayerAPI;
const CLI = path.join(__dirname, '..', '..', 'bin', 'layer-api.js');
let folder;

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'layer-api-platform-'));
});

after(() => rmSync(folder, { recursive: true }));

async function withPlatform(options, use) {
  const platform = await Platform.start(options);
  try {
    return await use(platform);
  } finally {
    await platform.close();
  }
}

async function clientOf(platform, options) {
  return new LayerAPI({ ...(await platform.createApp()), baseUrl: platform.url, ...options });
}

describe('start', () => {
  test('takes a free port of the loopback address and keeps data in memory', () =>
    withPlatform(undefined, async (platform) => {
      assert.match(platform.url, /^http:\/\/127\.0\.0\.1:\d+$/);
      const layer = await clientOf(platform);
      assert.strictEqual((await layer.conversations.createAsync({ participants: ['a'] })).status, 201);
    }));

  test('keeps what was written to a file for the next start', async () => {
    const data = path.join(folder, 'kept.db');
    let app;
    let id;
    await withPlatform({ data }, async (platform) => {
      app = await platform.createApp();
      const layer = new LayerAPI({ ...app, baseUrl: platform.url });
      id = (await layer.conversations.createAsync({ participants: ['a'] })).body.id;
    });
    await withPlatform({ data }, async (platform) => {
      const layer = new LayerAPI({ ...app, baseUrl: platform.url });
      assert.deepStrictEqual((await layer.conversations.getAsync(id)).body.participants, ['a']);
    });
  });

  test('speaks HTTPS with a certificate', () => {
    const { ca, cert, key } = createCertificate();
    return withPlatform({ cert, key: Buffer.from(key) }, async (platform) => {
      assert.match(platform.url, /^https:/);
      const layer = await clientOf(platform, { agentOptions: { ca } });
      assert.strictEqual((await layer.conversations.createAsync({ participants: ['a'] })).status, 201);
      const distrustful = await clientOf(platform);
      await assert.rejects(distrustful.blocklist.getAsync('a'), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    });
  });

  test('names its own address, or publicUrl, in the URLs of replies', async () => {
    for (const publicUrl of [undefined, 'https://chat.example.com']) {
      await withPlatform({ publicUrl }, async (platform) => {
        const layer = await clientOf(platform);
        const { body } = await layer.conversations.createAsync({ participants: ['a'] });
        assert.ok(body.url.startsWith(`${publicUrl ?? platform.url}/apps/`), body.url);
      });
    }
  });

  test('runs several platforms side by side, each with apps of its own', () =>
    withPlatform({}, (one) =>
      withPlatform({}, async (other) => {
        const app = await one.createApp();
        const stranger = new LayerAPI({ ...app, baseUrl: other.url });
        await assert.rejects(stranger.blocklist.getAsync('a'), LayerAPI.ResponseError);
        assert.notStrictEqual(one.url, other.url);
      }),
    ));
});

describe('what cannot be used is refused by name', () => {
  const refusals = {
    'an option that does not exist': [{ dat: 'x' }, /`dat` does not exist; there are data, files, nats, port/],
    'a port as text': [{ port: '8080' }, /`port` needs to be a number/],
    'a port that JSON has no value for': [{ port: 80n }, /`port` needs to be a number/],
    'a function in place of a text': [{ data: () => 'x' }, /`data` needs to be a string/],
    'options that are none': [null, /need to be an object/],
    'a port that is none': [{ port: 70000 }, /`port` needs to be a whole number from 0 to 65535/],
    'a host that is no address': [{ host: 'localhost' }, /`host` needs to be an IP address/],
    'a certificate without its key': [{ cert: 'x' }, /`key` is missing/],
    'a key without its certificate': [{ key: 'x' }, /`cert` is missing/],
    'a certificate that is none': [{ cert: 'x', key: 'y' }, /cert/i],
    'a seed without end': [{ seed: Infinity }, /`seed` needs to be a number/],
    'a public URL that is none': [{ publicUrl: 'chat' }, /public/i],
    'a folder that does not exist': [{ data: path.join('no', 'such', 'folder', 'chat.db') }, /chat\.db/],
  };
  for (const [name, [options, message]] of Object.entries(refusals)) {
    test(name, () => assert.rejects(Platform.start(options), message));
  }

  test('with a TypeError where the option is wrong in itself', () =>
    assert.rejects(Platform.start({ port: '8080' }), TypeError));

  test('a port that is taken', () =>
    withPlatform({}, async (platform) => {
      const port = Number(new URL(platform.url).port);
      await assert.rejects(Platform.start({ port }), new RegExp(`${port}.*in use`));
    }));

  test('a file that is no database, which is left as it was', async () => {
    const data = path.join(folder, 'notes.txt');
    writeFileSync(data, 'buy milk, and more than a page of it '.repeat(200));
    await assert.rejects(Platform.start({ data }), /notes\.txt/);
    assert.match(readFileSync(data, 'utf8'), /^buy milk/);
  });

  const skip = process.env.LAYER_TEST_ADDON !== undefined && 'This addon has PostgreSQL';
  test('a database of PostgreSQL, which another program has; its password shows nowhere', { skip }, async () => {
    const data = 'postgres://layer:s3cret@127.0.0.1:1/chat?password=s3cret';
    const error = await Platform.start({ data }).catch((error) => error);
    assert.match(error.message, /^data: postgres:\/\/layer@127\.0\.0\.1:1\/chat: .* run the program layer-platform/);
    for (const args of [
      ['--data', data],
      ['--check-config', '--data', data],
      ['check', '--data', data],
    ]) {
      const command = args.includes('check') ? args : ['platform', '--port', '0', ...args];
      const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...command], {
        encoding: 'utf8',
        cwd: folder,
      });
      assert.strictEqual(status, args.includes('check') ? 2 : 1, stdout);
      assert.match(
        stderr,
        args.includes('check') ? /PostgreSQL has tools of its own/ : /run the program layer-platform/,
      );
      assert.ok(!`${inspect(error)}${error.stack}${stdout}${stderr}`.includes('s3cret'), stderr);
    }
  });

  test('the constructor', () => assert.throws(() => new Platform(), /Platform\.start/));
});

describe('apps and tokens', () => {
  test('are created, listed, rotated and removed', () =>
    withPlatform(undefined, async (platform) => {
      const { appId, token } = await platform.createApp({ name: 'Ferry' });
      const other = await platform.createApp();
      const [info, ...rest] = await platform.apps();
      assert.deepStrictEqual({ ...info, createdAt: 0 }, { appId, name: 'Ferry', createdAt: 0 });
      assert.ok(info.createdAt instanceof Date);
      assert.deepStrictEqual(Object.keys(rest[0]), ['appId', 'createdAt']);

      const works = (secret) =>
        new LayerAPI({ appId, token: secret, baseUrl: platform.url }).blocklist.getAsync('a').then(
          () => true,
          ({ status }) => assert.strictEqual(status, 401) ?? false,
        );
      const made = await platform.createToken(appId, { name: 'Second' });
      const rotated = await platform.rotateToken(appId, made.tokenId, { grace: 1500 });
      assert.deepStrictEqual(
        [await works(token), await works(made.token), await works(rotated.token)],
        [true, true, true],
      );
      const listed = await platform.tokens(appId);
      assert.deepStrictEqual(
        listed.map(({ tokenId, name }) => [tokenId, name]).slice(1),
        [made, rotated].map(({ tokenId }) => [tokenId, 'Second']),
      );
      assert.ok(!JSON.stringify(listed).includes(made.token));
      assert.strictEqual(listed[1].expiresAt - rotated.createdAt, 2000);
      await platform.revokeToken(appId, made.tokenId);
      assert.deepStrictEqual([await works(made.token), await works(rotated.token)], [false, true]);
      await assert.rejects(platform.revokeToken(appId, made.tokenId), /no token with this id/);

      await platform.deleteApp(appId);
      assert.deepStrictEqual(
        (await platform.apps()).map((app) => app.appId),
        [other.appId],
      );
      await assert.rejects(new LayerAPI({ appId, token, baseUrl: platform.url }).blocklist.getAsync('a'), {
        status: 403,
      });
    }));

  test('that cannot be are refused', () =>
    withPlatform(undefined, async (platform) => {
      const { appId } = await platform.createApp();
      await assert.rejects(platform.createApp({ name: 7 }), { name: 'TypeError', message: /`name`/ });
      await assert.rejects(platform.createToken(appId, { name: 'a\nb' }), /'name' must be a text/);
      await assert.rejects(platform.tokens(), { name: 'TypeError', message: /`appId`/ });
      await assert.rejects(platform.rotateToken(appId, 'x', { grace: '1h' }), {
        name: 'TypeError',
        message: /`grace`/,
      });
      await assert.rejects(platform.deleteApp('x'), /app/i);
    }));
});

describe('close', () => {
  test('can be called again, and frees the port', async () => {
    const { freePorts } = await import('../../scripts/ports.mjs');
    const [port] = await freePorts(1);
    const platform = await Platform.start({ port });
    await Promise.all([platform.close(), platform.close()]);
    await platform.close();
    const server = net.createServer();
    await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
    server.close();
  });

  test('lets requests in flight finish', async () => {
    const platform = await Platform.start({ data: path.join(folder, 'busy.db') });
    const layer = await clientOf(platform);
    const { id } = (await layer.conversations.createAsync({ participants: ['a'] })).body;
    const sends = Array.from({ length: 50 }, (_, index) => layer.messages.sendTextFromUserAsync(id, 'a', `${index}`));
    const first = await Promise.race(sends);
    await platform.close();
    assert.strictEqual(first.status, 201);
    for (const { status, reason } of await Promise.allSettled(sends)) {
      // Those that had not reached the platform found it closed; none was left without an outcome.
      assert.ok(status === 'fulfilled' || ['ECONNREFUSED', 'ECONNRESET'].includes(reason.code), reason);
    }
  });

  test('createApp afterwards is refused', async () => {
    const platform = await Platform.start();
    await platform.close();
    await assert.rejects(platform.createApp(), /closed/);
  });

  test('a process whose platform is closed ends, and one whose platform runs does not', () => {
    const script = (rest) => `require('${path.join(__dirname, '..', '..')}').Platform.start().then(async (platform) => {
      await platform.createApp();
      ${rest}
    })`;
    // Only one that hangs takes so long.
    const run = (rest) => spawnSync(process.execPath, ['-e', script(rest)], { timeout: 240_000 });
    assert.strictEqual(run('await platform.close();').status, 0);
    assert.strictEqual(run('setTimeout(() => process.exit(7), 300).unref();').status, 7);
  });
});

test('nothing secret shows in util.inspect', () =>
  withPlatform({}, async (platform) => {
    const { token } = await platform.createApp();
    assert.ok(!inspect(platform, { depth: 9, showHidden: true }).includes(token));
  }));
