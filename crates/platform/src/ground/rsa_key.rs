//! RSA keys as applications hand them over, and new pairs.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use getrandom::SysRng;
use rsa::pkcs1::{DecodeRsaPublicKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs8::{DecodePublicKey as _, EncodePrivateKey as _};
use rsa::traits::PublicKeyParts as _;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;

/// How long a new key is. Unit: bits.
const NEW_BITS: usize = 2048;

/// How many characters of base64 stand on a line of PEM.
const PEM_LINE: usize = 64;

/// Reads the bytes of a PEM, also on one line, or of bare base64. `None` when it is neither.
pub fn read_der(text: &str) -> Option<Vec<u8>> {
    // What stands between the dashes of a PEM, if it is one.
    let bare = match text.split("-----").collect::<Vec<_>>().as_slice() {
        [bare] => (*bare).to_owned(),
        [_, begin, body, end, _] if begin.starts_with("BEGIN ") && end.starts_with("END ") => (*body).to_owned(),
        _ => return None,
    };
    let base64: String = bare.replace("\\n", "").split_whitespace().collect();
    STANDARD.decode(base64).ok()
}

/// Reads a public key: SPKI or PKCS#1. `None` when it is neither.
pub fn public_key(der: &[u8]) -> Option<rsa::PublicKey> {
    rsa::PublicKey::from_public_key_der(der).or_else(|_| rsa::PublicKey::from_pkcs1_der(der)).ok()
}

/// Reads a public key of at least `bits`, or that of a certificate, and tells it as DER of PKCS#1. `None` when it is no
/// such key.
pub fn verifying_key(text: &str, bits: u32) -> Option<Vec<u8>> {
    let der = read_der(text)?;
    let key = public_key(&der).or_else(|| {
        let certificate = CertificateDer::from(der.as_slice());
        let certificate = ParsedCertificate::try_from(&certificate).ok()?;
        public_key(&certificate.subject_public_key_info())
    })?;
    (key.n().bit_width() >= bits).then(|| key.to_pkcs1_der().ok())?.map(|der| der.as_bytes().to_vec())
}

/// A new pair.
pub struct Pair {
    /// The public key, DER of PKCS#1.
    pub public_der: Vec<u8>,
    /// The private key, PEM of PKCS#8: hand it to the user, and never to a log.
    pub private_pem: String,
}

/// Makes a pair. Takes a good part of a second: not for the threads that serve requests. `None` when the system has no
/// random numbers.
pub fn new_pair() -> Option<Pair> {
    let private = rsa::PrivateKey::new(&mut SysRng, NEW_BITS).ok()?;
    let public_der = private.to_public_key().to_pkcs1_der().ok()?.as_bytes().to_vec();
    let base64 = STANDARD.encode(private.to_pkcs8_der().ok()?.as_bytes());
    let mut private_pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so every place is between two characters.
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
        // Writing to a String cannot fail.
        let _ = writeln!(private_pem, "{line}");
        rest = after;
    }
    private_pem.push_str("-----END PRIVATE KEY-----\n");
    Some(Pair { public_der, private_pem })
}
