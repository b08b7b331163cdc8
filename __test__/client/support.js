'use strict';

/** Servers, clients and child processes for the tests of the client. */

const { spawn } = require('node:child_process');
const { generateKeyPairSync, randomInt } = require('node:crypto');
const dns = require('node:dns');
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const path = require('node:path');
const tls = require('node:tls');
const { setTimeout: sleep } = require('node:timers/promises');
const { inspect } = require('node:util');
const { md, pki } = require('node-forge');
const Original = require('layer-api-original');
const LayerAPI = require('../..');
const { createCertificate } = require('../support/certificate.js');

const ROOT = path.join(__dirname, '..', '..');
const APP_ID = 'e4fd3974-20fe-11e5-89c5-080725007e28';
const CONVERSATION = 'f3cc7b32-3c92-11e4-baad-164230d1df67';
const TOKEN = 'oa0PI9Xh6Gd3JvtXG8kPqvF9bnMKZBJ0Ud9kTm0nAXlCeRtE';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}';

/** Certificates are slow to make and the same ones do for all tests of a file. */
const lazily = (make) => {
  let made;
  return () => {
    made ??= make();
    return made;
  };
};

/** `{ca, cert, key}`: a server certificate for api.layer.com, localhost and 127.0.0.1, and its authority. */
const certificate = lazily(createCertificate);

/** A certificate that signs itself, valid from and to these days from now: `{cert, key}`. */
function selfSigned({ name = 'api.layer.com', days = [-1, 1], isClient = false, isAuthority = false } = {}) {
  const { publicKey, privateKey: key } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const altNames = [{ type: 2, value: name }];
  if (name === 'api.layer.com') altNames.push({ type: 7, ip: '127.0.0.1' });
  const made = pki.createCertificate();
  made.publicKey = pki.publicKeyFromPem(publicKey);
  const [notBefore, notAfter] = days.map((offset) => new Date(Date.now() + offset * 24 * 3600e3));
  Object.assign(made.validity, { notBefore, notAfter });
  made.setSubject([{ name: 'commonName', value: name }]);
  made.setIssuer([{ name: 'commonName', value: name }]);
  made.setExtensions([
    { name: 'basicConstraints', cA: isAuthority, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, keyCertSign: isAuthority, critical: true },
    { name: 'extKeyUsage', serverAuth: !isClient, clientAuth: isClient },
    { name: 'subjectAltName', altNames },
  ]);
  made.sign(pki.privateKeyFromPem(key), md.sha256.create());
  return { cert: pki.certificateToPem(made), key };
}

/** Milliseconds after which what did not come is given up. Only a test that has failed waits so long. */
const PATIENCE = 240_000;

const closers = [];

/** Has `close` run after the test. */
function onClose(close) {
  closers.push(close);
}

/** Closes every server and connection that a test opened; for `afterEach`. */
async function closeAll() {
  await Promise.all(closers.splice(0).map((close) => close()));
}

async function listen(server, scheme) {
  const started = { server, open: new Set(), opened: 0, mostOpen: 0, scheme };
  server.on('connection', (socket) => {
    started.open.add(socket);
    started.opened++;
    started.mostOpen = Math.max(started.mostOpen, started.open.size);
    socket.on('error', () => {});
    socket.on('close', () => started.open.delete(socket));
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  started.port = server.address().port;
  started.url = `${scheme}://127.0.0.1:${started.port}`;
  closers.push(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of started.open) socket.destroy();
    await closed;
  });
  return started;
}

const ANSWER = (request, response) => {
  request.resume();
  request.on('end', () => response.end('{}'));
};

/**
 * Answers nobody until `count` requests wait for it, and then all in the order in which they came: so many are under
 * way at the same time, however slow the machine. `whenAnswered` is called then. Requests after that are answered at
 * once, or by `count` again.
 */
function together(count, { isRepeated = false, whenAnswered = () => {} } = {}) {
  const waiting = [];
  let isOver = false;
  return (_request, response) => {
    if (isOver) return void response.end('{}');
    waiting.push(response);
    if (waiting.length < count) return;
    isOver = !isRepeated;
    whenAnswered();
    for (const one of waiting.splice(0)) one.end('{}');
  };
}

