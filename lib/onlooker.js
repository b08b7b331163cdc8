'use strict';

/** `npx layer-api tail` and `npx layer-api inspect`: what a running platform does and has, in a terminal. */

const { DEFAULT_URL, Misuse, Refusal, open, textOf } = require('./admin.js');

const COMMON = `  --url URL          address of the platform  [default: ${DEFAULT_URL}]

The admin token is taken from LAYER_ADMIN_TOKEN, because everyone sees the command line of a process.`;

/** Each verb: what it does in a line, its usage, and the options that it takes beside \`--url\`. */
const VERBS = {
  tail: {
    summary: 'Shows the requests of a running platform as they come',
    usage: `Usage: layer-api tail [options]

Shows the requests of a running platform as they are answered, until Ctrl-C. The platform has to record them, as it
does with --console or --record.

  --method METHOD    only those with this method
  --path TEXT        only those with this in their path
  --status STATUS    only those with this status, such as 503, 4xx or reset
${COMMON}`,
    takes: ['method', 'path', 'status'],
    run: tail,
  },
  inspect: {
    summary: 'Shows a conversation of a running platform',
    usage: `Usage: layer-api inspect ID [options]

Shows a conversation, by its id or that of a message in it: participants, metadata, and the latest messages with their
receipts.

  --messages NUMBER  how many messages to show, up to 100  [default: 20]
${COMMON}`,
    takes: ['messages'],
    argument: 'ID',
    run: inspect,
  },
};

/**
 * Does what the arguments say, and prints it with `print`, line by line; resolves when there is no more.
 *
 * @param {string} verb
 * @param {string[]} args
 * @param {(line: string) => void} print
 */
async function run(verb, args, print) {
  if (args.some((arg) => arg === '--help' || arg === '-h')) return print(VERBS[verb].usage);
  return VERBS[verb].run(parse(verb, args), print);
}

function parse(verb, args) {
  const { takes, argument } = VERBS[verb];
  const given = {};
  const rest = args.slice();
  while (rest.length > 0) {
    const word = rest.shift();
    const name = word.replace(/^--/, '');
    if (word.startsWith('--') && ['url', ...takes].includes(name)) {
      if (rest.length === 0) throw new Misuse(`\`${word}\` needs a value`);
      given[name] = rest.shift();
    } else if (argument && !word.startsWith('-') && given.argument === undefined) given.argument = word;
    else throw new Misuse(`\`${verb}\` takes no \`${word}\``);
  }
  if (argument && !given.argument) throw new Misuse(`\`${verb}\` needs an ${argument}`);
  return given;
}

/** Whether a request has a status as it is asked for: `503`, `5xx` or `reset`. */
function hasStatus({ status }, wanted) {
  if (wanted === undefined) return true;
  if (status === null) return wanted === 'reset';
  return wanted.toLowerCase() === `${Math.floor(status / 100)}xx` || wanted === String(status);
}

async function tail(given, print) {
  const isStatus = given.status === undefined || /^([1-9]xx|[1-9]\d\d|reset)$/i.test(given.status);
  if (!isStatus) throw new Misuse('`--status` needs to be a status such as 503, or 4xx, or reset');
  const { method, path = '', status } = given;
  const answer = await look(given, '/events?kinds=requests');
  answer.setEncoding('utf8');
  let text = '';
  // A request is told of more than once.
  let shownLately = [];
  for await (const chunk of answer) {
    text += chunk;
    const events = text.split('\n\n');
    text = events.pop();
    for (const event of events) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) || [];
      if (!name) continue;
      const told = JSON.parse(data);
      if (name === 'ready' && !told.is_recording) {
        throw new Error('the platform does not record requests: start it with --console or --record 1000');
      }
      if (name === 'ready') print('Waiting for requests. Stop with Ctrl-C.');
      if (name === 'ready' && told.is_shared)
        print('Other platforms share the database: shown are requests to this one.');
      if (name === 'missed') print(`... ${told.count || 'some'} missed`);
      const isWanted = name === 'request' && told.is_answered && hasStatus(told, status);
      if (isWanted && (!method || told.method === method.toUpperCase()) && told.path.includes(path)) {
        if (shownLately.includes(told.number)) continue;
        shownLately = shownLately.slice(-1000).concat(told.number);
        print(requestLine(told));
      }
    }
  }
  print('The platform has stopped.');
}

