// An ES module. Checked by versions.test.js; never run.

import type { Message, NewMessage, Response } from 'layer-api';
import LayerAPI, { type LayerAPI as Named, Platform, ResponseError, webhooks } from 'layer-api';
import { ResponseError as Same } from 'layer-api/lib/errors';

const layer: LayerAPI = new LayerAPI({ token: 'token', appId: 'id' });
LayerAPI.Promise = undefined;
const message: NewMessage = { sender: { name: 'x' }, parts: [{ body: 'x', mime_type: 'text/plain' }] };
export const sent: Promise<Response<Message>> = layer.messages.sendAsync('id', message);
// @ts-expect-error An id is text.
layer.blocklist.getAsync(1);
// @ts-expect-error The module has no such name.
LayerAPI.Nothing;

export const named: Named = layer;
export const started: Promise<Platform> = Platform.start();
export const isGenuine: boolean = webhooks.verify('secret', '{}', undefined);
export const isOurs = (error: unknown): error is ResponseError =>
  error instanceof ResponseError || error instanceof Same;
