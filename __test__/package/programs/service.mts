/** What a service in TypeScript does with the package: it has to compile. */

import LayerAPI, { ResponseError } from 'layer-api';

const layer = new LayerAPI({ token: 'token', appId: 'id' });
export const status: Promise<number> = layer.blocklist.getAsync('maria').then((reply) => reply.status);
// @ts-expect-error an id is text
layer.blocklist.getAsync(1);
export const isOurs = (error: unknown): error is ResponseError => error instanceof ResponseError;
