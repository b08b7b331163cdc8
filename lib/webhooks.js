'use strict';

/** Length of an HMAC-SHA1, in bytes. */
const LENGTH = 20;

/** Whether a delivery comes from who knows the secret. Documented in index.d.ts. */
function verify(secret, rawBody, signature) {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw new TypeError('`secret` needs to be the text that the webhook was registered with');
  }
  if (typeof rawBody !== 'string' && !(rawBody instanceof Uint8Array)) {
    throw new TypeError('`rawBody` needs to be the body as it came in, before it is parsed: a Buffer or a string');
  }
  if (typeof signature !== 'string' || !/^[0-9a-f]{40}$/i.test(signature)) return false;
  // Loaded here: it takes as long as all else of `require('layer-api')`, and few verify webhooks.
  const { createHmac, timingSafeEqual } = require('crypto');
  const expected = createHmac('sha1', secret).update(rawBody).digest();
  const given = Buffer.from(signature, 'hex');
  return given.length === LENGTH && timingSafeEqual(expected, given);
}

module.exports = { verify };
