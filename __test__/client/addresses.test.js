'use strict';

/** From a name to a connection: look-ups, families, several addresses, and the end of the wire on this side. */

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const dns = require('node:dns');
const { once } = require('node:events');
const net = require('node:net');
const { afterEach, test } = require('node:test');
const {
  besideLookup,
  clientOf,
  closeAll,
  connectionsTo,
  freePort,
  get,
  held,
  onClose,
  plainServer,
  secureServer,
  sleep,
  subjects,
  until,
} = require('./support.js');

afterEach(closeAll);

function both(name, body) {
  for (const subject of Object.values(subjects)) test(`${name} (${subject.name})`, () => body(subject));
}

/** A client of `subject` for a server that is to be found by the name layer.test. */
function named(subject, server, options, config) {
  const leading = subject.name === 'original' ? { host: 'layer.test' } : {};
  const known = { ...server, url: `https://layer.test:${server.port}` };
  return clientOf(subject, known, { servername: 'api.layer.com', ...leading, ...options }, config);
}

/** A look-up that answers with these addresses in the way it is asked for. */
const lookupOf =
  (...addresses) =>
  (_host, options, callback) => {
    const found = addresses.map((address) => ({ address, family: net.isIP(address) }));
    if (options.all) callback(null, found);
    else callback(null, found[0].address, found[0].family);
  };

test('lookup: is asked as Node asks, and its address is used', async () => {
  const asked = {};
  for (const subject of Object.values(subjects)) {
    const server = await secureServer();
    const calls = [];
    const lookup = (...args) => {
      calls.push(args.slice(0, 2));
      lookupOf('127.0.0.1')(...args);
    };
    for (const options of [{}, { family: 4 }, { hints: dns.V4MAPPED }, { autoSelectFamily: false }]) {
      assert.strictEqual((await get(named(subject, server, { lookup, ...options }))).result?.status, 200);
    }
    asked[subject.name] = calls;
  }
  assert.deepStrictEqual(asked.ours, asked.original);
  assert.strictEqual(asked.ours.length, 4);
});

both('lookup: its error is the error of the request, the very same', async (subject) => {
  const server = await secureServer();
  const error = Object.assign(new Error('no such name'), { code: 'ENOTFOUND', mine: true });
  const lookup = (_host, _options, callback) => setImmediate(callback, error);
  const outcome = await get(named(subject, server, { lookup }));
  await sleep(20);
  assert.strictEqual(outcome.error, error);
  assert.strictEqual(outcome.calls, 1);
});

test('lookup: an answer that is no address is the error that Node makes of it', async () => {
  const errors = {};
  for (const subject of Object.values(subjects)) {
    const server = await secureServer();
    const lookup = lookupOf('layer.test');
    const { error } = await get(named(subject, server, { lookup }));
    errors[subject.name] = [error.name, error.code, error.message];
  }
  assert.deepStrictEqual(errors.ours, errors.original);
  assert.strictEqual(errors.ours[1], 'ERR_INVALID_IP_ADDRESS');
});

test('lookup: what it throws is the error of the request', async () => {
  const error = new Error('broken');
  const lookup = () => {
    throw error;
  };
  const outcome = await get(named(subjects.ours, await secureServer(), { lookup }));
  assert.strictEqual(outcome.error, error);
});

test('lookup: one that never answers is given up after the timeout', async () => {
  const layer = named(subjects.ours, await secureServer(), { lookup() {} }, { timeout: 150 });
  assert.strictEqual((await get(layer)).error?.name, 'APIError');
});

both('lookup: is not asked for an address', async (subject) => {
  const server = await secureServer();
  const lookup = () => assert.fail('asked');
  assert.strictEqual((await get(clientOf(subject, server, { lookup }))).result?.status, 200);
});

/** Node tries several addresses since version 20 only. */
const isSelecting = Boolean(net.getDefaultAutoSelectFamily?.());

both('several addresses: the next one is tried where the first one is dead', async (subject) => {
  const server = await secureServer();
  const lookup = lookupOf('127.0.0.2', '::1', '127.0.0.1');
  const { error, result } = await get(named(subject, server, { lookup }));
  if (isSelecting) assert.strictEqual(result?.status, 200);
  else assert.strictEqual(error.code, 'ECONNREFUSED');
});

both('several addresses, autoSelectFamily: false: only the first one is tried', async (subject) => {
  const server = await secureServer();
  const lookup = lookupOf('127.0.0.2', '127.0.0.1');
  const { error } = await get(named(subject, server, { lookup, autoSelectFamily: false }));
  assert.strictEqual(error?.message, `connect ECONNREFUSED 127.0.0.2:${server.port}`);
});

/** What errors of requests have beside the fields of Node. */
const BESIDE = ['retryable', 'attempts'];

test('several addresses, all dead: the error of all attempts, with the fields of Node', async () => {
  const portray = (error) => ({
    class: error.constructor.name,
    keys: Object.getOwnPropertyNames(error)
      .filter((name) => !BESIDE.includes(name))
      .sort(),
    own: [error.name, error.message, error.code],
    errors: error.errors?.map((one) => ({ ...one, message: one.message })),
  });
  const port = await freePort();
  const errors = {};
  for (const subject of Object.values(subjects)) {
    const lookup = lookupOf('127.0.0.2', '::1', '127.0.0.3');
    errors[subject.name] = portray((await get(named(subject, { port }, { lookup }))).error);
  }
  assert.deepStrictEqual(errors.ours, errors.original);
  assert.strictEqual(errors.ours.own[2], 'ECONNREFUSED');
  if (isSelecting) assert.strictEqual(errors.ours.errors.length, 3);
});

