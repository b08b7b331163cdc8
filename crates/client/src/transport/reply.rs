//! What comes back.

use bytes::Bytes;

/// A whole reply.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status, 200 to 999.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}
