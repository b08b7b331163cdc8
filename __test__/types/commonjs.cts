// The declarations as a CommonJS service in TypeScript uses them. Checked by `tsc`; never run.

import https = require('node:https');

import { promisify } from 'node:util';

import LayerAPI = require('layer-api');

const layer = new LayerAPI({
  token: 'token',
  appId: 'layer:///apps/staging/e4fd3974-20fe-11e5-89c5-080725007e28',
  version: '1.0',
  timeout: 5000,
  agent: new https.Agent({ keepAlive: true }),
  debug: false,
  baseUrl: 'http://localhost:8080',
});
new LayerAPI.LayerAPI({ token: 'token', appId: 'id', agentOptions: { maxSockets: 4 } });
new LayerAPI.default({ token: 'token', appId: 'id' });

// Promises of another kind, for the process or for one client.
class OwnPromise<T> extends Promise<T> {}
LayerAPI.Promise = OwnPromise;
LayerAPI.Promise = undefined;
new LayerAPI({ token: 'token', appId: 'id', Promise: LayerAPI.Promise });
// @ts-expect-error It is no constructor.
LayerAPI.Promise = 'bluebird';

// @ts-expect-error A client without a token is none.
new LayerAPI({ appId: 'id' });
// @ts-expect-error An agent is an https.Agent.
new LayerAPI({ token: 'token', appId: 'id', agent: 1 });

class Service extends LayerAPI {
  greet(conversationId: string) {
    return this.messages.sendTextFromNameAsync(conversationId, 'The System', 'hello');
  }
}
const greeting: Promise<LayerAPI.Response<LayerAPI.Message>> = new Service({ token: 't', appId: 'id' }).greet('id');
void greeting;

// Callbacks: optional where nothing need be said, and typed by what the method answers.
layer.conversations.create({ participants: ['a'] });
layer.conversations.create({ participants: ['a'], distinct: true, metadata: { a: { b: 'c' } } }, (error, response) => {
  if (error instanceof LayerAPI.ResponseError) {
    const status: number = error.status;
    const code: number | undefined = typeof error.body === 'string' ? undefined : error.body.code;
    void [status, code];
  }
  if (error instanceof LayerAPI.APIError) void error.message;
  const participants: string[] | undefined = response?.body.participants;
  void participants;
});
// @ts-expect-error Participants are required.
layer.conversations.create({});
// @ts-expect-error Metadata holds strings and objects only.
layer.conversations.create({ participants: [], metadata: { a: 1 } });
// @ts-expect-error Reading is nothing without a callback.
layer.conversations.get('id');

// After `if (error) return`, the response is there.
layer.conversations.get('id', (error, response) => {
  if (error) return;
  response.body.participants satisfies string[];
  response.status satisfies number;
});
// Callbacks with an error alone, or none of the two.
layer.conversations.delete('id', (error) => void error?.message);
layer.conversations.delete('id', (error: Error | null) => void error);
layer.conversations.delete('id', () => {});
const whenRead = (error: Error | null, response?: LayerAPI.Response<LayerAPI.Conversation>) => void [error, response];
layer.conversations.get('id', whenRead);
// @ts-expect-error It is not what the method answers.
layer.conversations.get('id', (_error: Error | null, reply: LayerAPI.Response<LayerAPI.Message>) => void reply);
const promisified: Promise<LayerAPI.Response<LayerAPI.Conversation>> = promisify(layer.conversations.get)('id');
void promisified;

// Doubles of methods, as tests of services have them.
const sendDouble: LayerAPI.Messages['send'] = (_id, body, callback) => {
  if (body.parts.length === 0) callback?.(new Error('nothing to send'));
  else callback?.(null, { status: 201, body: message });
};
const double: Pick<LayerAPI.Messages, 'sendTextFromNameAsync'> = {
  sendTextFromNameAsync: async () => ({ status: 201, body: message }),
};
layer.messages.send = sendDouble;
void double;
declare const message: LayerAPI.Message;

