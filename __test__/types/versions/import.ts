// Default and named imports, compiled to CommonJS. Checked by versions.test.js; never run.

import type { Config, LayerAPI as Named, NewMessage } from 'layer-api';
import LayerAPI, { APIError, Platform, ResponseError, webhooks } from 'layer-api';
import { ResponseError as Same } from 'layer-api/lib/errors';

const config: Config = { token: 'token', appId: 'id' };
const layer = new LayerAPI(config);
const message: NewMessage = { sender: { name: 'x' }, parts: [{ body: 'x', mime_type: 'text/plain' }] };
layer.messages.sendAsync('id', message).then((reply) => reply.body.sent_at.trim());
// @ts-expect-error An id is text.
layer.blocklist.getAsync(1);

export const named: Named = layer;
export const started: Promise<Platform> = Platform.start();
export const isGenuine: boolean = webhooks.verify('secret', '{}', undefined);
export const isOurs = (error: unknown): error is ResponseError | APIError =>
  error instanceof ResponseError || error instanceof APIError || error instanceof Same;
