/** Rows about what the service answers, byte by byte, and about connections that fail. */

const zlib = require('node:zlib');
const v = require('./values.js');
const { httpsAgent } = require('./agents.js');

const { CONVERSATION } = v;

/** A reply of the given byte blocks. */
const raw = (parts, { gap = 0, ending = 'keep' } = {}) => ({ parts: [parts].flat(), gap, ending });

/** A reply with a status line, header lines and a body whose length is announced. */
function reply(status, body = '', lines = [], options) {
  const bytes = Buffer.from(body);
  const head = [`HTTP/1.1 ${status}`, ...lines, `Content-Length: ${bytes.length}`, '', ''].join('\r\n');
  return raw(Buffer.concat([Buffer.from(head, 'latin1'), bytes]), options);
}

const json = (status, body) => reply(status, body, ['Content-Type: application/json']);

/** A chunked reply; each element of `chunks` is one chunk, written on its own. */
function chunked(
  chunks,
  { end = '0\r\n\r\n', lines = [], size = (n) => n.toString(16), gap = 0, ending = 'keep' } = {},
) {
  const head = ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', ...lines, '', ''].join('\r\n');
  const blocks = chunks.map((chunk) => {
    const bytes = Buffer.from(chunk);
    return Buffer.concat([Buffer.from(`${size(bytes.length)}\r\n`), bytes, Buffer.from('\r\n')]);
  });
  return raw([head, ...blocks, end], { gap, ending });
}

const rows = [];
const get = (name, scripted, extra) =>
  rows.push({ name, method: 'conversations.get', args: () => [CONVERSATION], reply: scripted, ...extra });
const create = (name, scripted, extra) =>
  rows.push({ name, method: 'conversations.create', args: () => [{ a: 1 }], reply: scripted, ...extra });
const remove = (name, scripted, extra) =>
  rows.push({ name, method: 'conversations.delete', args: () => [CONVERSATION], reply: scripted, ...extra });

const statuses = [
  '200 OK',
  '201 Created',
  '202 Accepted',
  '203 Non-Authoritative Information',
  '205 Reset Content',
  '206 Partial Content',
  '226 IM Used',
  '299 x',
  '300 Multiple Choices',
  '400 Bad Request',
  '401 Unauthorized',
  '402 Payment Required',
  '403 Forbidden',
  '404 Not Found',
  '405 Method Not Allowed',
  '407 Proxy Authentication Required',
  '408 Request Timeout',
  '409 Conflict',
  '410 Gone',
  '412 Precondition Failed',
  '413 Content Too Large',
  '415 Unsupported Media Type',
  '417 Expectation Failed',
  '421 Misdirected Request',
  '422 Unprocessable Content',
  '425 Too Early',
  '429 Too Many Requests',
  '500 Internal Server Error',
  '501 Not Implemented',
  '502 Bad Gateway',
  '503 Service Unavailable',
  '504 Gateway Timeout',
  '599 x',
  '600 x',
  '999 Odd',
];
for (const status of statuses) {
  const body = `{"id":"conversation_gone","code":106,"status":"${status}"}`;
  get(`status ${status}`, json(status, body));
  create(`status ${status}`, json(status, body), { forms: ['callback'] });
}
for (const status of ['301 Moved Permanently', '302 Found', '303 See Other', '307 Temporary Redirect', '308 x']) {
  const moved = reply(status, '"moved"', ['Location: https://api.layer.com/elsewhere']);
  get(`status ${status} with a location`, moved);
  create(`status ${status} with a location`, moved);
  get(`status ${status} without a location`, reply(status));
}
for (const status of ['204 No Content', '304 Not Modified']) {
  const head = `HTTP/1.1 ${status}\r\nX-A: b\r\n`;
  remove(`status ${status}`, raw(`${head}\r\n`));
  remove(`status ${status} with length 0`, raw(`${head}Content-Length: 0\r\n\r\n`));
  remove(`status ${status} with a length but no body`, raw(`${head}Content-Length: 5\r\n\r\n`));
  remove(`status ${status}, chunked but no body`, raw(`${head}Transfer-Encoding: chunked\r\n\r\n`));
}
remove('status 204 with a body', raw('HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nnull'));
remove('status 200 without a body', reply('200 OK'));
remove('status 202 with a body', json('202 Accepted', '{"id":"x"}'));

