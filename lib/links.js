'use strict';

/**
 * Requests to the signed links of rich content, by Node's own HTTP: their bodies are streams of Node.
 *
 * What the client's agent says of connections, certificates and TLS holds where the link leads to the service itself;
 * its proxy holds for all links.
 */

const http = require('http');
const https = require('https');
const { APIError, ResponseError } = require('./errors.js');

/** Bytes of the body of an error that are read. */
const LONGEST_ERROR = 1 << 16;

const moduleOf = ({ protocol }) => (protocol === 'https:' ? https : http);
const portOf = ({ protocol, port }) => Number(port) || (protocol === 'https:' ? 443 : 80);
/** IPv6 addresses stand in brackets in a URL only. */
const hostOf = ({ hostname }) => hostname.replace(/^\[|\]$/g, '');

/**
 * `request(link, {method, headers, body}, transfer)` answers a promise of the reply, whose body is yet to be read;
 * `close()` closes the connections that nobody else has. `baseUrl` is where the service is.
 */
exports.connector = ({ agent, agentOptions, baseUrl, proxy }) => {
  const service = new URL(baseUrl).host;
  /** Agents for the service by protocol, made when they are needed. */
  const agents = new Map();
  const settings = agent ? agent.options : agentOptions;

  return {
    request(link, { method, headers, body }, transfer) {
      const url = new URL(link);
      const isOfService = url.host === service;
      const way = proxy
        ? throughProxy(new URL(proxy), url, headers, (isOfService && settings) || {}, transfer)
        : { to: url, path: url.pathname + url.search, headers, agent: isOfService ? agentFor(url) : undefined };
      const { to, ...options } = way;
      return exchange(moduleOf(to), { host: hostOf(to), port: portOf(to), method, ...options }, body, transfer);
    },
    close() {
      for (const own of agents.values()) if (own !== agent) own.destroy();
    },
  };

  function agentFor(url) {
    if (!settings) return undefined;
    if (!agents.has(url.protocol)) {
      const isGiven = agent && url.protocol === 'https:';
      agents.set(url.protocol, isGiven ? agent : new (moduleOf(url).Agent)({ ...settings }));
    }
    return agents.get(url.protocol);
  }
};

function exchange({ request }, options, body, transfer) {
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      // From here on a break is for the reader of the body to see.
      sent.removeListener('error', reject);
      sent.on('error', (error) => response.destroy(error));
      resolve(response);
    });
    sent.on('error', reject);
    limit(sent, transfer);
    sent.end(body);
  });
}

/** Ends a request where nothing moves for too long, and with its transfer. */
function limit(sent, transfer) {
  const { timeout } = transfer;
  sent.setTimeout(timeout, () => sent.destroy(timedOut(timeout)));
  sent.on(
    'close',
    transfer.ending((error) => sent.destroy(error)),
  );
}

/** The way to `url` through a proxy: by asking it, for `http:`, or else in a tunnel through it. */
function throughProxy(proxy, url, headers, settings, transfer) {
  const { username, password } = proxy;
  const credentials = [username, password].map(decodeURIComponent).join(':');
  const authorization = username
    ? { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
    : {};
  if (url.protocol === 'http:') {
    return { to: proxy, path: url.href, headers: { ...headers, Host: url.host, ...authorization } };
  }
  const createConnection = (_, done) => {
    const target = `${url.hostname}:${portOf(url)}`;
    const options = { host: hostOf(proxy), port: portOf(proxy), method: 'CONNECT', path: target, agent: false };
    const tunnel = moduleOf(proxy).request({ ...options, headers: { Host: target, ...authorization } });
    limit(tunnel, transfer);
    tunnel.on('error', done);
    tunnel.on('connect', ({ statusCode }, socket) => {
      if (statusCode >= 300) {
        socket.destroy();
        done(new Error(`The proxy answered ${statusCode} to CONNECT`));
        return;
      }
      socket.setTimeout(0);
      const { connect } = require('tls');
      const { host, port, ...trust } = settings;
      const name = require('net').isIP(hostOf(url)) ? {} : { servername: url.hostname };
      const secure = connect({ host: hostOf(url), ...name, ...trust, socket });
      secure.on('error', done);
      secure.on('secureConnect', () => done(null, secure));
    });
    tunnel.end();
  };
  return { to: url, path: url.pathname + url.search, headers, createConnection };
}

/** The error of a link that answered with a status of 300 or above; reads what it says. */
exports.refusal = async (response) => {
  const chunks = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > LONGEST_ERROR) break;
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  try {
    return new ResponseError(response.statusCode, JSON.parse(text));
  } catch {
    return new ResponseError(response.statusCode, text);
  }
};

const timedOut = (timeout) => new APIError(`Request timeout after ${timeout / 1000}seconds.`);
