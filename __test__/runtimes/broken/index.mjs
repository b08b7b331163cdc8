import LayerAPI from './index.js';

export default LayerAPI;
export const { APIError, ResponseError } = LayerAPI;
export { APIError as LayerAPI };
