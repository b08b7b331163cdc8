/**
 * Runs one row of the table on one client and records everything a caller or the server can see of it.
 *
 * An observation is plain data, so that two of them can be compared with `deepStrictEqual`:
 *   thrown     what the constructor or the method threw
 *   returned   what the method returned (`callback's value` when it handed on the return value of the callback)
 *   calls      calls of the callback: `sync` or `later`, its `this`, and each argument
 *   settled    (promise form) how the promise ended
 *   uncaught   exceptions that came out of no call, as an event handler throws them
 *   requests   what the server received
 *   logs       lines on console.log
 *   debugFlag  process.env.LAYER_API_DEBUG afterwards
 *   instance   (rows about the constructor) own keys of the client, whether all are without accessors, and its class
 *   config     (rows about the constructor) the configuration object afterwards
 */

const { AsyncLocalStorage } = require('node:async_hooks');
const { format } = require('node:util');
const { setTimeout: sleep } = require('node:timers/promises');
const { setImmediate: turn } = require('node:timers/promises');
const { RecordingServer } = require('./server.js');
const { createCertificate } = require('../support/certificate.js');
const { portray, portrayError } = require('./portray.js');
const { APP_ID, TOKEN, CALLBACK } = require('./rows/values.js');

/** What every recording callback returns, to see whether the method hands it on. */
const RETURNED = Symbol('returned by the callback');

/** Longest wait for a sign of life while there is no reply; a row may set its own `patience`. */
const PATIENCE = 2000;

/** Longest wait for what the client under test has to show: generous, a slow machine is no difference. */
const LONG_PATIENCE = 30_000;

/** Time for a second callback, a stray exception or a stray request to show up. */
const GRACE = 1;

/** Wait after a complete reply: for a callback there may be none, and where there is no callback at all. */
const AFTER_REPLY = 120;
const QUIET = 15;

/**
 * Turns of the event loop after any of these waits. Original and server take turns on this thread: where it stood still
 * until the time was over, what is on its way between them has not been read yet.
 */
const TURNS = 12;

async function settle() {
  for (let index = 0; index < TURNS; index++) await turn();
}

let current = null;

/** The run that something happens on account of: a request of the original may come to its end long after its run. */
const origin = new AsyncLocalStorage();

class Harness {
  static async start() {
    const certificate = createCertificate();
    const server = new RecordingServer(certificate);
    await server.listen();
    const harness = new Harness();
    Object.assign(harness, { server, ca: certificate.ca });
    process.setUncaughtExceptionCaptureCallback((error) => {
      const run = origin.getStore() ?? current;
      if (run) run.onUncaught(error);
      else throw error;
    });
    return harness;
  }

  async stop() {
    process.setUncaughtExceptionCaptureCallback(null);
    await this.server.close();
  }

  /** The configuration that points `subject` at the server instead of at api.layer.com. */
  configFor(subject, row) {
    if (row.bareConfig) return row.bareConfig();
    const { agentOptions, agent, target, ...config } = row.config?.() ?? {};
    const port = target === 'refused' ? 1 : this.server.port;
    const trust = target === 'untrusted' ? {} : { ca: this.ca };
    const location = subject.isOriginal ? { host: '127.0.0.1', port, servername: 'api.layer.com' } : {};
    const options = { ...location, ...trust, keepAlive: true, ...agentOptions };
    return {
      token: TOKEN,
      appId: APP_ID,
      ...(subject.isOriginal ? {} : { baseUrl: `https://127.0.0.1:${port}` }),
      ...(agent ? { agent: agent(options) } : { agentOptions: options }),
      ...config,
    };
  }

  /**
   * @param {object} subject one of the clients of subjects.js
   * @param {object} row a row of the table
   * @param {'callback'|'promise'} form
   * @param {object} [options]
   * @param {(args: unknown[]) => unknown[]} [options.transformArgs] changes the arguments before the call
   * @param {object} [options.expected] the observation that is expected: wait long until there is as much to see
   */
  async observe(subject, row, form, options = {}) {
    const run = new Run(subject, row, form);
    this.server.script([row.reply].flat());
    this.server.onReplied = () => run.onReplied();
    const log = console.log;
    console.log = (...args) => run.logs.push(format(...args));
    delete process.env.LAYER_API_DEBUG;
    if (subject.transport) process.env.LAYER_API_TRANSPORT = subject.transport;
    current = run;
    try {
      await origin.run(run, () => run.execute(this.configFor(subject, row), options));
      if (options.expected) await run.catchUp(options.expected, this.server);
      return run.observation(this.server);
    } finally {
      run.isOver = true;
      await this.server.drop();
      await turn();
      await turn();
      current = null;
      console.log = log;
      delete process.env.LAYER_API_DEBUG;
      delete process.env.LAYER_API_TRANSPORT;
    }
  }

  /** Whether something came of a call after the method had returned or while it ran. */
  static isSignIn({ calls, settled, uncaught }) {
    return calls.length > 0 || settled !== null || uncaught.length > 0;
  }
}

/** One call (or `row.repeat` calls one after the other) on one client. */
class Run {
  thrown = null;
  returned = [];
  calls = [];
  settled = null;
  uncaught = [];
  logs = [];
  isOver = false;
  #phase = 'sync';
  #finish = () => {};
  #hasCallback = false;

