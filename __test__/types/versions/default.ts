// A default import that is a type, too. Checked by versions.test.js; never run.

import LayerAPI from 'layer-api';

export const layer: LayerAPI = new LayerAPI({ token: 'token', appId: 'id' });
export const conversation: Promise<LayerAPI.Response<LayerAPI.Conversation>> = layer.conversations.getAsync('id');
// @ts-expect-error An identity is none.
export const identity: Promise<LayerAPI.Response<LayerAPI.Identity>> = layer.conversations.getAsync('id');
