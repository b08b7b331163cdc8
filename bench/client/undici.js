'use strict';

/**
 * The methods as one would write them for undici, with the checks and the replies of the original around them.
 */

const querystring = require('querystring');

const UUID = /^[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}$/i;

/** `Pool.request`, the fast way. */
exports.withPool = ({ Pool }, { port, ca, connections }, app) => {
  const pool = new Pool(`https://localhost:${port}`, { connections, connect: { ca } });
  return methods(app, async (method, path, headers, payload) => {
    const { statusCode, body } = await pool.request({ method, path, headers, body: payload });
    return { status: statusCode, text: await body.text() };
  });
};

/** `fetch`, the way of the web. */
exports.withFetch = ({ Agent, fetch }, { port, ca, connections }, app) => {
  const dispatcher = new Agent({ connections, connect: { ca } });
  return methods(app, async (method, path, headers, body) => {
    const reply = await fetch(`https://localhost:${port}${path}`, { method, headers, body, dispatcher });
    return { status: reply.status, text: await reply.text() };
  });
};

function methods({ token, appId }, exchange) {
  const common = {
    Accept: 'application/vnd.layer+json; version=1.0',
    Authorization: `Bearer ${token}`,
    'Content-Type': 'application/json',
  };
  const patch = { ...common, 'Content-Type': 'application/vnd.layer-patch+json' };

  async function request(method, path, payload) {
    const headers = method === 'PATCH' ? patch : common;
    const { status, text } = await exchange(
      method,
      `/apps/${appId}${path}`,
      headers,
      payload && JSON.stringify(payload),
    );
    if (status >= 300) throw new Error(`Status ${status}: ${text}`);
    return { status, body: text && JSON.parse(text) };
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
