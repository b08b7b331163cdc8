'use strict';

/**
 * Reads a PKCS#12 file, as `pfx` holds it: the forms that OpenSSL writes. Node can open them, but hands the key to
 * nobody but its own TLS. The ciphers are Node's: what it has dropped, the original could not read there either.
 */

const { createDecipheriv, createHash, createHmac, createPublicKey, pbkdf2Sync } = require('crypto');
const { TAGS, all, integer, oid, one } = require('./der.js');

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const BAG = '1.2.840.113549.1.12.10.1.';
const KEY = `${BAG}1`;
const SHROUDED_KEY = `${BAG}2`;
const CERTIFICATE = `${BAG}3`;

const HASHES = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const HMACS = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};
/** Cipher and length of its key. */
const CIPHERS = {
  '2.16.840.1.101.3.4.1.2': ['aes-128-cbc', 16],
  '2.16.840.1.101.3.4.1.22': ['aes-192-cbc', 24],
  '2.16.840.1.101.3.4.1.42': ['aes-256-cbc', 32],
  '1.2.840.113549.3.7': ['des-ede3-cbc', 24],
};
const OLD_CIPHERS = {
  '1.2.840.113549.1.12.1.3': ['des-ede3-cbc', 24],
  '1.2.840.113549.1.12.1.5': ['rc2-cbc', 16],
  '1.2.840.113549.1.12.1.6': ['rc2-40-cbc', 5],
};

const CONVERT =
  'convert it: openssl pkcs12 -legacy -in OLD.pfx -nodes -out ALL.pem && openssl pkcs12 -export -in ALL.pem -out NEW.pfx';

/** What is wrong with a file, in words that hold nothing of it. */
class Unreadable extends Error {}

/**
 * The key and certificates of a `pfx`: `{key, cert, ca}`, all PEM. `refused(why)` makes the error to throw. A `pfx` is
 * what Node takes: bytes, or an array with one of them or one `{buf, passphrase}`.
 */
exports.read = (value, passphrase, refused) => {
  let given = Array.isArray(value) && value.length === 1 ? value[0] : value;
  let secret = passphrase;
  if (given && given.buf !== undefined) {
    if (given.passphrase !== undefined) secret = given.passphrase;
    given = given.buf;
  }
  if (!ArrayBuffer.isView(given)) throw refused('needs to be one PKCS#12 file, as a Buffer');
  try {
    return open(Buffer.from(given.buffer, given.byteOffset, given.byteLength), passwordOf(secret));
  } catch (error) {
    throw refused(error instanceof Unreadable ? error.message : `cannot be read; ${CONVERT}`);
  }
};

function passwordOf(secret) {
  return secret === undefined || secret === null ? '' : String(secret);
}

function open(bytes, password) {
  const [, safe, mac] = all(one(bytes, TAGS.SEQUENCE).content);
  const [type, content] = all(safe.content);
  if (oid(type) !== DATA) throw new Unreadable(`is signed, not sealed by a password; ${CONVERT}`);
  const contents = one(one(content.content).raw, TAGS.OCTETS).content;
  if (mac) verify(mac, contents, password);

  const keys = [];
  const certificates = [];
  for (const part of all(one(contents, TAGS.SEQUENCE).content)) {
    for (const { content } of all(one(opened(part, password), TAGS.SEQUENCE).content)) {
      const [id, bag] = all(content);
      const kind = oid(id);
      if (kind === KEY) keys.push(bag.content);
      if (kind === SHROUDED_KEY) keys.push(decrypted(all(one(bag.content, TAGS.SEQUENCE).content), password));
      if (kind === CERTIFICATE) certificates.push(one(all(one(bag.content).content)[1].content, TAGS.OCTETS).content);
    }
  }
  if (keys.length !== 1) throw new Unreadable(`needs to hold one private key, and holds ${keys.length}`);
  const key = pem('PRIVATE KEY', keys[0]);
  const pems = certificates.map((certificate) => pem('CERTIFICATE', certificate));
  const cert = pems.find((certificate) => publicKey(certificate).equals(publicKey(key)));
  if (!cert) throw new Unreadable('holds no certificate for its private key');
  const ca = pems.filter((certificate) => certificate !== cert);
  return { key, cert: [cert, ...ca].join(''), ca };
}

function publicKey(text) {
  return createPublicKey(text).export({ type: 'spki', format: 'der' });
}

function pem(label, bytes) {
  return `-----BEGIN ${label}-----\n${bytes
    .toString('base64')
    .match(/.{1,64}/g)
    .join('\n')}\n-----END ${label}-----\n`;
}

