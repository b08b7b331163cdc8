//! Nonces: what an identity token is made for, so that each opens one session only. Client API 2.1.
//!
//! A nonce holds its time and a signature. So any number can be given out, one with each refused request, and nothing
//! is stored before one is used.

use layer_store::token::TokenHash;
use layer_store::{Store, StoreError};
use layer_wire::Timestamp;
use ring::hmac;

use super::cached::Cached;
use crate::ground::ids::Ids;
use crate::ground::links::{hex, unhex};

/// How long a nonce is good for. Unit: milliseconds.
const LIFETIME_MS: i64 = 10 * 60 * 1000;

/// How long the parts are. Unit: bytes.
const TIME: usize = 8;
const RANDOM: usize = 8;
const SIGNATURE: usize = 32;

/// A nonce of this platform that is still good, unless it was used before.
pub struct GoodNonce {
    /// What is remembered of it once it is used.
    pub hash: TokenHash,
    /// Until when it has to be remembered.
    pub expires_at: Timestamp,
}

/// Makes a nonce.
pub fn make(key: &[u8; 32], now: Timestamp) -> String {
    let mut bytes = [0; TIME + RANDOM + SIGNATURE];
    bytes[..TIME].copy_from_slice(&now.as_ms().to_be_bytes());
    bytes[TIME..TIME + RANDOM].copy_from_slice(&Ids::system_secret::<RANDOM>());
    let signature = hmac::sign(&signer(key), &bytes[..TIME + RANDOM]);
    bytes[TIME + RANDOM..].copy_from_slice(signature.as_ref());
    hex(&bytes)
}

/// Checks a nonce. `None` when it is made up, or too old.
pub fn check(key: &[u8; 32], now: Timestamp, nonce: &str) -> Option<GoodNonce> {
    let bytes: [u8; TIME + RANDOM + SIGNATURE] = unhex(nonce)?.try_into().ok()?;
    let (signed, signature) = bytes.split_at(TIME + RANDOM);
    hmac::verify(&signer(key), signed, signature).ok()?;
    let made_at = i64::from_be_bytes(signed[..TIME].try_into().ok()?);
    let expires_at = Timestamp::from_ms(made_at.saturating_add(LIFETIME_MS));
    // By its bytes, so that another spelling of the same is the same.
    (now < expires_at).then(|| GoodNonce { hash: TokenHash::of(&hex(&bytes)), expires_at })
}

fn signer(key: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key)
}

/// The key that nonces are signed with, remembered until the store is replaced.
pub async fn key(store: &dyn Store, known: &Cached<Option<[u8; 32]>>) -> Result<[u8; 32], StoreError> {
    let (key, since) = known.read(|key| *key);
    if let Some(key) = key {
        return Ok(key);
    }
    let fresh = Ids::system_secret();
    let key = store.write::<_, StoreError>(move |writes| writes.nonce_key(fresh)).await?;
    known.update(since, |known| *known = Some(key));
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const NOW: Timestamp = Timestamp::from_ms(1_454_462_029_023);

    #[test]
    fn a_nonce_is_good_for_ten_minutes_and_no_two_are_the_same() {
        let nonce = make(&KEY, NOW);
        assert_ne!(nonce, make(&KEY, NOW));
        let at = |ms| check(&KEY, Timestamp::from_ms(NOW.as_ms() + ms), &nonce).map(|nonce| nonce.expires_at);
        assert_eq!(at(LIFETIME_MS - 1), Some(Timestamp::from_ms(NOW.as_ms() + LIFETIME_MS)));
        assert_eq!(at(LIFETIME_MS), None);
    }

    #[test]
    fn a_nonce_that_was_changed_or_made_up_is_refused() {
        let nonce = make(&KEY, NOW);
        let changed = if nonce.ends_with('0') { "1" } else { "0" };
        let later = format!("f{}", &nonce[1..]);
        for text in ["", "x", &nonce[..94], &format!("{nonce}00"), &format!("{}{changed}", &nonce[..95]), &later] {
            assert!(check(&KEY, NOW, text).is_none(), "{text}");
        }
        assert!(check(&[8; 32], NOW, &nonce).is_none());
    }

    #[test]
    fn a_nonce_in_upper_case_is_the_same() {
        let nonce = make(&KEY, NOW);
        let hash = |text: &str| *check(&KEY, NOW, text).unwrap().hash.as_bytes();
        assert_eq!(hash(&nonce), hash(&nonce.to_uppercase()));
    }
}
