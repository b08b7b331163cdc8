'use strict';

/** How long a token is good for, in seconds. It is used at once; what may differ are the clocks. */
const LIFETIME = 600;

/** Options that have to be text. */
const REQUIRED = ['providerId', 'keyId', 'userId', 'nonce'];

/** Claims that say who the user is, by the options they come from. */
const IDENTITY = {
  displayName: 'display_name',
  avatarUrl: 'avatar_url',
  firstName: 'first_name',
  lastName: 'last_name',
  phoneNumber: 'phone_number',
  emailAddress: 'email_address',
};

const encode = (value) => base64url(Buffer.from(JSON.stringify(value)));

/** Node.js before 14.18 has no such encoding. */
const base64url = (bytes) => bytes.toString('base64').replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');

/** An identity token for a nonce. Documented in index.d.ts. */
function identityToken(options) {
  if (typeof options !== 'object' || options === null) throw new TypeError('`identityToken` needs to get options');
  for (const name of REQUIRED) {
    if (typeof options[name] !== 'string' || !options[name]) throw new TypeError(`\`${name}\` needs to be text`);
  }
  const { expiresIn = LIFETIME } = options;
  if (typeof expiresIn !== 'number' || !(expiresIn > 0 && expiresIn < Infinity)) {
    throw new TypeError('`expiresIn` needs to be a positive number of seconds');
  }
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'RS256', cty: 'layer-eit;v=1', kid: options.keyId };
  const claims = {
    iss: options.providerId,
    prn: options.userId,
    iat: now,
    exp: now + Math.ceil(expiresIn),
    nce: options.nonce,
  };
  for (const [name, claim] of Object.entries(IDENTITY)) {
    const value = options[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string') throw new TypeError(`\`${name}\` needs to be text`);
    claims[claim] = value;
  }
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${base64url(sign(signed, options.privateKey))}`;
}

/** Signs with RS256. An error never quotes the key. */
function sign(text, privateKey) {
  // Loaded here: it takes as long as all else of `require('layer-api')`, and few make tokens.
  const crypto = require('crypto');
  let key;
  try {
    key = privateKey instanceof crypto.KeyObject ? privateKey : crypto.createPrivateKey(privateKey);
  } catch (_) {
    key = undefined;
  }
  if (!key || key.type !== 'private' || key.asymmetricKeyType !== 'rsa') {
    throw new TypeError('`privateKey` needs to be an RSA private key in PEM form, or a KeyObject of one');
  }
  return crypto.createSign('RSA-SHA256').update(text).sign(key);
}

module.exports = { identityToken };
