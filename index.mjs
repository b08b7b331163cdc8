import LayerAPI from './index.js';

export default LayerAPI;
export { LayerAPI };
export const { APIError, Platform, ResponseError, identityToken, webhooks } = LayerAPI;
