const { generateKeyPairSync } = require('node:crypto');
const { md, pki } = require('node-forge');

const HALF_A_DAY = 12 * 3600e3;

/**
 * Makes a certificate authority and a server certificate signed by it. They are two certificates because strict TLS
 * libraries refuse one that is both. Valid for a day around now.
 *
 * @returns {{ca: string, caKey: string, cert: string, key: string}} PEM texts
 */
function createCertificate() {
  const authority = create('differential tests', [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ]);
  const server = create(
    'api.layer.com',
    [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'api.layer.com' },
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
    authority,
  );
  return { ca: authority.pem, caKey: authority.key, cert: server.pem, key: server.key };
}

/** A certificate for `name`, signed by `authority` or, without one, by itself. */
function create(name, extensions, authority) {
  const { publicKey, privateKey: key } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = pki.createCertificate();
  certificate.serialNumber = authority ? '02' : '01';
  certificate.publicKey = pki.publicKeyFromPem(publicKey);
  certificate.validity.notBefore = new Date(Date.now() - HALF_A_DAY);
  certificate.validity.notAfter = new Date(Date.now() + HALF_A_DAY);
  const subject = [{ name: 'commonName', value: name }];
  certificate.setSubject(subject);
  certificate.setIssuer(authority ? authority.subject : subject);
  certificate.setExtensions(extensions);
  certificate.sign(pki.privateKeyFromPem(authority ? authority.key : key), md.sha256.create());
  return { pem: pki.certificateToPem(certificate), key, subject };
}

module.exports = { createCertificate };
