//! Identity tokens: what an application's server says about a user, signed with a key of the app. Client API 2.2.
//!
//! A JWS in compact form, RS256 only. `jsonwebtoken` reads it; ring checks the signature, as everywhere here.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation, dangerous, decode, decode_header};
use layer_wire::body::Object;
use layer_wire::client_api::session::{CONTENT_TYPE, Claims, parse_key, refused};
use layer_wire::{ApiError, Timestamp};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use uuid::Uuid;

/// The longest token that is read: the largest identity fits. What a token says is parsed before anything of it is
/// proven, and may take up many times its length. Unit: bytes.
const MAX_BYTES: usize = 128 * 1024;

/// A token of which nothing is proven yet.
pub struct UnverifiedToken<'t> {
    text: &'t str,
    /// The provider that it claims to be of.
    pub provider: Uuid,
    /// The key that it claims to be signed with.
    pub key: Uuid,
}

impl<'t> UnverifiedToken<'t> {
    /// Reads what the token says about itself. Error: `invalid_property` `identity_token`.
    pub fn read(text: &'t str) -> Result<Self, ApiError> {
        if text.len() > MAX_BYTES {
            return Err(refused(&format!("must not be longer than {MAX_BYTES} bytes")));
        }
        let header = decode_header(text).map_err(|_| refused("must be a JWT signed with RS256"))?;
        if header.alg != Algorithm::RS256 {
            return Err(refused("must be signed with RS256"));
        }
        if !header.cty.is_some_and(|kind| kind.replace(' ', "").eq_ignore_ascii_case(CONTENT_TYPE)) {
            return Err(refused(&format!("must have '{CONTENT_TYPE}' as 'cty'")));
        }
        let key = header.kid.as_deref().and_then(parse_key);
        let key = key.ok_or_else(|| refused("must name its key as 'kid'"))?;
        let claims: Object =
            dangerous::insecure_decode_claims(text).map_err(|_| refused("must have claims that are a JSON object"))?;
        let provider = Claims::provider(&claims).ok_or_else(|| refused("must name its provider as 'iss'"))?;
        Ok(Self { text, provider, key })
    }

    /// Checks the signature with the key, DER of PKCS#1, and reads what is claimed. The nonce is still to be checked.
    ///
    /// Error: `invalid_property` `identity_token`.
    pub fn verify(&self, public_key: &[u8], now: Timestamp) -> Result<Claims, ApiError> {
        let mut validation = Validation::new(Algorithm::RS256);
        // The time is that of the platform, which a test can set.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        stand_on_ring();
        let decoded = decode::<Object>(self.text, &DecodingKey::from_rsa_der(public_key), &validation);
        let decoded = decoded.map_err(|_| refused("must be signed with the key that it names"))?;
        Claims::read(decoded.claims, now)
    }
}

/// Gives `jsonwebtoken` its only algorithm. It has one provider for the whole process.
fn stand_on_ring() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: no_signer,
        verifier_factory: verifier,
        key_utils: KeyUtils::new_unimplemented(),
    };
    static INSTALLED: Once = Once::new();
    // One that a program around this crate has installed before verifies RS256 just as well.
    INSTALLED.call_once(|| {
        let _ = PROVIDER.install_default();
    });
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library calls it so")]
fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library calls it so")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    match algorithm {
        Algorithm::RS256 => Ok(Box::new(Rs256(key.try_get_as_bytes()?.to_vec()))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

/// A public key, DER of PKCS#1.
struct Rs256(Vec<u8>);

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], given: &Vec<u8>) -> Result<(), signature::Error> {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0);
        key.verify(message, given).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}