/** A request in a line. */
function requestLine({ received_at: time, method, path, status, duration_ms: took, fault }) {
  const columns = [
    time.replace(/^.*T(.*)Z$/, '$1'),
    status === null ? 'reset' : String(status).padEnd(5),
    `${took.toFixed(took < 10 ? 2 : 0)} ms`.padStart(9),
    method.padEnd(6),
    shown(path),
  ];
  if (fault !== null) columns.push(`(fault ${fault})`);
  return columns.join('  ');
}

async function inspect(given, print) {
  const count = Number(given.messages === undefined ? 20 : given.messages);
  if (!(Number.isInteger(count) && count >= 1 && count <= 100)) {
    throw new Misuse('`--messages` needs to be a whole number from 1 to 100');
  }
  const id = given.argument;
  const places = await read(given, `/find/${encodeURIComponent(id)}`);
  const found = places.filter(({ conversation_id: conversation }) => conversation);
  if (found.length === 0) throw new Error(`no conversation and no message has the id ${id}`);
  for (const { app_id: app, conversation_id: uuid, type } of found) {
    const path = `/apps/${app}/api/conversations/${uuid}`;
    const conversation = await read(given, path);
    const messages = await read(given, `${path}/messages?page_size=${count}`);
    const uuidOfMessage = type === 'message' ? id.slice(id.lastIndexOf('/') + 1) : undefined;
    for (const line of conversationLines(app, conversation, messages, uuidOfMessage)) print(line);
  }
}

/** A conversation with its messages, the latest last. */
function conversationLines(app, conversation, messages, marked) {
  const lines = [
    `Conversation ${bare(conversation.id)}`,
    `  app           ${app}`,
    `  created       ${conversation.created_at}`,
    `  participants  ${conversation.participants.map(nameOf).join(', ') || 'nobody'}`,
    `  distinct      ${conversation.distinct ? 'yes' : 'no'}`,
    `  metadata      ${shown(JSON.stringify(conversation.metadata))}`,
  ];
  if (messages.length === 0) lines.push('', 'No message yet.');
  for (const message of messages.slice().reverse()) {
    const mark = bare(message.id) === marked ? '> ' : '';
    lines.push('', `${mark}#${message.position}  ${message.sent_at}  ${nameOf(message.sender)}  ${bare(message.id)}`);
    for (const part of message.parts) for (const line of partOf(part).split('\n')) lines.push(`    ${line}`);
    lines.push(`    ${receiptsOf(message.recipient_status)}`);
  }
  return lines;
}

function partOf({ mime_type: type, body, encoding, content }) {
  if (content) return `[${shown(type)}, ${content.size} bytes of rich content]`;
  if (encoding) return `[${shown(type)}, ${Buffer.from(body, encoding).length} bytes]`;
  return shown(body);
}

/** Who has read a message, and whom it has reached. */
function receiptsOf(statuses) {
  const having = (status) => Object.keys(statuses).filter((user) => statuses[user] === status);
  const name = (user) => shown(decodeURIComponent(bare(user)));
  const texts = ['read', 'delivered', 'sent'].map((status) => {
    const users = having(status).map(name);
    return users.length > 0 ? `${status}: ${users.join(', ')}` : '';
  });
  return texts.filter(Boolean).join('; ');
}

const bare = (id) => id.slice(id.lastIndexOf('/') + 1);

function nameOf({ user_id: user, display_name: name }) {
  if (user && name && user !== name) return `${shown(name)} (${shown(user)})`;
  return shown(user || name || 'nobody');
}

/** Text of users as a terminal may have it: without characters that it would obey. */
function shown(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** The answer of the admin API to a `GET`, as JSON. */
async function read(given, path) {
  return JSON.parse(await textOf(await look(given, path)));
}

/** Opens an answer of the admin API to a `GET`. */
async function look({ url }, path) {
  try {
    return await open('GET', url, path);
  } catch (error) {
    const isToken = error instanceof Refusal && error.status === 401;
    throw isToken ? new Error('the platform refuses the token in LAYER_ADMIN_TOKEN') : error;
  }
}

module.exports = { commands: VERBS, run };