// The version decides on the types.
const layer3 = new LayerAPI({ token: 'token', appId: 'id', version: '3.0' });
layer3 satisfies LayerAPI<'3.0'>;
layer3.messages.send('id', { sender_id: 'layer:///identities/a', parts: [{ body: 'x', mime_type: 'text/plain' }] });
// @ts-expect-error A sender is an id from 2.0 on.
layer3.messages.send('id', { sender: { user_id: 'a' }, parts: [] });
// @ts-expect-error And an object before.
layer.messages.send('id', { sender_id: 'layer:///identities/a', parts: [] });
layer3.messages.getPart('id', 'id', 'id', (error, response) => {
  if (!error) response.body.url satisfies string | undefined;
});
const layer2 = new LayerAPI({ token: 'token', appId: 'id', version: '2.0' });
layer2.blocklist.get('a', (error, response) => {
  if (!error) response.body[0]?.display_name satisfies string | null | undefined;
});
// A version that only the running program knows has the types of 1.0, as ever.
declare const config: LayerAPI.Config;
const ofConfig: LayerAPI = new LayerAPI(config);
const first: LayerAPI = new LayerAPI({ token: 'token', appId: 'id', version: '1.1' });
void [ofConfig, first];

// Optional parameters before the callback.
layer.conversations.getAllFromUser('a', (error, response) => void [error, response?.body[0]?.unread_message_count]);
layer.conversations.getAllFromUser(
  'a',
  { page_size: 5, sort_by: 'last_message' },
  (_, response) => void response?.status,
);
layer.messages.getAll('id', (_, response) => void response?.body[0]?.recipient_status.a);
layer.messages.getAll('id', { from_id: 'id' }, () => {});
layer.messages.getAllFromUser(
  'a',
  'id',
  (_, response) => void (response?.body[0]?.is_unread satisfies boolean | undefined),
);
layer.messages.getAllFromUser('a', 'id', {}, () => {});
// @ts-expect-error Messages are not sorted by anything else.
layer.messages.getAll('id', { sort_by: 'last_message' }, () => {});

// A sender is a user or a name, not both.
layer.messages.send('id', { sender: { user_id: 'a' }, parts: [{ body: 'x', mime_type: 'text/plain' }] });
layer.announcements.send({ recipients: ['a'], sender: { name: 'x' }, parts: [{ body: 'x', mime_type: 'text/plain' }] });
// @ts-expect-error Not both.
layer.messages.send('id', { sender: { user_id: 'a', name: 'b' }, parts: [] });
// @ts-expect-error Announcements come from names.
layer.announcements.send({ recipients: ['a'], sender: { user_id: 'a' }, parts: [] });

// Methods work detached.
const { create } = layer.conversations;
create({ participants: ['a'] });

async function wholeApi() {
  const view = (await layer3.conversations.createFromUserAsync('a', { participants: ['b'] })).body;
  const name: string | null | undefined = view.participants[0]?.display_name;
  const { body: sent } = await layer3.messages.sendFromUserAsync('a', view.id, {
    parts: [{ mime_type: 'image/png', content: { id: 'layer:///content/id', size: 5 } }],
  });
  const sender: string | null = sent.sender.user_id;
  await layer.messages.deleteFromUserAsync('a', sent.id, { mode: 'my_devices' });
  // @ts-expect-error Only a conversation is left.
  await layer.messages.deleteFromUserAsync('a', sent.id, { mode: 'my_devices', leave: true });
  await layer.messages.sendReceiptFromUserAsync('a', sent.id, 'read');
  // @ts-expect-error There is no such receipt.
  await layer.messages.sendReceiptFromUserAsync('a', sent.id, 'seen');
  const { body: later } = await layer3.messages.sendBatchAsync('id', [
    { sender_id: 'a', parts: [], schedule: { delay_in_seconds: 5 } },
  ]);
  const { body: user } = await layer3.users.getAsync('a');
  const { body: badge } = await layer.users.getBadgeAsync('a');
  const { body: webhook } = await layer.webhooks.getAsync('id');
  const { body: content } = await layer.content.createAsync('id', { type: 'image/png', size: 5 });
  const { body: exported } = await layer.exports.createAsync();
  await layer.app.editAsync([{ operation: 'set', property: 'session_ttl_in_seconds', value: 3600 }]);
  await layer.notifications.sendAsync({ recipients: ['a'], notification: { text: 'x' } });
  return [
    ...[name, sender, later[0]?.sent_at, user.identity?.identity_type, badge.unread_message_count, webhook.status],
    ...[content.upload_url, exported.download_url],
  ];
}
void wholeApi;