/** What a part of the file holds, in the clear. */
function opened(part, password) {
  const [type, content] = all(part.content);
  const inner = one(content.content);
  if (oid(type) === DATA) return inner.content;
  if (oid(type) !== ENCRYPTED_DATA) throw new Unreadable(`is sealed by a certificate, not by a password; ${CONVERT}`);
  const [, algorithm, sealed] = all(all(inner.content)[1].content);
  return decrypted([algorithm, sealed], password);
}

/** @param {any[]} parts */
function decrypted([algorithm, sealed], password) {
  const [type, parameters] = all(algorithm.content);
  const { name, key, iv } = cipher(oid(type), all(parameters.content), password);
  let decipher;
  try {
    decipher = createDecipheriv(name, key, iv);
  } catch (_) {
    throw new Unreadable(`is encrypted with ${name}, which this Node does not have; ${CONVERT}`);
  }
  try {
    return Buffer.concat([decipher.update(sealed.content), decipher.final()]);
  } catch (_) {
    throw new Unreadable('cannot be opened: is `passphrase` right?');
  }
}

function cipher(type, parameters, password) {
  if (type === PBES2) {
    const [derivation, scheme] = parameters.map(({ content }) => all(content));
    const known = CIPHERS[oid(scheme[0])];
    if (oid(derivation[0]) !== PBKDF2 || !known) throw new Unreadable(`is encrypted in an unknown way; ${CONVERT}`);
    const [salt, iterations, ...rest] = all(derivation[1].content);
    const prf = rest.find(({ tag }) => tag === TAGS.SEQUENCE);
    const hash = prf ? HMACS[oid(all(prf.content)[0])] : 'sha1';
    if (!hash) throw new Unreadable(`is encrypted in an unknown way; ${CONVERT}`);
    const [name, length] = known;
    return {
      name,
      key: pbkdf2Sync(password, salt.content, integer(iterations), length, hash),
      iv: scheme[1].content,
    };
  }
  const known = OLD_CIPHERS[type];
  if (!known) throw new Unreadable(`is encrypted in an unknown way; ${CONVERT}`);
  const [name, length] = known;
  const [salt, iterations] = [parameters[0].content, integer(parameters[1])];
  const derive = (purpose, size) => derived('sha1', purpose, wide(password), salt, iterations, size);
  return { name, key: derive(1, length), iv: derive(2, 8) };
}

/** Compares the code of authentication, which tells a wrong password from a broken file. */
function verify(mac, contents, password) {
  const [digest, salt, count] = all(mac.content);
  const [algorithm, expected] = all(digest.content);
  const hash = HASHES[oid(all(algorithm.content)[0])];
  if (!hash) throw new Unreadable(`is authenticated in an unknown way; ${CONVERT}`);
  // Files without a password are made with an empty one, or with none at all.
  const isRight = [wide(password), ...(password === '' ? [Buffer.alloc(0)] : [])].some((secret) => {
    const size = createHash(hash).digest().length;
    const key = derived(hash, 3, secret, salt.content, count ? integer(count) : 1, size);
    return createHmac(hash, key).update(contents).digest().equals(expected.content);
  });
  if (!isRight) throw new Unreadable('cannot be opened: is `passphrase` right?');
}

/** A password as PKCS#12 hashes it: UTF-16, the larger byte first, with a zero at its end. */
function wide(password) {
  return Buffer.from(`${password}\0`, 'utf16le').swap16();
}

/** The derivation of keys of RFC 7292, appendix B.2. */
function derived(hash, purpose, password, salt, iterations, size) {
  const block = hash === 'sha384' || hash === 'sha512' ? 128 : 64;
  const filled = (bytes) => {
    const length = block * Math.ceil(bytes.length / block);
    return length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, bytes);
  };
  const diversifier = Buffer.alloc(block, purpose);
  const input = Buffer.concat([filled(salt), filled(password)]);
  const pieces = [];
  for (let have = 0; have < size; ) {
    let piece = createHash(hash).update(diversifier).update(input).digest();
    for (let round = 1; round < iterations; round++) piece = createHash(hash).update(piece).digest();
    pieces.push(piece);
    have += piece.length;
    const addend = Buffer.alloc(block, piece);
    for (let start = 0; start < input.length; start += block) {
      let carry = 1;
      for (let index = block - 1; index >= 0; index--) {
        carry += input[start + index] + addend[index];
        input[start + index] = carry & 0xff;
        carry >>= 8;
      }
    }
  }
  return Buffer.concat(pieces).slice(0, size);
}
