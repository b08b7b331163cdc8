'use strict';

/** Certificates as Node's `getPeerCertificate` shows them. */

const crypto = require('crypto');

/**
 * The certificate of a server, with `issuerCertificate` as far as the server sent the chain.
 *
 * Since Node 15.6 it is Node's own object. Before, it has the members that checks and pins use: subject, issuer,
 * subjectaltname, valid_from, valid_to, serialNumber, fingerprint, fingerprint256 and raw.
 */
exports.peerCertificate = (chain) => {
  const certificates = chain.map((raw) => (crypto.X509Certificate ? legacy(raw) : require('./x509.js').read(raw)));
  certificates.forEach((certificate, index) => {
    const next = certificates[index + 1];
    if (isSame(certificate.subject, certificate.issuer)) certificate.issuerCertificate = certificate;
    else if (next && isSame(certificate.issuer, next.subject)) certificate.issuerCertificate = next;
  });
  return certificates[0];
};

function legacy(raw) {
  const certificate = new crypto.X509Certificate(raw).toLegacyObject();
  // Node 16 leaves these as text here.
  if (typeof certificate.subject === 'string') {
    const { subject, issuer } = require('./x509.js').read(raw);
    Object.assign(certificate, { subject, issuer });
  }
  return certificate;
}

function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
