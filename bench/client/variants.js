'use strict';

/**
 * The clients that are compared, by name: words for the tables, how outcomes arrive (`callback` or `promise`), `load`,
 * which requires what the client is made of, and `create`, which makes one from that, from `{port, ca, connections,
 * maxFreeSockets, addon}` and from the app: port and certificate of the server on loopback, how many connections the
 * client may open and keep, and where the addon without a network is. `warmUpSeconds` is for those that need longer
 * than the plan gives them. Those without `load` are no clients for Node: see bench/floor.
 */

const APP_ID = '24f43c32-4d95-11e4-b3a2-0fd00000020d';

/** An app for each client, told apart by the token. */
exports.appOf = (index) => ({ token: `benchmark-${index}`, appId: APP_ID });

const loadOriginal = () => require('layer-api-original');
const loadUndici = () => require('undici');
const loadOurs = () => require('../../index.js');

exports.variants = {
  original: { title: 'layer-api 2.3.3, keepAlive', form: 'callback', load: loadOriginal, create: original },
  'original-defaults': { title: 'layer-api 2.3.3, defaults', form: 'callback', load: loadOriginal, create: defaults },
  'original-async': { title: 'layer-api 2.3.3, `*Async`', form: 'promise', load: loadOriginal, create: original },
  undici: { title: 'undici `Pool.request`', form: 'promise', load: loadUndici, create: undici('withPool') },
  'undici-fetch': {
    title: 'undici `fetch`',
    form: 'promise',
    load: loadUndici,
    create: undici('withFetch'),
    warmUpSeconds: 3,
  },
  ours: { title: 'layer-api 3, callbacks', form: 'callback', load: loadOurs, create: ours },
  'ours-async': { title: 'layer-api 3, promises', form: 'promise', load: loadOurs, create: ours },
  'ours-null': { title: 'floor: layer-api 3, no network', form: 'callback', load: loadNull, create: ours },
  floor: { title: 'floor: Rust, no Node' },
  http1: { title: 'HTTP/1.1', protocol: 'http1' },
  http2: { title: 'HTTP/2', protocol: 'http2' },
};

/** The original only knows one address; what its agent says about host and port is stronger. */
function original(LayerAPI, { port, ca, connections, maxFreeSockets }, app) {
  const agentOptions = { ...loopback(port, ca), keepAlive: true, maxSockets: connections, maxFreeSockets };
  return new LayerAPI({ ...app, agentOptions });
}

/** Without its own agent it uses Node's global one. */
function defaults(LayerAPI, { port, ca }, app) {
  Object.assign(require('https').globalAgent.options, loopback(port, ca));
  return new LayerAPI(app);
}

const loopback = (port, ca) => ({ host: 'localhost', port, ca, servername: 'api.layer.com' });

function ours(LayerAPI, { port, ca, connections, maxFreeSockets }, app) {
  const agentOptions = { ca, keepAlive: true, maxSockets: connections, maxFreeSockets };
  return new LayerAPI({ ...app, baseUrl: `https://localhost:${port}`, agentOptions });
}

/** All of this package but the network, by another build of the addon in its place. */
function loadNull({ addon }) {
  const built = { exports: {} };
  process.dlopen(built, addon);
  const filename = require.resolve('../../lib/addon.js');
  require.cache[filename] = { id: filename, filename, loaded: true, children: [], exports: built.exports };
  return loadOurs();
}

function undici(form) {
  return (library, settings, app) => require('./undici.js')[form](library, settings, app);
}
