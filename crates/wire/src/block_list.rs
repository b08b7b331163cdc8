//! Block lists: requests and answers. Contract 2.6.

use serde::Serialize;

use crate::body;
use crate::error::ApiError;
use crate::id::UserId;
use crate::version::Version;
use crate::view::{BasicIdentity, View};

/// An entry of a block list in an answer: `{"user_id": ...}` in 1.x, an identity from 2.0 on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum BlockedUser {
    /// In 1.x.
    User {
        /// The user who is blocked.
        user_id: UserId,
    },
    /// From 2.0 on.
    Identity(BasicIdentity),
}

impl BlockedUser {
    /// Shows a user who is blocked.
    pub fn new(user: UserId, view: &View) -> Self {
        if view.version.has_identities() { Self::Identity(view.identity(user)) } else { Self::User { user_id: user } }
    }
}

/// Reads the request of version 1.x to block a user. Errors: `invalid_request`, `missing_property` or
/// `invalid_property` `user_id`.
pub fn parse_block(body: &[u8]) -> Result<UserId, ApiError> {
    let mut request = body::parse_object(body)?;
    body::user_id(&body::take_required(&mut request, "user_id")?, "user_id", Version::V1_0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_block_needs_a_user_id() {
        assert_eq!(parse_block(br#"{"user_id":"x"}"#).unwrap().as_str(), "x");
        assert_eq!(parse_block(b"{}").unwrap_err().kind(), ErrorKind::MissingProperty);
        assert_eq!(parse_block(b"[]").unwrap_err().kind(), ErrorKind::MissingProperty);
        assert_eq!(parse_block(br#"{"user_id":7}"#).unwrap_err().kind(), ErrorKind::InvalidProperty);
    }
}