  constructor(subject, row, form) {
    this.subject = subject;
    this.row = row;
    this.form = form;
  }

  onUncaught(error) {
    if (this.isOver) return;
    this.uncaught.push(this.#error(error));
    this.#finish();
  }

  onReplied() {
    if (this.isSignExpected) return;
    const isAwaited = this.#hasCallback || this.form === 'promise';
    const finish = this.#finish;
    sleep(isAwaited ? AFTER_REPLY : QUIET)
      .then(settle)
      .then(finish);
  }

  async execute(config, { expected, transformArgs = (args) => args }) {
    const { row } = this;
    const isSignExpected = Boolean(expected) && Harness.isSignIn(expected);
    const patience = isSignExpected ? LONG_PATIENCE : (row.patience ?? PATIENCE);
    this.isSignExpected = isSignExpected;
    try {
      const construct = row.construct ?? ((LayerAPI) => new LayerAPI(config));
      this.client = construct(this.subject.LayerAPI, config);
    } catch (error) {
      this.thrown = this.#error(error);
    }
    this.config = config;
    if (!row.method || this.thrown) return;
    for (let index = 0; index < (row.repeat ?? 1); index++) {
      if (index > 0 && row.pause) await sleep(row.pause);
      const args = transformArgs(row.args());
      const finished = new Promise((resolve) => {
        this.#finish = resolve;
      });
      this.#call(args);
      row.afterCall?.(args, this.subject);
      const waiting = new AbortController();
      const patient = sleep(patience, null, { signal: waiting.signal }).then(settle);
      await Promise.race([finished, patient.catch(() => {})]);
      waiting.abort();
      await sleep(GRACE);
      await turn();
    }
  }

  /** Waits until there is as much to see as in `expected`. */
  async catchUp(expected, server) {
    const complete = (requests) => requests.filter(({ isComplete }) => isComplete);
    const isShort = () =>
      ['calls', 'settled', 'uncaught', 'logs'].some((aspect) => size(this[aspect]) < size(expected[aspect])) ||
      server.requests.length < expected.requests.length ||
      complete(server.requests).length < complete(expected.requests).length;
    for (const deadline = Date.now() + LONG_PATIENCE; isShort() && Date.now() < deadline; ) await sleep(5);
    await turn();
  }

  #call(args) {
    const { row, form, client } = this;
    const [resourceName, name] = row.method.split('.');
    const resource = client[resourceName];
    const callback = this.#recorder();
    if (form === 'promise') args = args.filter((arg) => arg !== CALLBACK);
    else if (!row.callback) args.push(CALLBACK);
    else if (row.callback === 'none') args = args.filter((arg) => arg !== CALLBACK);
    this.#hasCallback = args.includes(CALLBACK);
    args = args.map((arg) => (arg === CALLBACK ? callback : arg));
    this.#phase = 'sync';
    try {
      const method = form === 'promise' ? `${name}Async` : name;
      const detached = resource[method];
      const returned = row.detached ? detached(...args) : resource[method](...args);
      if (form === 'promise') this.#follow(returned);
      else this.returned.push(returned === RETURNED ? "callback's value" : portray(returned));
    } catch (error) {
      this.thrown = this.#error(error);
      this.#finish();
    }
    this.#phase = 'later';
  }

  #recorder() {
    const run = this;
    return function callback(...args) {
      if (run.isOver) return RETURNED;
      run.calls.push({
        when: run.#phase,
        receiver: portray(this),
        args: args.map((arg) => (arg instanceof Error ? run.#error(arg) : { value: portray(arg) })),
      });
      run.#finish();
      if (run.row.callbackThrows) throw new RangeError('thrown by the callback');
      return RETURNED;
    };
  }

  #follow(promise) {
    this.returned.push(typeof promise?.then === 'function' ? 'promise' : portray(promise));
    const settle = (how) => (value) => {
      const portrait = value instanceof Error ? this.#error(value) : { value: portray(value) };
      this.settled = [...(this.settled ?? []), { how, ...portrait }];
      this.#finish();
    };
    promise.then(settle('resolved'), settle('rejected'));
  }

  #error(error) {
    return portrayError(error, this.subject.errors);
  }

  observation(server) {
    const { row, thrown, returned, calls, settled, uncaught, logs, client } = this;
    const observation = { thrown, returned, calls, settled, uncaught, logs };
    observation.requests = server.requests.map((request) => ({
      ...request,
      head: request.head.replaceAll(`:${server.port}`, ':PORT').split('\r\n'),
      body: textOf(request.body),
    }));
    observation.debugFlag = String(process.env.LAYER_API_DEBUG);
    if (row.bareConfig || row.construct) {
      observation.instance = client && {
        keys: Object.keys(client),
        isMade: Object.values(Object.getOwnPropertyDescriptors(client)).every((property) => 'value' in property),
        isInstance: client instanceof this.subject.LayerAPI,
        isOfExactClass: client.constructor === this.subject.LayerAPI,
      };
    }
    if (row.bareConfig) observation.config = portray(this.config);
    return observation;
  }
}

const size = (list) => list?.length ?? 0;

/** Bytes as text where they are UTF-8, else as hexadecimal digits. */
function textOf(bytes) {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : `hex ${bytes.toString('hex')}`;
}

module.exports = { Harness };
