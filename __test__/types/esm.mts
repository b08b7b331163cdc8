// The declarations as an ES module uses them. Checked by `tsc`; never run.

import type { Config, Message, NewMessage, Response } from 'layer-api';
import LayerAPI, { APIError, LayerAPI as Named, Platform, ResponseError } from 'layer-api';

const config: Config = { token: 'token', appId: 'id' };
const layer: LayerAPI = new LayerAPI(config);
const same: LayerAPI = new Named(config);
const message: NewMessage = { sender: { name: 'x' }, parts: [{ body: 'x', mime_type: 'text/plain' }] };

export async function send(): Promise<Response<Message> | undefined> {
  try {
    return await layer.messages.sendDedupeAsync(null, 'id', message);
  } catch (error) {
    if (error instanceof ResponseError) console.error(error.status, error.body);
    else if (error instanceof APIError) console.error(error.message);
    else throw error;
    return undefined;
  }
}

export const started: Promise<Platform> = Platform.start();
export { same };
