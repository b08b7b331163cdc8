'use strict';

/** What is measured: calls of methods, each with the status that its reply must have. */

const querystring = require('querystring');

const CONVERSATION = 'layer:///conversations/f3cc7b32-3c92-11e4-baad-164230d1df67';
const RENAMING = [{ operation: 'set', property: 'metadata.title', value: 'Ski trip' }];

const message = (text) => ({
  sender: { user_id: '1234' },
  parts: [{ body: text, mime_type: 'text/plain' }],
  notification: { text: "See you at nine o'clock.", sound: 'chime.aiff' },
});
const send = (text) => ({ resource: 'messages', method: 'send', args: [CONVERSATION, message(text)], status: 201 });
const list = (query) => ({ resource: 'messages', method: 'getAll', args: [CONVERSATION, query], status: 200 });

/** By name. Those that end in a colon take a number: `down:1000` is a list of a thousand bytes. */
const OPERATIONS = {
  send: () => send("See you at nine o'clock."),
  get: () => ({ resource: 'conversations', method: 'get', args: [CONVERSATION], status: 200 }),
  list: () => list({ page_size: 100 }),
  'list-non-ascii': () => list({ page_size: 100, text: 'non-ascii' }),
  edit: () => ({ resource: 'conversations', method: 'edit', args: [CONVERSATION, RENAMING], status: 204 }),
  'up:': (bytes) => send('x'.repeat(bytes)),
  'down:': (bytes) => list({ bytes }),
  'headers:': (headers) => list({ bytes: 600, headers }),
};

/** The call that a name such as `send` or `down:1000` stands for. Throws where there is none. */
exports.operationOf = (name) => {
  const [, kind, number] = /^([\w-]+:?)(\d*)$/.exec(name) || [];
  const make = Object.hasOwn(OPERATIONS, kind) && OPERATIONS[kind];
  if (!make || kind.endsWith(':') !== Boolean(number)) throw new Error(`There is no operation \`${name}\``);
  return make(Number(number));
};

/** The same for those who know the path and the text only: query or body. */
exports.textOf = ({ method, args: [id, argument] }) => {
  if (argument === undefined) return { id };
  return { id, text: method === 'getAll' ? `?${querystring.stringify(argument)}` : JSON.stringify(argument) };
};

exports.names = Object.keys(OPERATIONS).map((name) => (name.endsWith(':') ? `${name}N` : name));