// Callbacks of streams and lists: after an error, what was asked for is there.
layer.content.download('id', 'id', (error, stream) => {
  if (error) return;
  stream.pipe(process.stdout);
});
layer.content.download('id', 'id', { onProgress: ({ size }) => void size.toFixed() }, () => {});
layer.messages.list('id').toArray((error, messages) => {
  if (error) return;
  messages[0]?.parts.length.toFixed();
});
layer.messages.list('id').toArray({ limit: 5 }, (error) => void error?.message);
// @ts-expect-error A stream has no body.
layer.content.download('id', 'id', (_, stream) => stream.body);
async function stream() {
  (await layer.content.downloadAsync('id', 'id')).pipe(process.stdout);
  layer.content.download('id', 'id').pipe(process.stdout);
}
void stream;

async function promises() {
  const { body: conversation } = await layer.conversations.createAsync({ participants: ['a'] });
  const empty: '' = (await layer.conversations.deleteAsync(conversation.id)).body;
  const { body: identity } = await layer.identities.getAsync('a');
  const blocked: string[] = (await layer.blocklist.getAsync('a')).body.map((user) => user.user_id);
  const { body: messages } = await layer.messages.getAllAsync(conversation.id);
  const view: LayerAPI.UserMessage = (await layer.messages.getFromUserAsync('a', 'id')).body;
  const operations: LayerAPI.Operation[] = [
    { operation: 'add', property: 'participants', value: 'b' },
    { operation: 'delete', property: 'metadata.a' },
  ];
  await layer.conversations.editAsync(conversation.id, operations);
  await layer.messages.getAllAsync(conversation.id, { page_size: 10 });
  // @ts-expect-error The promise form takes no callback.
  await layer.conversations.getAsync('id', () => {});
  // @ts-expect-error A display name is required.
  await layer.identities.createAsync('a', { first_name: 'A' });
  return [empty, identity.display_name, identity.user_id, blocked, messages[0]?.parts[0]?.body, view.position];
}
void promises;

async function platform() {
  const platform: LayerAPI.Platform = await LayerAPI.Platform.start({ port: 0, data: ':memory:' });
  const { appId, token }: LayerAPI.App = await platform.createApp();
  new LayerAPI({ appId, token, baseUrl: platform.url });
  const now: Date = await platform.clock.freeze(new Date());
  await platform.clock.advance(1000);
  const fault: LayerAPI.InjectedFault = await platform.inject({ match: { path: '/conversations' }, status: 503 });
  await fault.remove();
  // @ts-expect-error A fault has no such field.
  await platform.inject({ statsu: 503 });
  await platform.restore(await platform.snapshot());
  const status: number | null | undefined = (await platform.requests())[0]?.response?.status;
  (await platform.webhooks())[0]?.outcome satisfies 'delivered' | 'failed' | 'given_up' | undefined;
  await platform.reset();
  void [now, status];
  await LayerAPI.Platform.start({
    seed: 7,
    clock: '2016-05-02T08:00:00Z',
    recordedRequests: 10,
    exports: { unlimited: true },
  });
  await LayerAPI.Platform.start({ webhooks: { allowPrivateAddresses: true, allowHttp: true, ca: Buffer.from('') } });
  const isGenuine: boolean = LayerAPI.webhooks.verify('secret', Buffer.from('{}'), undefined);
  // @ts-expect-error A parsed body cannot be verified.
  LayerAPI.webhooks.verify('secret', {}, 'signature');
  void isGenuine;
  // @ts-expect-error Ids are random or counting.
  await LayerAPI.Platform.start({ ids: 'odd' });
  await platform.close();
  // @ts-expect-error Platforms are started, not constructed.
  new LayerAPI.Platform();
}
void platform;
