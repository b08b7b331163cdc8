//! What comes back.

use bytes::Bytes;
use http::HeaderMap;

/// A whole reply.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status, 200 to 999.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}
