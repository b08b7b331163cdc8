'use strict';

/**
 * `transport: 'node'`: what the engine has prepared goes through Node's `https` (or `http`), where tests put their
 * fakes. Loaded by clients that ask for it, and no others.
 */

const addon = require('./addon.js');
const { keepError } = require('./answers.js');
const { outside } = require('./outside.js');

/**
 * The carrier of a thread, for its channel: `open(config, baseUrl)` answers what a client needs of it. The channel is
 * that of the client's copy of the module: this file may be loaded when another copy has been.
 */
exports.carrierFor = (channel) => {
  /** Agents of clients, by the number of their route; for as long as the engine has the client. */
  const agents = new Map();
  let lastRoute = 0;
  /** Requests that Node carries, by the number of their errand. */
  const underWay = new Map();
  let native;

  return { open };

  function open(config, baseUrl) {
    const agent = agentOf(config, isSecure(baseUrl));
    if (!native) native = outside(() => new addon.Carrier(channel.open(), work));
    for (const route of native.forgotten()) agents.delete(route);
    lastRoute += 1;
    agents.set(lastRoute, agent);
    return { carrier: native, route: lastRoute };
  }

  /** The engine has requests to carry, or wants some of them no more. */
  function work() {
    for (const number of native.recalled()) {
      const request = underWay.get(number);
      underWay.delete(number);
      if (request) end(request);
    }
    for (let errand = native.next(); errand; errand = native.next()) {
      const taken = errand;
      channel.within(taken.ticket, () => carry(taken, agents.get(taken.route), underWay));
    }
  }
};

const isSecure = (baseUrl) => !/^http:/i.test(baseUrl);

/** Looked up at each use: a test puts something in place of `request`, and puts it back. */
const moduleOf = (isSecure) => (isSecure ? require('https') : require('http'));

/** The agent of a client; undefined for Node's global one. */
function agentOf({ agent, agentOptions }, isSecure) {
  if (!agent) return agentOptions ? new (moduleOf(isSecure).Agent)(agentOptions) : undefined;
  const wanted = isSecure ? 'https:' : 'http:';
  // Those of others' making need not descend from Node's.
  if (typeof agent.addRequest === 'function' && (agent.protocol || wanted) === wanted) return agent;
  if (!isSecure && agent instanceof require('https').Agent) return plainAgentOf(agent);
  const needed = isSecure ? 'https.Agent' : 'http.Agent or https.Agent';
  throw new Error(`Constructor option \`agent\` needs to be an instance of ${needed}`);
}

/** Agents for services without TLS that do as those of `https` do, by these. */
const plainAgents = new WeakMap();

/** The service is of this machine, and its agent that of production: its settings count, as with the own transport. */
function plainAgentOf(agent) {
  if (!plainAgents.has(agent)) {
    const { Agent } = require('http');
    const { protocol, ...options } = agent.options;
    plainAgents.set(agent, new Agent(options));
  }
  return plainAgents.get(agent);
}

function carry(errand, agent, underWay) {
  const { number } = errand;
  const settle = (report) => {
    underWay.delete(number);
    report();
  };
  const fail = (error) =>
    settle(() =>
      keepError(error, (kept) => errand.fail(kept, typeof error.code === 'string' ? error.code : undefined)),
    );
  let request;
  try {
    request = moduleOf(errand.isSecure).request({
      host: errand.host,
      port: errand.port,
      path: errand.path,
      method: errand.method,
      headers: headersOf(errand.headers),
      // Counts from the first attempt to connect on, as with the own transport.
      timeout: errand.timeout,
      ...(agent && { agent }),
    });
    underWay.set(number, request);
    let response;
    request.setTimeout(errand.timeout, () => {
      settle(() => errand.timeOut());
      end(request);
    });
    request.on('error', (error) => {
      // What comes behind a reply that is complete is not its business.
      if (!(response && response.complete)) fail(error);
    });
    request.on('response', (incoming) => {
      response = incoming;
      receive(errand, request, response, settle);
    });
    request.on('upgrade', (incoming, socket) => {
      errand.head(incoming.statusCode, rawHeadersOf(incoming));
      settle(() => errand.complete());
      socket.destroy();
    });
    if (errand.isWatched) request.once('response', () => errand.mark('replied'));
    request.on('socket', (/** @type {any} */ socket) => {
      if (errand.isWatched) watch(errand, request, socket);
      used.add(socket);
      const write = () => writeBody(request, errand);
      // Before that, what fails is the write: Node has other codes for it.
      if (socket.secureConnecting) socket.once('secureConnect', write);
      else write();
    });
  } catch (error) {
    fail(error);
    if (request) end(request);
  }
}

/** Sockets that have carried a request: Node tells of some of those that it gives to another one, but not of all. */
const used = new WeakSet();

/** Marks what can be seen of a request that has got its socket, for those who watch. */
function watch(errand, request, socket) {
  errand.mark('turn');
  const isConnecting = Boolean(socket.connecting || socket.secureConnecting);
  if (!isConnecting) errand.mark('sent');
  if (request.reusedSocket || used.has(socket)) return;
  // An agent may hand over what it has opened before, and so may a fake.
  if (!socket.connecting) errand.mark('opened');
  if (!isConnecting) return;
  for (const [event, step] of OPENING) {
    const listener = () => {
      errand.mark(step);
      if (event === (errand.isSecure ? 'secureConnect' : 'connect')) errand.mark('sent');
    };
    socket.once(event, listener);
    request.once('close', () => socket.removeListener(event, listener));
  }
}

/** What a socket says while it opens, and the steps that this is. */
const OPENING = [
  ['lookup', 'lookedUp'],
  ['connect', 'connected'],
  ['secureConnect', 'secured'],
];

function writeBody(request, { body, headers }) {
  // As text where it is text: those who stand in for `write` have been given text.
  if (body) request.write(headers.some((value) => /json/.test(value)) ? body.toString() : body);
  request.end();
}

function receive(errand, request, response, settle) {
  const goOn = (isWanted) => {
    if (isWanted) return;
    settle(() => {});
    end(request);
  };
  const breakOff = () => settle(() => errand.breakOff());
  response.on('aborted', breakOff);
  response.on('error', breakOff);
  response.on('end', () => settle(() => errand.complete()));
  response.on('data', (chunk) => goOn(errand.data(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)));
  goOn(errand.head(response.statusCode, rawHeadersOf(response)));
}

/** Headers as Node takes them, of names and values by turns. */
function headersOf(pairs) {
  /** @type {Record<string, string>} */
  const headers = {};
  for (let index = 0; index < pairs.length; index += 2) headers[pairs[index]] = pairs[index + 1];
  return headers;
}

/** Names and values by turns; a fake may have no raw ones. */
function rawHeadersOf({ rawHeaders, headers = {} }) {
  const pairs = [];
  if (Array.isArray(rawHeaders) && rawHeaders.length > 0) pairs.push(...rawHeaders);
  else for (const name of Object.keys(headers)) for (const value of [].concat(headers[name])) pairs.push(name, value);
  return pairs.map(String);
}

/** Ends a request that nobody waits for. */
function end(request) {
  // What is put in place of a request may lack the newer one.
  if (typeof request.destroy === 'function') request.destroy();
  else if (typeof request.abort === 'function') request.abort();
}