// Informational replies come before the real one.
const real = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue';
for (const early of ['100 Continue', '102 Processing', '103 Early Hints', '199 x']) {
  create(`informational ${early} first`, raw([`HTTP/1.1 ${early}\r\n\r\n`, real]));
  create(`informational ${early} first, in one piece`, raw(`HTTP/1.1 ${early}\r\nLink: </x>\r\n\r\n${real}`));
}
create(
  'three informational replies first',
  raw(`${'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(3)}${real}`),
);
create(
  'informational reply, then an error',
  raw(['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n']),
);
create('status 101', raw('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'));
create('status 101 without upgrade', raw('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
create('upgrade offered with status 200', reply('200 OK', 'true', ['Upgrade: h2c', 'Connection: Upgrade']));

// Status lines.
const length4 = 'Content-Length: 4\r\n\r\ntrue';
for (const [name, line] of [
  ['no reason phrase', 'HTTP/1.1 200 '],
  ['no reason phrase and no space', 'HTTP/1.1 200'],
  ['long reason phrase', `HTTP/1.1 200 ${'x'.repeat(2000)}`],
  ['reason phrase beyond ASCII', 'HTTP/1.1 200 tr\xe8s bien'],
  ['tab in the reason phrase', 'HTTP/1.1 200 a\tb'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK'],
  ['HTTP/1.0 kept alive', 'HTTP/1.0 200 OK\r\nConnection: keep-alive'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK'],
  ['HTTP/2.0', 'HTTP/2.0 200 OK'],
  ['HTTP/0.9', 'HTTP/0.9 200 OK'],
  ['lower case', 'http/1.1 200 OK'],
  ['status of two digits', 'HTTP/1.1 20 OK'],
  ['status of four digits', 'HTTP/1.1 2000 OK'],
  ['status 000', 'HTTP/1.1 000 x'],
  ['status 099', 'HTTP/1.1 099 x'],
  ['status that is no number', 'HTTP/1.1 abc OK'],
  ['negative status', 'HTTP/1.1 -200 OK'],
  ['two spaces before the status', 'HTTP/1.1  200 OK'],
  ['another protocol', 'SIP/2.0 200 OK'],
]) {
  get(`status line: ${name}`, raw(Buffer.from(`${line}\r\n${length4}`, 'latin1')));
}
get('empty line before the status line', raw(`\r\nHTTP/1.1 200 OK\r\n${length4}`));
get('no HTTP at all', raw('220 mail.example.test ESMTP\r\n', { ending: 'end' }));
get('a request instead of a reply', raw('GET / HTTP/1.1\r\nHost: x\r\n\r\n', { ending: 'end' }));

// Header lines.
for (const [name, lines] of [
  ['lower case names', ['content-type: application/json', 'x-a: b']],
  ['upper case names', ['CONTENT-TYPE: APPLICATION/JSON']],
  ['no space after the colon', ['Content-Type:application/json']],
  ['spaces and tabs around values', ['Content-Type: \t application/json \t ']],
  ['empty value', ['X-Empty:']],
  ['odd names', ["!#$%&'*+-.^_`|~09: x"]],
  ['many Set-Cookie', Array.from({ length: 200 }, (_, index) => `Set-Cookie: a${index}=${index}; Path=/`)],
  ['the same name twice', ['X-A: 1', 'x-a: 2']],
  ['name __proto__', ['__proto__: x', 'constructor: y']],
  ['value beyond ASCII', ['X-A: zo\xeb']],
  ['value of 8 kB', [`X-A: ${'x'.repeat(8000)}`]],
  ['headers of 20 kB', [`X-A: ${'x'.repeat(20000)}`]],
  ['1000 headers', Array.from({ length: 1000 }, (_, index) => `a${index}: b`)],
  ['2500 headers', Array.from({ length: 2500 }, (_, index) => `a${index}: b`)],
  ['folded value', ['X-A: a', ' b']],
  ['space before the colon', ['X-A : b']],
  ['no colon', ['X-A']],
  ['empty name', [': b']],
  ['NUL in a value', ['X-A: a\0b']],
  ['control character in a value', ['X-A: a\x01b']],
  ['bare CR in a value', ['X-A: a\rb']],
  ['Connection: close', ['Connection: close']],
  ['Keep-Alive', ['Connection: keep-alive', 'Keep-Alive: timeout=5, max=100']],
  ['Keep-Alive of no time', ['Connection: keep-alive', 'Keep-Alive: timeout=0']],
  ['Trailer announced', ['Trailer: X-A']],
]) {
  get(`headers: ${name}`, reply('200 OK', 'true', lines));
}
get('headers: line feeds only', raw('HTTP/1.1 200 OK\nContent-Length: 4\n\ntrue'));
get('headers: none', raw('HTTP/1.1 200 OK\r\n\r\ntrue', { ending: 'end' }));
for (const [name, lines] of [
  ['the same twice', ['Content-Length: 4', 'Content-Length: 4']],
  ['the same twice in one line', ['Content-Length: 4, 4']],
  ['two of them', ['Content-Length: 4', 'Content-Length: 5']],
  ['with a plus', ['Content-Length: +4']],
  ['with leading zeros', ['Content-Length: 0004']],
  ['negative', ['Content-Length: -4']],
  ['hexadecimal', ['Content-Length: 0x4']],
  ['not a number', ['Content-Length: four']],
  ['empty', ['Content-Length:']],
  ['huge', ['Content-Length: 99999999999999999999']],
  ['together with chunked', ['Content-Length: 4', 'Transfer-Encoding: chunked']],
  ['after chunked', ['Transfer-Encoding: chunked', 'Content-Length: 4']],
]) {
  get(`content length: ${name}`, raw(`HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\ntrue`, { ending: 'end' }));
}

// Bodies.
for (const [name, body, type = 'application/json'] of [
  ['object', '{"a":1,"b":[true,false,null],"c":{"d":"e"}}'],
  ['array', '[1,[2],{}]'],
  ['string', '"text"'],
  ['empty string', '""'],
  ['number', '17'],
  ['negative zero', '-0'],
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
  ['zero', '0'],
  ['empty body', ''],
  ['blank body', ' \r\n\t '],
  ['broken JSON', '{"a":1'],
  ['JSON and more', '{"a":1} x'],
  ['two JSON texts', '{}{}'],
  ['comment in JSON', '{"a":1/*x*/}'],
  ['trailing comma', '[1,]'],
  ['single quotes', "{'a':1}"],
  ['NaN', 'NaN'],
  ['Infinity', '[Infinity]'],
  ['undefined', 'undefined'],
  ['leading zero', '[01]'],
  ['plus sign', '+1'],
  ['fraction without digits', '[1.]'],
  ['control character in a string', '"a\nb"'],
  ['NUL', '"a\0b"'],
  ['NUL after JSON', 'true\0'],
  ['white space around', ' \t\r\n{"a":1}\r\n\t '],
  ['form feed around', '\f{}\f'],
  ['non-breaking space around', '\u00a0{}'],
  ['BOM', '\ufeff{"a":1}'],
  ['BOM only', '\ufeff'],
  ['plain text', 'Not here', 'text/plain'],
  ['HTML', '<html><body>502 Bad Gateway</body></html>', 'text/html; charset=utf-8'],
  ['JSON labelled as text', '{"a":1}', 'text/plain'],
  ['JSON labelled as Latin-1', '{"a":"é"}', 'application/json; charset=iso-8859-1'],
  ['unicode', '{"zoë":"東京 😀 \u2028"}'],
  ['lone surrogate escapes', '["\\ud800","\\udc00x","\\ud83d\\ude00"]'],
  ['other escapes', '["\\u0000","\\/","\\b\\f\\n\\r\\t\\"\\\\"]'],
  ['unknown escape', '["\\x41"]'],
  ['duplicate keys', '{"a":1,"b":2,"a":3}'],
  ['order of keys', '{"z":1,"a":2,"10":3,"9":4,"01":5}'],
  ['key __proto__', '{"__proto__":{"polluted":true},"constructor":{"prototype":1}}'],
  ['key __proto__ with null', '{"__proto__":null,"toString":1,"then":2}'],
  ['keys of every kind', '{"":1," ":2,"\\u0000":3,"hasOwnProperty":4}'],
  ['huge numbers', '[1e999,-1e999,1e-999,1.7976931348623157e308]'],
  ['large integers', '[9007199254740993,123456789012345678901234567890,-9223372036854775808]'],
  ['precise fractions', '[0.1,0.30000000000000004,1.0000000000000002,5e-324,1E+2]'],
  ['arrays 5000 deep', `${'['.repeat(5000)}${']'.repeat(5000)}`],
  ['objects 5000 deep', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`],
  ['1 MB', JSON.stringify({ text: 'é'.repeat(1 << 19) })],
  ['1 MB of text', 'x'.repeat(1 << 20), 'text/plain'],
  ['invalid UTF-8', Buffer.from([0x22, 0xff, 0xc0, 0xaf, 0x80, 0x22])],
  ['invalid UTF-8 as text', Buffer.from([0x61, 0xe2, 0x82, 0x62, 0xf0, 0x9f, 0x98])],
  ['UTF-8 cut off', Buffer.from([0x61, 0xf0, 0x9f, 0x98])],
  ['surrogates in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80, 0x22])],
  ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
  ['Latin-1', Buffer.from('"zoë"', 'latin1')],
  ['all bytes', Buffer.from(Array.from({ length: 256 }, (_, index) => index))],
]) {
  get(`body: ${name}`, reply('200 OK', body, [`Content-Type: ${type}`]));
  if (body.length < 200) create(`error body: ${name}`, reply('422 x', body, [`Content-Type: ${type}`]));
}
get('body: without a content type', reply('200 OK', '{"a":1}'));
get('body: plain, labelled gzip', reply('200 OK', '{"a":1}', ['Content-Encoding: gzip']));
get('body: gzip', reply('200 OK', zlib.gzipSync('{"a":1}'), ['Content-Encoding: gzip']));
get('body: Brotli', reply('200 OK', zlib.brotliCompressSync('{"a":1}'), ['Content-Encoding: br']));
get('body: labelled with an unknown encoding', reply('200 OK', '{"a":1}', ['Content-Encoding: x']));
get('body: fewer bytes than it goes on', raw(`HTTP/1.1 200 OK\r\n${length4}, and more`));

// Framing.
const halves = (text, ...cuts) => {
  const bytes = Buffer.from(text);
  return [...cuts, bytes.length].map((cut, index) => bytes.subarray(index > 0 ? cuts[index - 1] : 0, cut));
};
get('chunked', chunked(['{"a"', ':1}']));
get('chunked, no chunk', chunked([]));
get('chunked, one byte each', chunked(Array.from(Buffer.from('{"zoë":"😀"}'), (byte) => Buffer.from([byte]))));
get('chunked, slowly', chunked(['{"a"', ':1}'], { gap: 5 }));
get('chunked, multibyte characters split', chunked(halves('"ë東😀"', 2, 4, 7, 9), { gap: 2 }));
get('chunked with extensions', chunked(['true'], { size: (n) => `${n.toString(16)};name=value;flag;q="a b"` }));
get('chunked, upper case size with zeros', chunked(['x'.repeat(171)], { size: () => '00AB' }));
get('chunked with trailers', chunked(['true'], { end: '0\r\nX-Trailer: a\r\nX-Other: b\r\n\r\n' }));
get('chunked, name in capitals', raw('HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n4\r\ntrue\r\n0\r\n\r\n'));
get('chunked after gzip', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\ntrue\r\n0\r\n\r\n'));
get('chunked before gzip', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\ntrue', { ending: 'end' }));
get('transfer encoding identity', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\ntrue', { ending: 'end' }));
get('chunked: size that is no number', chunked(['true'], { size: () => 'xyz', ending: 'end' }));
get('chunked: size too large', chunked(['true'], { size: () => 'fffffffffffffffff', ending: 'end' }));
get('chunked: size too small', chunked(['true'], { size: () => '2', ending: 'end' }));
get('chunked: space before the size', chunked(['true'], { size: () => ' 4', ending: 'end' }));
get('chunked: space after the size', chunked(['true'], { size: () => '4 ' }));
get(
  'chunked: line feeds only',
  raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\ntrue\n0\n\n', { ending: 'end' }),
);
get('delimited by the end of the connection', raw('HTTP/1.1 200 OK\r\n\r\n{"a":1}', { ending: 'end' }));
get(
  'delimited by the end, in pieces',
  raw(['HTTP/1.1 200 OK\r\n\r\n', ...halves('"ë東😀"', 2, 4, 7)], { gap: 2, ending: 'end' }),
);
get('delimited by the end, empty', raw('HTTP/1.1 200 OK\r\n\r\n', { ending: 'end' }));
get('error delimited by the end', raw('HTTP/1.1 500 x\r\nConnection: close\r\n\r\n{"a":1}', { ending: 'end' }));
get(
  'length, multibyte characters split',
  raw(['HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n', ...halves('"ë東😀"', 2, 4, 7)], { gap: 2 }),
);
get('head in pieces', raw(['HTT', 'P/1.1 20', '0 OK\r', '\nContent-Len', 'gth: 4\r\n\r', '\ntr', 'ue'], { gap: 2 }));
get('second reply without a request', raw(`${real}${real}`));

// Connections that end too early.
get('closed without a reply', raw([], { ending: 'end' }));
get('cut without a reply', raw([], { ending: 'destroy' }));
create('closed without a reply', raw([], { ending: 'end' }));
get('closed within the status line', raw('HTTP/1.1 20', { ending: 'end' }));
get('closed within the headers', raw('HTTP/1.1 200 OK\r\nContent-', { ending: 'end' }));
get('closed after an informational reply', raw('HTTP/1.1 100 Continue\r\n\r\n', { ending: 'end' }));
get('closed before the body', raw('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n', { ending: 'end' }), {
  tag: 'cut off',
});
get('closed within the body', raw('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntrue', { ending: 'end' }), {
  tag: 'cut off',
});
get(
  'cut within the body',
  raw(['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntrue', ''], { gap: 10, ending: 'destroy' }),
  { tag: 'cut off' },
);
get('closed within a chunk', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ntrue', { ending: 'end' }), {
  tag: 'cut off',
});
get(
  'closed between chunks',
  raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntrue\r\n', { ending: 'end' }),
  { tag: 'cut off' },
);
get(
  'closed within the trailers',
  raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntrue\r\n0\r\nX-', { ending: 'end' }),
  { tag: 'cut off' },
);
get('error reply closed within the body', raw('HTTP/1.1 500 x\r\nContent-Length: 9\r\n\r\ntrue', { ending: 'end' }), {
  tag: 'cut off',
});
get('nothing listens', null, { config: () => ({ target: 'refused' }) });
create('nothing listens', null, { config: () => ({ target: 'refused' }) });
get('certificate of an unknown authority', v.OK, { config: () => ({ target: 'untrusted' }) });
get('certificate of another name', v.OK, { config: () => ({ agentOptions: { servername: 'other.example.test' } }) });
get('any certificate allowed', v.OK, {
  config: () => ({ target: 'untrusted', agentOptions: { rejectUnauthorized: false } }),
});

// Time limits. They count the time without any traffic, not the time of the whole call. Where the time is up, there is
// always a sign of it.
const impatient = (extra) => ({ config: () => ({ timeout: 80, ...extra }), patience: 30_000 });
get('no reply in time', null, impatient());
create('no reply in time', null, impatient());
get('no reply in time, debug lines', null, impatient({ debug: true }));
get('stalled after the status line', raw('HTTP/1.1 200 OK\r\n'), impatient());
get('stalled after the headers', raw('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'), impatient());
get('stalled within the body', raw('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntr'), impatient());
get('stalled after an informational reply', raw('HTTP/1.1 100 Continue\r\n\r\n'), impatient());
get('slow, but never silent for the whole limit', chunked(['[1', ',2', ',3', ',4]'], { gap: 500 }), {
  config: () => ({ timeout: 2000 }),
  patience: 30_000,
});
get('limit of 100.5 ms in the message', null, { config: () => ({ timeout: 100.5 }), patience: 30_000 });
get('callback throws when the time is up', null, { ...impatient(), callbackThrows: true });
get('callback throws on a connection error', raw([], { ending: 'end' }), { callbackThrows: true });
create('no reply in time, callback missing', null, { ...impatient(), callback: 'none', patience: 300 });
get('no reply in time, required callback missing', null, { ...impatient(), callback: 'none' });
create('connection error, callback missing', raw([], { ending: 'end' }), { callback: 'none' });
get('connection error, required callback missing', raw([], { ending: 'end' }), { callback: 'none' });

// One connection for several calls.
const twice = (name, replies, extra) => get(`two calls: ${name}`, replies, { repeat: 2, ...extra });
twice('connection kept', [v.OK]);
twice('length 0', [reply('200 OK'), v.OK]);
twice('no content', [raw('HTTP/1.1 204 No Content\r\n\r\n'), v.OK]);
twice('chunked', [chunked(['true']), v.OK]);
twice('error reply', [reply('404 x', '{}'), v.OK]);
twice('connection closed by the service', [reply('200 OK', 'true', ['Connection: close'], { ending: 'end' }), v.OK]);
twice('delimited by the end', [raw('HTTP/1.1 200 OK\r\n\r\ntrue', { ending: 'end' }), v.OK]);
twice('HTTP/1.0', [raw(`HTTP/1.0 200 OK\r\n${length4}`), v.OK]);
twice('closed by the service while idle', [reply('200 OK', 'true', [], { ending: 'end' }), v.OK], { pause: 20 });
twice('second reply cut', [v.OK, raw([], { ending: 'end' })]);
// The other call has to be in time.
const inTime = { config: () => ({ timeout: 1000 }), patience: 30_000 };
twice('first call out of time', [null, v.OK], inTime);
twice('second call out of time', [v.OK, null], inTime);
twice('not kept alive', [v.OK], { config: () => ({ agentOptions: { keepAlive: false } }) });
twice('an agent that keeps alive', [v.OK], { config: () => ({ agent: httpsAgent }) });
twice('an agent that does not', [v.OK], {
  config: () => ({ agent: httpsAgent, agentOptions: { keepAlive: false } }),
});
twice('any certificate allowed', [v.OK], {
  config: () => ({ target: 'untrusted', timeout: 1000, agentOptions: { rejectUnauthorized: false } }),
  patience: 30_000,
  tag: 'unverified connection reused',
});
rows.push({
  name: 'two calls with a body: connection kept',
  method: 'conversations.create',
  args: () => [{ a: 'é' }],
  reply: [v.OK],
  repeat: 2,
});
rows.push({
  name: 'two refused calls',
  method: 'conversations.create',
  args: () => [null],
  repeat: 2,
});

// Debug lines of replies.
for (const [name, scripted] of [
  ['JSON', v.OK],
  ['empty', reply('200 OK')],
  ['text', reply('200 OK', 'Not here')],
  ['broken JSON', reply('200 OK', '{"a":')],
  ['long text', reply('200 OK', `Sorry: ${'x'.repeat(100)}`)],
  ['unicode text', reply('200 OK', '東京 😀')],
  ['BOM', reply('200 OK', '\ufefftrue')],
  ['no content', raw('HTTP/1.1 204 No Content\r\n\r\n')],
  ['error', reply('404 x', '{"id":"not_found"}')],
  ['error with text', reply('502 x', '<html>')],
  ['informational first', raw(`HTTP/1.1 103 Early Hints\r\n\r\n${real}`)],
  ['closed without a reply', raw([], { ending: 'end' })],
]) {
  get(`debug lines: ${name}`, scripted, { config: () => ({ debug: true }) });
}
get('debug lines: nothing listens', null, { config: () => ({ debug: true, target: 'refused' }) });

module.exports = rows;