/** Requests that a test answers when it wants to: `await next()` is the response to the next one that has come in. */
function held() {
  const arrived = [];
  const waiting = [];
  const handler = (request, response) => {
    request.resume();
    if (waiting.length > 0) waiting.shift()(response);
    else arrived.push(response);
  };
  const next = () => (arrived.length > 0 ? arrived.shift() : new Promise((resolve) => waiting.push(resolve)));
  return { handler, next };
}

/**
 * The outcome of `attempt(begin)` once it took less than `limit` milliseconds from the first call of `begin` to its
 * end. It is for what a client promises for so long and no longer: an attempt that a busy machine drew out says nothing
 * about that, and there is another one.
 */
async function within(limit, attempt) {
  const took = [];
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; ) {
    let start;
    const outcome = await attempt(() => {
      start ??= performance.now();
    });
    took.push(Math.round(performance.now() - start));
    if (took.at(-1) < limit) return outcome;
    await closeAll();
  }
  throw new Error(`no attempt took less than ${limit} ms, but ${took} ms: this says nothing of the client`);
}

/** An HTTPS server; it tells which connections are `open`, how many were `opened`, and the `mostOpen` at a time. */
function secureServer(handler = ANSWER, options = {}) {
  return listen(https.createServer({ ...certificate(), ca: undefined, ...options }, handler), 'https');
}

/** An HTTP server. */
function plainServer(handler = ANSWER) {
  return listen(http.createServer(handler), 'http');
}

/** A TCP server. */
function tcpServer(onSocket, scheme = 'http') {
  return listen(net.createServer(onSocket), scheme);
}

/** A TLS server whose sockets carry plain text on our side. */
function tlsServer(onSocket, options = {}) {
  const server = tls.createServer({ ...certificate(), ca: undefined, ...options }, (socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
  return listen(server, 'https');
}

/** Calls `onRequest(head)` for each head that comes in on a socket; requests have no body. */
function eachRequest(socket, onRequest) {
  let text = '';
  socket.on('data', (data) => {
    text += data.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const head = text.slice(0, end);
      text = text.slice(end + 4);
      onRequest(head);
    }
  });
}

/** Both clients, led to a server in their own ways. */
const subjects = {
  original: {
    name: 'original',
    path: 'layer-api-original',
    LayerAPI: Original,
    errors: require('layer-api-original/lib/errors'),
    /** Settings of an agent for `server`; the original's host is fixed, but an agent's options win over it. */
    agentOptions: (server, options) => ({
      host: '127.0.0.1',
      port: server.port,
      servername: 'api.layer.com',
      ca: certificate().ca,
      ...options,
    }),
    config: () => ({}),
  },
  ours: {
    name: 'ours',
    path: ROOT,
    LayerAPI,
    errors: LayerAPI,
    agentOptions: (_server, options) => ({ ca: certificate().ca, ...options }),
    config: (server) => ({ baseUrl: server.url }),
  },
};

/** A client of `subject` for `server`; `options` are those of its agent. */
function clientOf(subject, server, options = {}, config = {}) {
  const agentOptions = subject.agentOptions(server, options);
  return new subject.LayerAPI({
    token: TOKEN,
    appId: APP_ID,
    ...subject.config(server),
    ...(config.agent ? {} : { agentOptions }),
    ...config,
  });
}

/** Our client for `server`. */
const client = (server, options, config) => clientOf(subjects.ours, server, options, config);

/** Reads the block list of `user`; the outcome, also of a failure, with the number of times the callback was called. */
function get(layer, user = 'maria') {
  return new Promise((resolve) => {
    const outcome = { user, calls: 0 };
    layer.blocklist.get(user, (error, result) => {
      outcome.calls++;
      if (outcome.calls === 1) resolve(Object.assign(outcome, { error, result }));
    });
  });
}

/** Waits until `condition` holds; an error says what was waited for, and what `seen` tells. */
async function until(condition, what, seen) {
  const deadline = Date.now() + PATIENCE;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}${seen ? `: ${inspect(seen())}` : ''}`);
    await sleep(5);
  }
}

/** The number that Linux has for a state of a connection. */
const STATES = { ESTABLISHED: '01', SYN_SENT: '02' };

/**
 * The client's ends of connections to servers, in one of the states; none elsewhere than on Linux, which alone tells.
 * `timer` is the one that runs: 02 is that of the probes.
 */
function connectionsTo(servers, states) {
  if (process.platform !== 'linux') return [];
  const ends = servers.map(({ port }) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`);
  const numbers = states.map((state) => STATES[state]);
  const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  const found = fields.filter(([, , to, state]) => ends.some((end) => to?.endsWith(end)) && numbers.includes(state));
  // By the client's end: the system lists a connection twice where others begin while it is read.
  const byEnd = new Map(found.map(([, from, , , , timer]) => [from, { timer: timer.split(':')[0] }]));
  return [...byEnd.values()];
}

