'use strict';

/**
 * Reading options of TLS: certificates and keys, versions, protocols. Each is `(value, refuse, options)`, as in
 * agent-options.js.
 */

function pem(value, refuse) {
  if (Array.isArray(value)) {
    if (value.length !== 1) throw refuse('needs to be one: only one certificate and its key can be used');
    return pem(value[0], refuse);
  }
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.toString();
  throw refuse('needs to be PEM text, as a string or a Buffer');
}

function pems(value, refuse) {
  return [].concat(value).map((one) => pem(one, refuse));
}

/** A private key without encryption. What opens it is tried by Node, and never told. */
function privateKey(value, refuse, { passphrase }) {
  let secret = passphrase;
  let given = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (given && given.pem !== undefined) {
    if (given.passphrase !== undefined) secret = given.passphrase;
    given = given.pem;
  }
  const read = pem(given, refuse);
  if (!/^(-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED)/m.test(read)) return read;
  if (secret === undefined || secret === null) throw refuse('is missing: `key` is encrypted', 'passphrase');
  const { createPrivateKey } = require('crypto');
  let key;
  try {
    key = createPrivateKey({ key: read, passphrase: secret });
  } catch (_) {
    throw refuse('does not open `key`', 'passphrase');
  }
  return key.export({ type: 'pkcs8', format: 'pem' });
}

/** A lower limit may be lower than what is spoken; an upper one is refused when all is known. */
function version(value, refuse) {
  if (!['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'].includes(value)) {
    throw refuse('needs to be TLSv1.2 or TLSv1.3');
  }
  return value;
}

/** OpenSSL's old way to choose a version. */
function secureProtocol(value, refuse) {
  if (/^(TLS|SSLv23)(_client)?_method$/.test(value)) return {};
  if (/^TLSv1_2(_client)?_method$/.test(value)) return { only: 'TLSv1.2' };
  throw refuse('needs to be TLS_method or TLSv1_2_method: TLS 1.2 and 1.3 are spoken');
}

/** Flags of OpenSSL that have a meaning here, or none at all for a client of TLS 1.2 and 1.3. */
function secureOptions(value, refuse) {
  const { constants } = require('crypto');
  const harmless = [
    'SSL_OP_ALL',
    'SSL_OP_NO_SSLv2',
    'SSL_OP_NO_SSLv3',
    'SSL_OP_NO_TLSv1',
    'SSL_OP_NO_TLSv1_1',
    'SSL_OP_NO_COMPRESSION',
    'SSL_OP_NO_RENEGOTIATION',
    'SSL_OP_CIPHER_SERVER_PREFERENCE',
    'SSL_OP_SINGLE_DH_USE',
    'SSL_OP_SINGLE_ECDH_USE',
  ];
  const { SSL_OP_NO_TLSv1_2: no12, SSL_OP_NO_TLSv1_3: no13, SSL_OP_NO_TICKET: noTicket } = constants;
  const known = harmless.reduce((all, flag) => all | (constants[flag] || 0), no12 | no13 | noTicket);
  const flags = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof flags !== 'number' || Number.isNaN(flags)) throw refuse('needs to be a number');
  // Bits as OpenSSL has them, in 32 of them: `|` makes signed numbers.
  if (!Number.isInteger(flags) || (flags & ~known) !== 0) throw refuse('has flags that are not supported');
  return {
    minVersion: flags & no12 ? 'TLSv1.3' : undefined,
    maxVersion: flags & no13 ? 'TLSv1.2' : undefined,
    hasNoTickets: (flags & noTicket) !== 0,
  };
}

/** Names of protocols as an array, or as TLS has them in a buffer: each after its length. */
function protocols(value, refuse) {
  const names = [];
  if (Array.isArray(value)) names.push(...value.map(String));
  else {
    const bytes = Buffer.from(value);
    for (let start = 0; start < bytes.length; start += 1 + bytes[start]) {
      names.push(bytes.toString('latin1', start + 1, start + 1 + bytes[start]));
    }
  }
  if (names.some((one) => one !== 'http/1.1')) throw refuse("needs to be ['http/1.1']: no other is spoken");
  return names;
}

module.exports = { pem, pems, privateKey, protocols, secureOptions, secureProtocol, version };
