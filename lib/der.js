'use strict';

/** Reads DER: the form of certificates and keys. Throws on what is cut short or has no definite length. */

const TAGS = { INTEGER: 0x02, OCTETS: 0x04, OID: 0x06, SEQUENCE: 0x30, SET: 0x31 };
exports.TAGS = TAGS;

/** The element that begins at `start`: `{tag, content, end, raw}`. */
function element(bytes, start) {
  const tag = bytes[start];
  let length = bytes[start + 1];
  let at = start + 2;
  if (length === 0x80 || (tag & 0x1f) === 0x1f) throw new Error('not DER');
  if (length > 0x80) {
    const count = length & 0x7f;
    if (count > 4) throw new Error('not DER');
    length = bytes.readUIntBE(at, count);
    at += count;
  }
  const end = at + length;
  if (!(end <= bytes.length)) throw new Error('not DER');
  return { tag, content: bytes.slice(at, end), end, raw: bytes.slice(start, end) };
}

/** The element that `bytes` are. */
exports.one = (bytes, tag) => {
  const found = element(bytes, 0);
  if (tag !== undefined && found.tag !== tag) throw new Error('not what was expected');
  return found;
};

/** All elements in `content`, one after the other. */
exports.all = (content) => {
  const found = [];
  for (let start = 0; start < content.length; ) {
    const next = element(content, start);
    found.push(next);
    start = next.end;
  }
  return found;
};

/** An object identifier as text: `1.2.840.113549`. */
exports.oid = ({ content }) => {
  const parts = [];
  let part = 0;
  for (const byte of content) {
    part = part * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      parts.push(part);
      part = 0;
    }
  }
  const first = Math.min(Math.floor(parts[0] / 40), 2);
  return [first, parts[0] - 40 * first, ...parts.slice(1)].join('.');
};

/** A small number. */
exports.integer = ({ content }) => {
  if (content.length < 1 || content.length > 6) throw new Error('not a small number');
  return content.readUIntBE(0, content.length);
};
