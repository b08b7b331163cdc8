//! The id by which a client and whoever runs the platform speak of the same request: `X-Request-Id`.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Builder;

/// The header.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over. Unit: bytes.
const LONGEST: usize = 200;

/// The id of a request: the one that it brings, or a fresh one. It is no id of anything that is stored, so that a seed
/// has no part in it.
pub fn of(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(X_REQUEST_ID).filter(|id| (1..=LONGEST).contains(&id.len()));
    given.cloned().unwrap_or_else(fresh)
}

fn fresh() -> HeaderValue {
    let bytes = fastrand::u128(..).to_ne_bytes();
    let id = Builder::from_random_bytes(bytes).into_uuid().to_string();
    // Hexadecimal digits and hyphens only.
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("-"))
}
