//! Receipts: how a user tells that a message reached it, or that it read it. Contract 2.2 and 2.2.3.

use serde::Serialize;
use serde_json::Value;

use crate::body;
use crate::error::ApiError;
use crate::message::Status;

/// Reads a receipt, an object with the member `type`, and tells the status that it raises a message to.
///
/// Errors: `invalid_request`; `missing_property` and `invalid_property` `type` (recorded status for an unknown one).
pub fn parse(body: &[u8]) -> Result<Status, ApiError> {
    let mut request = body::parse_object(body)?;
    match body::take_required(&mut request, "type")? {
        Value::String(kind) if kind == "read" => Ok(Status::Read),
        Value::String(kind) if kind == "delivery" => Ok(Status::Delivered),
        _ => Err(ApiError::invalid_property("type", "must be 'read' or 'delivery'")),
    }
}

/// The answer to a request to mark all messages of a conversation as read (recorded, R3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Marked {
    /// The position of the last message that is marked; 0 when there is none (assumed).
    pub position: u32,
}

/// Reads a request to mark all messages of a conversation as read, and tells the last position that it is about; `None`
/// for all.
///
/// `position` may be null (recorded, R3), and the body may be left out, as the vendor's Go client does (G3). Errors:
/// `invalid_request`; `invalid_property` `position`.
pub fn parse_mark_all_read(body: &[u8]) -> Result<Option<u32>, ApiError> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut request = body::parse_object(body)?;
    let Some(position) = body::take(&mut request, "position") else { return Ok(None) };
    let position = position.as_u64().ok_or_else(|| {
        ApiError::invalid_property("position", "must be the position of a message, a whole number of at least 0")
    })?;
    // Whatever is beyond the last possible message means all of them.
    Ok(u32::try_from(position).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_receipt_has_one_of_two_types() {
        assert_eq!(parse(br#"{"type":"read"}"#), Ok(Status::Read));
        assert_eq!(parse(br#"{"type":"delivery"}"#), Ok(Status::Delivered));
        for (body, kind) in [
            ("", ErrorKind::InvalidRequest),
            ("[]", ErrorKind::MissingProperty),
            (r#"{"type":null}"#, ErrorKind::MissingProperty),
            (r#"{"type":"delivered"}"#, ErrorKind::InvalidProperty),
            (r#"{"type":1}"#, ErrorKind::InvalidProperty),
        ] {
            assert_eq!(parse(body.as_bytes()).unwrap_err().kind(), kind, "{body}");
        }
    }

    #[test]
    fn marking_all_read_may_name_a_last_position() {
        for (body, position) in [
            ("", None),
            ("{}", None),
            ("[]", None),
            (r#"{"position":null}"#, None),
            (r#"{"position":0}"#, Some(0)),
            (r#"{"position":7}"#, Some(7)),
            (r#"{"position":15032697020}"#, None),
        ] {
            assert_eq!(parse_mark_all_read(body.as_bytes()), Ok(position), "{body}");
        }
        for body in [r#"{"position":-1}"#, r#"{"position":1.5}"#, r#"{"position":"7"}"#] {
            let error = parse_mark_all_read(body.as_bytes()).unwrap_err();
            assert_eq!(error.data(), Some(&serde_json::json!({ "property": "position" })), "{body}");
        }
        assert_eq!(parse_mark_all_read(b"{").unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
}
