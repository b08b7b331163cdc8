'use strict';

/** Reads a certificate where Node cannot: before 15.6 it shows none but those of its own connections. */

const crypto = require('crypto');
const { TAGS, all, oid, one } = require('./der.js');

const NAMES = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.9': 'street',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.15': 'businessCategory',
  '2.5.4.17': 'postalCode',
  '2.5.4.97': 'organizationIdentifier',
  '1.2.840.113549.1.9.1': 'emailAddress',
  '0.9.2342.19200300.100.1.25': 'DC',
};
const SUBJECT_ALT_NAME = '2.5.29.17';
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** What the bytes of a certificate say, in the fields of `getPeerCertificate`. */
exports.read = (raw) => {
  const parts = all(all(one(raw, TAGS.SEQUENCE).content)[0].content);
  // The version comes first where it is not that of 1988.
  const [serial, , issuer, validity, subject, , ...rest] = parts[0].tag === 0xa0 ? parts.slice(1) : parts;
  const [from, to] = all(validity.content).map(date);
  const extensions = rest.find(({ tag }) => tag === 0xa3);
  return {
    subject: name(subject),
    issuer: name(issuer),
    subjectaltname: extensions && altNames(all(one(extensions.content).content)),
    valid_from: from,
    valid_to: to,
    fingerprint: fingerprint('sha1', raw),
    fingerprint256: fingerprint('sha256', raw),
    // OpenSSL's way: whole bytes, but one digit for nothing.
    serialNumber:
      serial.content
        .toString('hex')
        .toUpperCase()
        .replace(/^(00)+/, '') || '0',
    raw,
  };
};

function name({ content }) {
  const fields = Object.create(null);
  for (const set of all(content)) {
    for (const pair of all(set.content)) {
      const [id, value] = all(pair.content);
      const key = NAMES[oid(id)] || oid(id);
      const text =
        value.tag === 0x1e ? Buffer.from(value.content).swap16().toString('utf16le') : value.content.toString();
      fields[key] = key in fields ? [].concat(fields[key], text) : text;
    }
  }
  return fields;
}

function altNames(extensions) {
  const found = extensions.map(({ content }) => all(content)).find(([id]) => oid(id) === SUBJECT_ALT_NAME);
  if (!found) return undefined;
  const names = all(one(found[found.length - 1].content, TAGS.SEQUENCE).content);
  return names.map(altName).filter(Boolean).join(', ');
}

function altName({ tag, content }) {
  if (tag === 0x82) return `DNS:${content}`;
  if (tag === 0x81) return `email:${content}`;
  if (tag === 0x86) return `URI:${content}`;
  if (tag === 0x87 && content.length === 4) return `IP Address:${[...content].join('.')}`;
  if (tag === 0x87)
    return `IP Address:${content
      .toString('hex')
      .toUpperCase()
      .match(/.{4}/g)
      .map((part) => part.replace(/^0{1,3}/, ''))
      .join(':')}`;
  return undefined;
}

/** `Nov  5 12:00:00 2026 GMT`, of a time with two or four digits for its year. */
function date({ tag, content }) {
  const digits = content.toString();
  const text = tag === 0x17 ? (Number(digits.slice(0, 2)) < 50 ? '20' : '19') + digits : digits;
  const [, year, month, day, hours, minutes, seconds] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(text);
  return `${MONTHS[Number(month) - 1]} ${String(Number(day)).padStart(2)} ${hours}:${minutes}:${seconds} ${year} GMT`;
}

/** A hash as Node writes it. */
function fingerprint(algorithm, raw) {
  return crypto.createHash(algorithm).update(raw).digest('hex').toUpperCase().match(/../g).join(':');
}