/**
 * A port of `host` at which connections stay on their way: its process stands still, and its queue is full. At the same
 * port of `other`, connections are closed as they come.
 */
async function standstill(host, other) {
  const child = spawn(
    process.execPath,
    [
      '-e',
      `const server = require('net').createServer().listen({ port: 0, host: '${host}', backlog: 1 }, () => {
        console.log(server.address().port);
      });`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [text] = await once(child.stdout, 'data');
  const port = Number(String(text));
  if (other) {
    const server = net.createServer((socket) => socket.destroy());
    server.listen(port, other);
    try {
      await once(server, 'listening');
    } catch (error) {
      child.kill('SIGKILL');
      // Somebody else has it there.
      assert.strictEqual(error.code, 'EADDRINUSE');
      return standstill(host, other);
    }
    onClose(async () => server.close());
  }
  child.kill('SIGSTOP');
  const fillers = Array.from({ length: 6 }, () => net.connect(port, host).on('error', () => {}));
  onClose(async () => {
    for (const filler of fillers) filler.destroy();
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  });
  await until(() => fillers.some((filler) => !filler.connecting), 'the queue begins to fill');
  await sleep(100);
  return port;
}

test('a connection that does not come about is given up after the timeout', async () => {
  const port = await standstill('127.0.0.1');
  const start = Date.now();
  const { error, calls } = await get(
    clientOf(subjects.ours, { url: `https://127.0.0.1:${port}` }, {}, { timeout: 200 }),
  );
  assert.strictEqual(error?.message, 'Request timeout after 0.2seconds.');
  assert.strictEqual(calls, 1);
  assert.ok(Date.now() - start >= 190);
});

both('a connection that does not come about: the timeout of the agent ends the wait, too', async (subject) => {
  const port = await standstill('127.0.0.1');
  const server = { port, url: `https://127.0.0.1:${port}` };
  const { error } = await get(clientOf(subject, server, { timeout: 300 }, { timeout: 400 }));
  assert.strictEqual(error?.message, 'Request timeout after 0.4seconds.');
});

if (isSelecting) {
  both('autoSelectFamilyAttemptTimeout: so long an address may take before the next one is tried', async (subject) => {
    const port = await standstill('127.0.0.2', '127.0.0.1');
    const options = { lookup: lookupOf('127.0.0.2', '127.0.0.1'), autoSelectFamilyAttemptTimeout: 50 };
    const { error } = await get(named(subject, { port }, options));
    // It came to the second one, which speaks no TLS.
    assert.strictEqual(error?.code, 'ECONNRESET');
  });
}

test('family: a name without addresses of the kind is the error that Node reports', async () => {
  const errors = {};
  const port = await freePort();
  for (const family of [4, 6]) {
    for (const subject of Object.values(subjects)) {
      const leading = subject.name === 'original' ? { host: 'localhost' } : {};
      const server = { port, url: `https://localhost:${port}` };
      const { error } = await get(clientOf(subject, server, { ...leading, family }));
      errors[subject.name] = { ...error, message: error.message };
    }
    assert.deepStrictEqual(errors.ours, errors.original);
  }
});

both('localAddress: connections come from there', async (subject) => {
  const seen = [];
  const server = await secureServer((request, response) => {
    seen.push(request.socket.remoteAddress);
    response.end('{}');
  });
  const { result } = await get(clientOf(subject, server, { localAddress: '127.0.0.9' }));
  assert.strictEqual(result?.status, 200);
  assert.deepStrictEqual(seen, ['127.0.0.9']);
});

test('localAddress: one that this machine does not have is the error of Node', async () => {
  const errors = {};
  const server = await secureServer();
  for (const subject of Object.values(subjects)) {
    const { error } = await get(clientOf(subject, server, { localAddress: '192.0.2.1' }));
    errors[subject.name] = { ...error, message: error.message };
  }
  assert.deepStrictEqual(errors.ours, errors.original);
  assert.strictEqual(errors.ours.syscall, 'bind');
});

if (process.platform === 'linux') {
  for (const keepAlive of [true, false]) {
    both(`keepAliveMsecs: kept connections are probed by the system, keepAlive: ${keepAlive}`, async (subject) => {
      const { handler, next } = held();
      const server = await secureServer(handler);
      const asked = get(clientOf(subject, server, { keepAlive, keepAliveMsecs: 20_000 }));
      const response = await next();
      // Without keepAlive it is looked at while it is in use.
      if (keepAlive) {
        response.end('{}');
        await asked;
      }
      const timer = () => connectionsTo([server], ['ESTABLISHED'])[0]?.timer;
      await until(() => timer() === (keepAlive ? '02' : '00'), 'the timer is as it should be', timer);
      response.end('{}');
      await asked;
    });
  }
}

test('a name that cannot be looked up now is EAI_AGAIN, and one that does not exist ENOTFOUND', async () => {
  const layer = clientOf(subjects.ours, { url: 'https://layer-api.invalid' });
  const { expected, outcome } = await besideLookup('layer-api.invalid', () => get(layer));
  const { error } = outcome;
  assert.deepStrictEqual({ ...error, message: error.message }, { ...expected, message: expected.message });
  assert.match(error.code, /^(ENOTFOUND|EAI_AGAIN)$/);
});

test('a dns.lookup that was replaced is not asked', async () => {
  const server = await plainServer();
  const { lookup } = dns;
  let asked = 0;
  dns.lookup = (...args) => {
    asked++;
    return lookup(...args);
  };
  try {
    const layer = clientOf(subjects.ours, { url: server.url.replace('127.0.0.1', 'localhost') }, { family: 4 });
    assert.strictEqual((await get(layer)).result.status, 200);
  } finally {
    dns.lookup = lookup;
  }
  assert.strictEqual(asked, 0);
});
