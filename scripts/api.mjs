/** Writes docs/api.md from the table of methods and the comments of index.d.ts: part of `npm run docs`. */

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './prepare.mjs';

const FILE = join(ROOT, 'docs', 'api.md');
const require = createRequire(import.meta.url);

/** What the resources are, in the order of the page. */
const RESOURCES = {
  conversations: 'Conversations',
  messages: 'Messages',
  announcements: 'Announcements',
  blocklist: 'Block lists',
  identities: 'Identities',
  users: 'Users',
  content: 'Rich content',
  notifications: 'Notifications',
  exports: 'Data exports',
  webhooks: 'Webhooks',
  app: 'The app',
};

/** The page: every method with its request, its versions and what it does. */
export function apiPage() {
  const methods = JSON.parse(require('../lib/addon.js').methods());
  const comments = commentsOf(readFileSync(join(ROOT, 'index.d.ts'), 'utf8'));
  const sections = Object.entries(RESOURCES).map(([resource, title]) => {
    const rows = methods.filter((row) => row.resource === resource).map((row) => line(row, comments));
    return `## ${title}\n\n| method | request | versions | |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Methods

Every method of a client with its HTTP request, below \`/apps/<app uuid>\`. Each has two forms: with a callback as its last
argument, and with \`Async\` at the end of its name as a promise. An argument in brackets can be left out. Those of
layer-api 2.3.3 have a star. [platform.md](platform.md) says what the platform answers; \`index.d.ts\` has the types.

The client knows its version (\`new LayerAPI({ version: '3.0', ... })\`, default \`1.0\`). A method that the version does not have
is an error that names the versions that have it, and nothing is sent.

## Lists

\`\`\`js
for await (const message of layer.messages.list(conversationId, { pageSize: 50 })) {
  if (message.sent_at < '2016-05-02') break;
}
const newest = await layer.messages.list(conversationId).toArray({ limit: 10 });
for await (const { items, total } of layer.conversations.listFromUser('maria', { sortBy: 'last_message' }).pages()) {
  console.log(items.length, 'of', total);
}
\`\`\`

\`messages.list(conversationId, options)\`, \`messages.listFromUser(userId, conversationId, options)\`,
\`conversations.listFromUser(userId, options)\` and \`announcements.listFromUser(userId, options)\` are lists that come page by
page, newest first; \`pageSize\` (1 to 100, default 100), \`from\` (the id of the item after which it begins) and, for
conversations, \`sortBy\` are their options. A page is asked for when it is needed. Nothing comes twice, and nothing that
keeps its place is missed, when items are added, moved to the front or deleted in between, also when the item that the next
page begins after is deleted. For that a list remembers the ids of what has come. Before 2.0 the end of a list shows in an
empty page, which is one more request. \`toArray\` takes a callback as its last argument, too.

## Uploads and downloads

\`\`\`js
const source = fs.createReadStream('harbour.jpg');
const options = { type: 'image/jpeg', size: fs.statSync('harbour.jpg').size };
const { body: content } = await layer.content.uploadAsync(conversationId, source, options);
await layer.messages.sendFromUserAsync('maria', conversationId, { parts: [{ mime_type: 'image/jpeg', content }] });

layer.content.download(conversationId, content.id).on('error', report).pipe(response);
\`\`\`

\`content.upload(conversationId, source, options, callback)\` and \`uploadAsync\` take a Buffer, a Readable or an AsyncIterable, and
answer \`{status, body}\` with \`id\` and \`size\`, which is what a part wants as its \`content\`. \`type\` (the MIME type) and
\`size\` (bytes; a Buffer knows them) say what it is, \`origin\` which web page may upload it, too, and \`onProgress\` is called
with \`{transferred, size}\`. \`content.download(conversationId, contentId, {onProgress})\` answers a Readable, which asks for nothing
before it is read; with a callback as the last argument, or as \`downloadAsync\`, the Readable comes when there is something to
read, and what goes wrong before that is the error of the callback or promise. Both take the same memory whatever the size: a
MiB is sent at a time. A transfer that breaks is taken up again where it was, with a fresh link for a download; after five
breaks in a row without a byte it is an error, or after as many as \`maxRetries\` says, of \`withOptions\` or of the constructor.
\`signal\` and \`timeout\` of \`withOptions\` hold as for a request, and \`layer.close()\` waits for transfers under way, until their
last byte has come. Agent, trust and proxy of the client hold for links that lead to the service itself, its proxy for all
links. \`content.create\` and \`content.get\` are the plain requests.

The page is made from \`crates/client/src/methods.rs\` and \`index.d.ts\` by \`npm run docs\`.

${sections.join('\n')}`;
}

function line(row, comments) {
  const { resource, name, params, versions, later, isOriginal } = row;
  const names = params.map((param) => (param.kind === 'query' ? `[${param.name}]` : param.name));
  const requests = [request(row)];
  const isSame = later && request(later) === requests[0];
  if (later && !isSame) requests.push(`from ${later.versions[0]} on ${request(later)}`);
  const what = comments.get(`${resource}.${name}`);
  if (!what) throw new Error(`index.d.ts says nothing of ${resource}.${name}`);
  const star = isOriginal ? ' *' : '';
  const all = versions.length === 4 ? 'all' : versions.join(', ');
  return `| \`${resource}.${name}(${names.join(', ')})\`${star} | ${requests.join('; ')} | ${all} | ${what.replace(/\|/g, '\\|')} |`;
}

function request({ verb, path, params }) {
  const ofPath = params.filter(({ kind }) => kind === 'id' || kind === 'user');
  return `\`${verb} ${path.replace(/\{(\d)\}/g, (_, index) => `{${ofPath[index].name}}`) || '/'}\``;
}

/** The comments of the methods in the interfaces of the resources, by \`resource.name\`. */
function commentsOf(declarations) {
  const comments = new Map();
  for (const [, resource, body] of declarations.matchAll(
    /\/\*\* `layer\.(\w+)`[^\n]*\n {2}export interface [^\n]+\n([\s\S]*?)\n {2}\}/g,
  )) {
    for (const [, comment, name] of body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+(\w+)\(/g)) {
      comments.set(`${resource}.${name}`, comment.replace(/\s+\*?\s*/g, ' ').trim());
    }
  }
  return comments;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(FILE, apiPage());