/**
 * A port of 127.0.0.1 on which nobody listens and, until `closeAll`, nobody else can: a connection begins there. It is
 * none of those that Linux gives to connections (32768 and above), because one to a port may begin at that very port,
 * and then has itself for a server.
 */
async function freePort() {
  const { port } = await plainServer();
  for (;;) {
    const localPort = randomInt(10000, 32768);
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1', localPort });
    const isConnected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    // Another one has it.
    if (!isConnected) continue;
    socket.on('error', () => {});
    onClose(async () => socket.destroy());
    return localPort;
  }
}

/**
 * The error of `dns.lookup` for a name that does not exist, and the outcome of `attempt` beside it. A resolver may
 * answer in one way now and in another a moment later: only between two equal answers is it known.
 */
async function besideLookup(hostname, attempt) {
  const lookUp = () => new Promise((resolve) => dns.lookup(hostname, resolve));
  for (let expected = await lookUp(); ; ) {
    const outcome = await attempt();
    const after = await lookUp();
    if (after.code === expected.code) return { expected, outcome };
    expected = after;
  }
}

/** The file `name` of `programs` with its arguments, to be run in place of a source text. */
const program = (name, ...args) => ({ file: path.join(__dirname, 'programs', name), args });

/**
 * Runs `source`, a text or a `program`, with Node in the root of the package; `LAYER_API_URL` leads its clients to
 * `server`.
 */
function run(source, { args = [], ...options } = {}) {
  return runNode([...args, ...(source.file ? [source.file, ...source.args] : ['-e', source])], options);
}

/** Runs the file `name` of `programs` with `args`, in the same way. */
function runProgram(name, args, options) {
  return runNode([path.join(__dirname, 'programs', name), ...args], options);
}

async function runNode(args, { server, signal, signalWhen, env, patience = PATIENCE }) {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, APP_ID, TOKEN, LAYER_API_URL: server?.url, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    outcome.stdout += text;
    if (signal && outcome.stdout.includes(signalWhen)) child.kill(signal);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    outcome.stderr += text;
  });
  const guard = setTimeout(() => {
    outcome.hung = true;
    outcome.stderr += `(killed: it did not end within ${patience} ms)`;
    child.kill('SIGKILL');
  }, patience);
  const [code, killedBy] = await once(child, 'close');
  clearTimeout(guard);
  return Object.assign(outcome, { code, signal: killedBy });
}

/**
 * Runs `source` with a `layer` of `subject` for `server` in it; a program gets it of `programs/start.js`. `config` may
 * be changed: it is what `layer` was made of, and `LayerAPI` makes others.
 */
function runWith(subject, server, source, options = {}) {
  const config = {
    token: TOKEN,
    appId: APP_ID,
    ...subject.config(server),
    agentOptions: subject.agentOptions(server, options.agentOptions),
    ...options.config,
  };
  const start = `
    const LayerAPI = require(process.env.SUBJECT);
    const config = JSON.parse(process.env.CONFIG);
    const layer = new LayerAPI(config);`;
  const env = { SUBJECT: subject.path, CONFIG: JSON.stringify(config), ...options.env };
  return run(source.file ? source : start + source, { ...options, env });
}

module.exports = {
  APP_ID,
  besideLookup,
  CONVERSATION,
  LayerAPI,
  OK,
  Original,
  ROOT,
  TOKEN,
  certificate,
  client,
  clientOf,
  closeAll,
  connectionsTo,
  eachRequest,
  freePort,
  get,
  held,
  onClose,
  plainServer,
  program,
  run,
  runProgram,
  runWith,
  secureServer,
  selfSigned,
  sleep,
  subjects,
  tcpServer,
  tlsServer,
  together,
  until,
  within,
};
