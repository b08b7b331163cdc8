'use strict';

// Contract 6.3: receivers parse a delivery and write it again before they check its signature, the vendor's own
// listener among them. So `JSON.stringify(JSON.parse(body))` has to be the body, for any user ids, metadata, texts and
// `config`, in every version.
//
// Another seed or more cases:
// `LAYER_SIGNED_SEED=7 LAYER_SIGNED_CASES=200000 node --test __test__/platform/signed.test.js`

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { createHmac } = require('node:crypto');
const http = require('node:http');
const { test } = require('node:test');
const LayerAPI = require('../..');
const { numbers } = require('./patch/generate.js');

const SEED = Number(process.env.LAYER_SIGNED_SEED ?? 20191030);
const CASES = Number(process.env.LAYER_SIGNED_CASES ?? 20000);

/** Makes texts, keys and JSON out of a seed: the same seed, the same cases. */
function generator(seed) {
  const number = numbers(seed);
  const below = (limit) => Math.floor(number() * limit);
  const pick = (list) => list[below(list.length)];
  const often = (share) => number() < share;
  const repeat = (most, make) => Array.from({ length: below(most + 1) }, make);

  const INDICES = ['0', '1', '9', '10', '200', '65535', '2147483648', '4294967294', '4294967295', '4294967296'];
  const NO_INDICES = [
    '00',
    '01',
    '-1',
    '-0',
    '1.0',
    '1e3',
    '+1',
    ' 1',
    '1 ',
    '٣',
    '9007199254740991',
    '18446744073709551616',
  ];
  const NAMES = [
    '__proto__',
    'constructor',
    'toString',
    'length',
    'a',
    'maria',
    'é',
    '🐙',
    '</b>',
    'a.b',
    '/',
    '\\',
    '"',
  ];

  /** A code point outside the surrogates: texts of Rust hold none. */
  const codePoint = () => {
    const kind = number();
    if (kind < 0.3) return below(0x20);
    if (kind < 0.6) return below(0x80);
    if (kind < 0.7) return pick([0x7f, 0x80, 0x2028, 0x2029, 0xfeff, 0xfffd, 0xffff, 0x1f419, 0x10ffff]);
    const point = below(0x110000);
    return point >= 0xd800 && point < 0xe000 ? 0xfffd : point;
  };
  const text = (most) => String.fromCodePoint(...repeat(most, codePoint));
  const key = () => {
    const kind = number();
    if (kind < 0.4) return often(0.5) ? pick(INDICES) : String(below(1000));
    if (kind < 0.5) return pick(NO_INDICES);
    if (kind < 0.8) return pick(NAMES);
    return text(6);
  };

  /** A number as somebody may have written it. */
  const numeral = () => {
    const kind = number();
    if (kind < 0.2)
      return pick(['0', '-0', '-0.0', '0.0', '1.0', '1e0', '1E+2', '-7', '1e21', '1e20', '123456789012345678901']);
    if (kind < 0.3)
      return pick(['9007199254740991', '9007199254740993', '18446744073709551615', '-9223372036854775808']);
    if (kind < 0.4)
      return pick(['5e-324', '2.2250738585072014e-308', '1.7976931348623157e308', '1e-400', '0.1', '1e-7', '0.000001']);
    if (kind < 0.6) return String(below(2 ** 32) - 2 ** 31);
    if (kind < 0.5) {
      // Any double there is, with more digits than it needs; and those half-way between two texts of 17 digits.
      const double = new Float64Array(new Uint32Array([below(2 ** 32), below(2 ** 32)]).buffer)[0];
      if (often(0.5) && Number.isFinite(double)) return double.toPrecision(1 + below(30));
      return `${1 + below(9)}${String(below(1e13)).padStart(13, '0')}.${pick(['0625', '1875', '3125', '4375', '5625'])}`;
    }
    const digits = (least, most) => Array.from({ length: least + below(most) }, () => below(10)).join('');
    const whole = often(0.5) ? String(below(10)) : `${1 + below(9)}${digits(0, 25)}`;
    const fraction = often(0.6) ? `.${digits(1, 25)}` : '';
    const exponent = often(0.4) ? `${pick(['e', 'E', 'e+', 'e-', 'E-'])}${below(280)}` : '';
    return `${often(0.3) ? '-' : ''}${whole}${fraction}${exponent}`;
  };

  /** A text in JSON with more escapes than are needed. */
  const quoted = (value) => {
    let out = '"';
    for (const unit of value.split('')) {
      const plain = JSON.stringify(unit).slice(1, -1);
      const hex = `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
      // Halves of a pair stand together, escaped or not.
      out += /[\ud800-\udfff]/.test(unit) ? unit : often(0.2) ? hex : unit === '/' && often(0.5) ? '\\/' : plain;
    }
    return `${out}"`;
  };
  const space = () => (often(0.1) ? pick([' ', '\t', '\r']) : '');

  /** JSON as text: keys may come twice, in any order, and numbers in any form. */
  const json = (depth) => {
    const kind = number();
    if (depth === 0 || kind < 0.4) {
      return pick([numeral, numeral, () => quoted(text(8)), () => pick(['true', 'false', 'null'])])();
    }
    if (kind < 0.55) return `[${repeat(4, () => space() + json(depth - 1)).join(',')}${space()}]`;
    return `{${repeat(7, () => `${space()}${quoted(key())}${space()}:${json(depth - 1)}`).join(',')}}`;
  };

  /** An own key by any name. */
  const put = (object, name, value) =>
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  /** Half of a surrogate pair, at times: the platform makes U+FFFD of it. */
  const half = () => (often(0.2) ? pick(['\ud83d', '\udc00']) : '');
  const metadata = (depth) => {
    const object = {};
    for (let left = below(6); left > 0; left--) {
      put(object, key(), depth > 0 && often(0.3) ? metadata(depth - 1) : text(12) + half());
    }
    return object;
  };
  const user = () => key().replace(/\0/g, '') || 'x';
  return { json, metadata, text, user, half };
}

/** What the platform's writer makes of lines of JSON. */
async function written(lines) {
  const { buildForTests } = await import('../../scripts/programs.mjs');
  const child = spawn((await buildForTests()).signed, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  let output = '';
  child.stdout.setEncoding('utf8');
  for await (const chunk of child.stdout) output += chunk;
  return output.split('\n').slice(0, -1);
}

test(`${CASES} generated texts of JSON are written as Node.js writes them`, async () => {
  const { json } = generator(SEED);
  const lines = Array.from({ length: CASES }, () => json(4));
  const outcomes = await written(lines);
  assert.equal(outcomes.length, lines.length);
  let changed = 0;
  for (const [index, line] of lines.entries()) {
    const expected = JSON.stringify(JSON.parse(line));
    assert.equal(outcomes[index], expected, `seed ${SEED}, case ${index}: ${line}`);
    if (expected !== line) changed++;
  }
  assert.ok(changed > CASES / 3, `${changed} of ${CASES} are not as they would be written`);
});

/** A receiver that keeps what is delivered; `wait(count)` resolves once so many events have come. */
async function startReceiver() {
  const seen = new Map();
  let check = () => {};
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, 'http://localhost');
    if (request.method === 'GET') return response.end(url.searchParams.get('verification_challenge'));
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    return request.on('end', () => {
      response.end();
      const raw = Buffer.concat(chunks).toString();
      // A busy machine may have one delivered twice.
      seen.set(request.headers['layer-webhook-request-id'], { headers: request.headers, raw });
      check();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    wait: (count) =>
      new Promise((resolve) => {
        check = () => seen.size >= count && resolve([...seen.values()]);
        check();
      }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const EVENTS = {
  '1.0': ['message.sent', 'message.read', 'conversation.created', 'conversation.updated.metadata'],
  '2.0': ['Message.created', 'Receipt.created', 'Conversation.created', 'Conversation.updated'],
  '3.0': ['Message.created', 'Receipt.created', 'Conversation.created', 'Conversation.updated'],
};

/** Half of what the config of a webhook may have: numbers can be longer as the platform writes them. Unit: bytes. */
const CONFIG_BYTES = 4096;

/** Those of the members that have room in a config. */
function fitting(members) {
  let left = CONFIG_BYTES;
  return members.filter((member) => {
    const length = Buffer.byteLength(member) + 1;
    if (length > left) return false;
    left -= length;
    return true;
  });
}

test('every delivery of every version survives being parsed and written again', async (t) => {
  const { json, metadata, text, user, half } = generator(SEED + 1);
  const platform = await LayerAPI.Platform.start({ webhooks: { allowPrivateAddresses: true, allowHttp: true } });
  t.after(() => platform.close());
  const app = await platform.createApp();
  const send = async (method, path, body, media = 'vnd.layer', version = '1.0', type = 'application/json') => {
    const reply = await fetch(`${platform.url}/apps/${app.appId.split('/').pop()}${path}`, {
      method,
      headers: {
        Accept: `application/${media}+json; version=${version}`,
        Authorization: `Bearer ${app.token}`,
        'Content-Type': type,
      },
      body: typeof body === 'object' ? JSON.stringify(body) : body,
    });
    const answer = await reply.text();
    assert.ok(reply.ok, `seed ${SEED}: ${method} ${path} ${JSON.stringify(body)}: ${reply.status} ${answer}`);
    return answer && JSON.parse(answer);
  };
  const bare = ({ id }) => id.split('/').pop();

  const receivers = [];
  for (const [version, events] of Object.entries(EVENTS)) {
    for (let copy = 0; copy < 3; copy++) {
      const receiver = await startReceiver();
      t.after(receiver.close);
      const members = Array.from({ length: 20 }, (_, index) => `"${index * 7}":${json(3)},"k${index}":${json(2)}`);
      const config = `{${fitting(members.reverse()).join(',')}}`;
      const registration = `{"version":"${version}","target_url":"${receiver.url}","events":${JSON.stringify(events)},"secret":"s3cr3t","config":${config}}`;
      const path = `/webhooks/${bare(await send('POST', '/webhooks', registration, 'vnd.layer.webhooks', version))}`;
      while ((await send('GET', path, undefined, 'vnd.layer.webhooks')).status !== 'active')
        await new Promise(setImmediate);
      receivers.push({ ...receiver, version, config: JSON.parse(config) });
    }
  }

  const CONVERSATIONS = 40;
  for (let round = 0; round < CONVERSATIONS; round++) {
    // At least one key of `recipient_status` in 1.0 that has to move.
    const participants = [...new Set(['maria', user(), user(), user(), String(round)])];
    const conversation = `/conversations/${bare(await send('POST', '/conversations', { participants, metadata: metadata(3) }))}`;
    const change = [{ operation: 'set', property: 'metadata', value: { ...metadata(2), [`m${round}`]: text(9) } }];
    await send('PATCH', conversation, change, 'vnd.layer', '1.0', 'application/vnd.layer-patch+json');
    await send('PUT', '/users/maria/identity', { display_name: `M${text(9)}`, avatar_url: text(9) });
    const parts = [{ mime_type: `a/b; x=${text(4).replace(/\0/g, '')}`, body: text(40) + half() }];
    const message = bare(await send('POST', `${conversation}/messages`, { sender: { user_id: 'maria' }, parts }));
    await send('POST', `/users/${round}/messages/${message}/receipts`, { type: 'read' });
  }

  for (const { wait, version, config } of receivers) {
    const deliveries = await wait(4 * CONVERSATIONS);
    assert.equal(deliveries.length, 4 * CONVERSATIONS);
    for (const { headers, raw } of deliveries) {
      const again = JSON.stringify(JSON.parse(raw));
      assert.equal(again, raw, `seed ${SEED}, version ${version}`);
      const signature = createHmac('sha1', 's3cr3t').update(again).digest('hex');
      assert.equal(headers['layer-webhook-signature'], signature);
      // What was registered comes back as it was, to the last bit of each number.
      assert.equal(JSON.stringify(JSON.parse(raw).config), JSON.stringify(config), `seed ${SEED}`);
    }
  }
});
