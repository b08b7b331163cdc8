// A CommonJS service, in what every supported TypeScript reads. Checked by versions.test.js; never run.

import https = require('https');
import LayerAPI = require('layer-api');
import errors = require('layer-api/lib/errors');

const layer = new LayerAPI({ token: 'token', appId: 'id', agent: new https.Agent({ keepAlive: true }) });
const named: LayerAPI = new LayerAPI.LayerAPI({ token: 'token', appId: 'id', agentOptions: { maxSockets: 4 } });
const same: LayerAPI = new LayerAPI.default({ token: 'token', appId: 'id' });
LayerAPI.Promise = Promise;
// @ts-expect-error It is not a constructor.
LayerAPI.Promise = 'bluebird';
// @ts-expect-error A client needs a token.
new LayerAPI({ appId: 'id' });

class Service extends LayerAPI {
  greet(conversationId: string) {
    return this.messages.sendTextFromNameAsync(conversationId, 'The System', 'hello');
  }
}
const greeting: Promise<LayerAPI.Response<LayerAPI.Message>> = new Service({ token: 't', appId: 'id' }).greet('id');

layer.conversations.get('id', (error, response) => {
  if (error instanceof LayerAPI.ResponseError) error.status.toFixed();
  if (error instanceof errors.ResponseError) error.status.toFixed();
  if (error instanceof errors.APIError) error.message.trim();
  const participants: string[] = response ? response.body.participants : [];
  // @ts-expect-error They are a list of texts.
  const wrong: number = response ? response.body.participants : 0;
  return [participants, wrong];
});
const message: LayerAPI.NewMessage = { sender: { user_id: 'a' }, parts: [{ body: 'x', mime_type: 'text/plain' }] };
layer.messages.send('id', message);
// @ts-expect-error A sender is a user or a name.
layer.messages.send('id', { sender: { user_id: 'a', name: 'b' }, parts: [] });

// The version decides on the types.
const layer3 = new LayerAPI({ token: 'token', appId: 'id', version: '3.0' });
layer3.messages.send('id', { sender_id: 'layer:///identities/a', parts: [{ body: 'x', mime_type: 'text/plain' }] });
layer3.conversations.getAsync('id').then((reply) => reply.body.participants[0].user_id.trim());
layer.conversations.delete('id', (error) => error?.message);
layer.conversations.get('id', (error: Error | null, reply?: LayerAPI.Response<LayerAPI.Conversation>) => [
  error,
  reply,
]);
const double: LayerAPI.Conversations['delete'] = (_id, callback) => callback?.(new Error('double'));
layer.conversations.delete = double;

async function platform(): Promise<boolean> {
  const started: LayerAPI.Platform = await LayerAPI.Platform.start({ port: 0, ids: 'counting' });
  await started.restore(await started.snapshot());
  await started.close();
  // @ts-expect-error A parsed body cannot be verified.
  LayerAPI.webhooks.verify('secret', {}, 'signature');
  return LayerAPI.webhooks.verify('secret', Buffer.from('{}'), undefined);
}

export { greeting, named, platform, same };
