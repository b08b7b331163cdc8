//! The key that an app sets for its exports. Contract 7.

use getrandom::SysRng;
use layer_store::StoreError;
use layer_wire::ApiError;
use rsa::Pkcs1v15Encrypt;

use crate::ground::rsa_key;

/// A public RSA key, for which the keys of archives are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(rsa::PublicKey);

impl PublicKey {
    /// Reads PEM, also on one line, or bare base64 of DER: SPKI or PKCS#1, of 1024 (recorded, L3) to 8192 bits.
    ///
    /// Error: `invalid_property` `public_key`.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let refuse =
            || ApiError::invalid_property("public_key", "must be an RSA public key in PEM form or base64 of DER");
        let key = rsa_key::read_der(text).and_then(|der| rsa_key::public_key(&der));
        key.map(Self).ok_or_else(refuse)
    }

    /// Encrypts what is short enough for it. Error: `Failed`.
    pub fn encrypt(&self, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let encrypted = self.0.encrypt(&mut SysRng, Pkcs1v15Encrypt, bytes);
        encrypted.map_err(|error| StoreError::Failed(format!("an export cannot be encrypted: {error}")))
    }
}
