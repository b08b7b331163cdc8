/** The harness must notice a difference: it compares the original with spoilt copies of itself. */

const assert = require('node:assert/strict');
const https = require('node:https');
const { test, before, after } = require('node:test');
const { Harness } = require('./harness.js');
const { portray } = require('./portray.js');
const { original } = require('./subjects.js');
const rows = require('./rows');

const BASE = 'conversations.create, body: plain';

let harness;

before(async () => {
  harness = await Harness.start();
});

after(() => harness.stop());

/** The original with its constructor wrapped: `spoil` may change the client that comes out. */
function spoilt(spoil) {
  function LayerAPI(config) {
    original.LayerAPI.call(this, config);
    spoil(this, config);
  }
  return { ...original, LayerAPI };
}

/** The original with something different about the options of each of its requests. */
function spoiltRequests(change) {
  return spoilt((client) => {
    const { create } = client.conversations;
    client.conversations.create = (...args) => {
      const { request } = https;
      https.request = (options) => request(change(options));
      try {
        return create(...args);
      } finally {
        https.request = request;
      }
    };
  });
}

/** The original with something different about how `create` calls back. */
const spoiltCallback = (change) =>
  spoilt((client) => {
    const { create } = client.conversations;
    client.conversations.create = (body, callback) => create(body, change(callback));
  });

/** Aspects in which `subject` differs from the original on a row. */
async function differingAspects(subject, { name = BASE, form = 'callback', ...changes } = {}) {
  const row = { ...rows.find((candidate) => candidate.name === name), ...changes };
  const [expected, actual] = [await harness.observe(original, row, form), await harness.observe(subject, row, form)];
  return Object.keys(expected).filter((aspect) => {
    try {
      assert.deepStrictEqual(actual[aspect], expected[aspect]);
      return false;
    } catch {
      return true;
    }
  });
}

test('the original does not differ from itself', async () => {
  for (const form of ['callback', 'promise']) assert.deepEqual(await differingAspects(original, { form }), []);
});

test('the row in use does reach the server', async () => {
  const row = rows.find((candidate) => candidate.name === BASE);
  const { requests, calls } = await harness.observe(original, row, 'callback');
  assert.equal(requests.length, 1);
  assert.equal(requests[0].head[0].split(' ')[0], 'POST');
  assert.equal(requests[0].framing, 'chunked');
  assert.equal(requests[0].body, '{"participants":["abcd","efgh"],"distinct":false}');
  assert.equal(calls.length, 1);
});

const wire = {
  'a header value': (options) => ({ ...options, headers: { ...options.headers, Accept: 'text/plain' } }),
  'the case of a header name': ({ headers: { Accept, ...headers }, ...options }) => ({
    ...options,
    headers: { accept: Accept, ...headers },
  }),
  'the order of the headers': ({ headers: { Accept, ...headers }, ...options }) => ({
    ...options,
    headers: { ...headers, Accept },
  }),
  'one more header': (options) => ({ ...options, headers: { ...options.headers, 'X-More': '1' } }),
  'the HTTP method': (options) => ({ ...options, method: 'PUT' }),
  'the path': (options) => ({ ...options, path: `${options.path}/` }),
  'the framing of the body': (options) => ({
    ...options,
    headers: { ...options.headers, 'Content-Length': 49 },
  }),
};
for (const [name, change] of Object.entries(wire)) {
  test(`a difference is seen on the wire: ${name}`, async () => {
    assert.deepEqual(await differingAspects(spoiltRequests(change)), ['requests']);
  });
}

test('a difference is seen: another body is sent', async () => {
  const subject = spoilt((client) => {
    const { create } = client.conversations;
    client.conversations.create = (body, callback) => create({ ...body, more: 1 }, callback);
  });
  assert.deepEqual(await differingAspects(subject), ['requests']);
});

const delivery = {
  'callback called twice': (callback) => (error, result) => {
    callback(error, result);
    return callback(error, result);
  },
  'callback called once more a little later': (callback) => (error, result) => {
    setImmediate(callback, error, result);
    return callback(error, result);
  },
  'wrong body in the result': (callback) => (error, result) => callback(error, { ...result, body: {} }),
  'wrong order of keys in the result':
    (callback) =>
    (error, { status, body }) =>
      callback(error, { body, status }),
  'undefined instead of null': (callback) => (_, result) => callback(undefined, result),
  'one argument more': (callback) => (error, result) => callback(error, result, undefined),
  'another receiver': (callback) => (error, result) => callback.call({}, error, result),
  'callback never called': () => () => {},
};
for (const [name, change] of Object.entries(delivery)) {
  test(`a difference is seen in the delivery: ${name}`, async () => {
    assert.deepEqual(await differingAspects(spoiltCallback(change)), ['calls']);
  });
}

test('a difference is seen: refused argument reported later instead of at once', async () => {
  const subject = spoiltCallback((callback) => (error, result) => setImmediate(() => callback(error, result)));
  const aspects = await differingAspects(subject, { name: 'conversations.create, body: null' });
  assert.deepEqual(aspects, ['returned', 'calls']);
});

test('a difference is seen: another error class', async () => {
  const subject = spoiltCallback((callback) => (error) => callback(new TypeError(error.message)));
  assert.deepEqual(await differingAspects(subject, { name: 'conversations.create, body: null' }), ['calls']);
});

test('a difference is seen: an error field is missing', async () => {
  const subject = spoiltCallback((callback) => (error) => {
    delete error.body;
    return callback(error);
  });
  assert.deepEqual(await differingAspects(subject, { name: 'conversations.create, status 404 Not Found' }), ['calls']);
});

test('a difference is seen: promise resolved with something else', async () => {
  const subject = spoiltCallback((callback) => (error) => callback(error, 'other'));
  assert.deepEqual(await differingAspects(subject, { form: 'promise' }), ['settled']);
});

test('a difference is seen: an exception that nobody catches', async () => {
  const subject = spoiltCallback((callback) => (error, result) => {
    setImmediate(() => {
      throw new Error('stray');
    });
    return callback(error, result);
  });
  assert.deepEqual(await differingAspects(subject), ['uncaught']);
});

test('a difference is seen: a line on the console', async () => {
  const subject = spoilt(() => console.log('more'));
  assert.deepEqual(await differingAspects(subject), ['logs']);
});

test('a difference is seen: a second request', async () => {
  const subject = spoilt((client) => {
    const { create } = client.conversations;
    client.conversations.create = (body, callback) => {
      create(body, () => create(body, callback));
    };
  });
  assert.deepEqual(await differingAspects(subject), ['requests']);
});

test('portraits tell apart what a caller can tell apart', () => {
  const values = [0, -0, '0', null, undefined, 'null', {}, [], Object.create(null), [undefined], { a: undefined }];
  values.push({ a: 1, b: 2 }, { b: 2, a: 1 }, JSON.parse('{"__proto__":1}'), '\ud800', '\ufffd', Number.NaN, Infinity);
  const portraits = values.map(portray);
  assert.equal(new Set(portraits).size, values.length);
});
