'use strict';

/**
 * The clients that are compared. Each function makes one from `{port, ca, connections}`: the port and certificate of
 * the server on loopback, and how many connections the client may open.
 */

const CONVERSATION = 'layer:///conversations/f3cc7b32-3c92-11e4-baad-164230d1df67';
const MESSAGE = {
  sender: { user_id: '1234' },
  parts: [{ body: "See you at nine o'clock.", mime_type: 'text/plain' }],
  notification: { text: "See you at nine o'clock.", sound: 'chime.aiff' },
};
const RENAMING = [{ operation: 'set', property: 'metadata.title', value: 'Ski trip' }];

const app = () => ({ token: 'benchmark', appId: '24f43c32-4d95-11e4-b3a2-0fd00000020d' });

/** What can be measured: a method, what it is called with, and the status that its reply must have. */
exports.operations = {
  send: { resource: 'messages', method: 'send', args: [CONVERSATION, MESSAGE], status: 201 },
  get: { resource: 'conversations', method: 'get', args: [CONVERSATION], status: 200 },
  list: { resource: 'messages', method: 'getAll', args: [CONVERSATION, { page_size: 100 }], status: 200 },
  'list-non-ascii': {
    resource: 'messages',
    method: 'getAll',
    args: [CONVERSATION, { page_size: 100, text: 'non-ascii' }],
    status: 200,
  },
  edit: { resource: 'conversations', method: 'edit', args: [CONVERSATION, RENAMING], status: 204 },
};

/** Name, words for the table, how outcomes arrive (`callback` or `promise`), and the function that makes the client. */
exports.variants = {
  original: { title: 'layer-api 2.3.3, keepAlive', form: 'callback', create: original },
  'original-defaults': { title: 'layer-api 2.3.3, defaults', form: 'callback', create: originalWithDefaults },
  'original-async': { title: 'layer-api 2.3.3, `*Async`', form: 'promise', create: original },
  undici: { title: 'undici `Pool.request`', form: 'promise', create: undici },
  ours: { title: 'layer-api 3, callbacks', form: 'callback', create: ours },
  'ours-async': { title: 'layer-api 3, promises', form: 'promise', create: ours },
};

/** The original only knows one address; what its agent says about host and port is stronger. */
function original({ port, ca, connections }) {
  const LayerAPI = require('layer-api-original');
  const agentOptions = { ...loopback(port, ca), keepAlive: true, maxSockets: connections };
  return new LayerAPI({ ...app(), agentOptions });
}

/** Without an agent of its own it uses Node's global one. */
function originalWithDefaults({ port, ca }) {
  const LayerAPI = require('layer-api-original');
  Object.assign(require('https').globalAgent.options, loopback(port, ca));
  return new LayerAPI(app());
}

const loopback = (port, ca) => ({ host: 'localhost', port, ca, servername: 'api.layer.com' });

function ours({ port, ca, connections }) {
  const LayerAPI = require('../../index.js');
  const agentOptions = { ca, keepAlive: true, maxSockets: connections };
  return new LayerAPI({ ...app(), baseUrl: `https://localhost:${port}`, agentOptions });
}

/** The four methods as one would write them for undici, with the checks and the replies of the original. */
function undici({ port, ca, connections }) {
  const querystring = require('querystring');
  const { Pool } = require('undici');
  const { token, appId } = app();
  const pool = new Pool(`https://localhost:${port}`, { connections, connect: { ca } });
  const common = {
    Accept: 'application/vnd.layer+json; version=1.0',
    Authorization: `Bearer ${token}`,
    'Content-Type': 'application/json',
  };
  const patch = { ...common, 'Content-Type': 'application/vnd.layer-patch+json' };

  async function request(method, path, payload) {
    const { statusCode, body } = await pool.request({
      method,
      path: `/apps/${appId}${path}`,
      headers: method === 'PATCH' ? patch : common,
      body: payload && JSON.stringify(payload),
    });
    const text = await body.text();
    if (statusCode >= 300) throw new Error(`Status ${statusCode}: ${text}`);
    return { status: statusCode, body: text && JSON.parse(text) };
  }

  function conversationPath(id) {
    const uuid = id.slice(id.lastIndexOf('/') + 1);
    if (!UUID.test(uuid)) throw new Error('Conversation ID is required');
    return `/conversations/${uuid}`;
  }

  return {
    messages: {
      sendAsync: async (id, message) => request('POST', `${conversationPath(id)}/messages`, message),
      getAllAsync: async (id, query) =>
        request('GET', `${conversationPath(id)}/messages?${querystring.stringify(query)}`),
    },
    conversations: {
      getAsync: async (id) => request('GET', conversationPath(id)),
      editAsync: async (id, operations) => request('PATCH', conversationPath(id), operations),
    },
  };
}

const UUID = /^[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}$/i;
