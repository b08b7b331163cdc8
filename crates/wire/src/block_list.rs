//! Block lists: requests and answers of version 1.x. Contract 2.6.

use serde::Serialize;

use crate::body;
use crate::error::ApiError;
use crate::id::UserId;
use crate::version::Version;

/// An entry of a block list in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockedUser {
    /// The user who is blocked.
    pub user_id: UserId,
}

/// Reads the request to block a user. Errors: `invalid_request`, `missing_property` or `invalid_property` `user_id`.
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
