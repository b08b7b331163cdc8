const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..');

/**
 * The two clients. `LAYER_API_UNDER_TEST` names another module instead of this project; naming the original compares it
 * with itself, and then no difference is accepted.
 */
const ORIGINAL = 'layer-api-original';
const UNDER_TEST = process.env.LAYER_API_UNDER_TEST || ROOT;
const isSelfCheck = UNDER_TEST === ORIGINAL;

const original = {
  name: 'original',
  isOriginal: true,
  LayerAPI: require(ORIGINAL),
  errors: require(`${ORIGINAL}/lib/errors`),
  version: require(`${ORIGINAL}/package.json`).version,
};

/**
 * The client under test, by each of its transports: its error classes are statics of the export or, as in the original,
 * in `lib/errors`.
 */
function loadTested() {
  if (isSelfCheck) return [{ ...original, name: 'tested' }];
  const LayerAPI = require(UNDER_TEST);
  const { ResponseError, APIError } = LayerAPI;
  const tested = {
    name: 'tested',
    isOriginal: false,
    LayerAPI,
    errors: ResponseError && APIError ? { ResponseError, APIError } : require(`${UNDER_TEST}/lib/errors`),
    version: require(`${UNDER_TEST}/package.json`).version,
  };
  return ['native', 'node'].map((transport) => ({ ...tested, transport }));
}

module.exports = { original, loadTested, isSelfCheck };
