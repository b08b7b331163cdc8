//! Requests of the Client API, which the platform serves below `/users/<user id>/`. Contract 2.10; the fields are those of the
//! vendor's client documentation [C1].

use uuid::Uuid;

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::id;
use crate::percent;

/// For whom something is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionMode {
    /// For everyone.
    AllParticipants,
    /// For the user alone.
    MyDevices,
}

impl DeletionMode {
    /// Reads `mode` out of a query string. `destroy=true`, its name before April 2016, means all participants.
    ///
    /// Errors: `missing_property` and `invalid_property` `mode` (assumed).
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        match (parameter(query, "mode")?.as_deref(), parameter(query, "destroy")?.as_deref()) {
            (Some("all_participants"), _) | (None, Some("true")) => Ok(Self::AllParticipants),
            (Some("my_devices"), _) => Ok(Self::MyDevices),
            (None, _) => Err(ApiError::missing_property("mode")),
            (Some(_), _) => Err(ApiError::invalid_property("mode", "must be 'all_participants' or 'my_devices'")),
        }
    }
}

/// How a conversation is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationDeletion {
    /// For everyone.
    AllParticipants,
    /// For the user alone.
    MyDevices {
        /// Whether the user leaves the conversation with it.
        leave: bool,
    },
}

impl ConversationDeletion {
    /// Reads `mode` and, with `my_devices`, `leave` out of a query string; `leave` is `false` when it is left out.
    ///
    /// Errors: those of [`DeletionMode::parse`]; `invalid_property` `leave` (assumed).
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        match DeletionMode::parse(query)? {
            DeletionMode::AllParticipants => Ok(Self::AllParticipants),
            DeletionMode::MyDevices => match parameter(query, "leave")?.as_deref() {
                None | Some("false") => Ok(Self::MyDevices { leave: false }),
                Some("true") => Ok(Self::MyDevices { leave: true }),
                Some(_) => Err(ApiError::invalid_property("leave", "must be 'true' or 'false'")),
            },
        }
    }
}

/// A query parameter; the last one of a name counts, and an empty one counts as absent, as in [`crate::page::ListQuery`].
fn parameter(query: &str, name: &str) -> Result<Option<String>, ApiError> {
    let malformed = |_| ApiError::invalid_request("The query string is not valid percent-encoded UTF-8.");
    let mut found = None;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if percent::decode_query(key).map_err(malformed)? == name {
            found = Some(percent::decode_query(value).map_err(malformed)?).filter(|value| !value.is_empty());
        }
    }
    Ok(found)
}

/// Takes the id that a caller chose for what it creates: a UUID, or the full id with `prefix` (`layer:///messages/`).
///
/// Error: `invalid_request_id`.
pub fn take_id(request: &mut Object, prefix: &str) -> Result<Option<Uuid>, ApiError> {
    let Some(id) = body::take(request, "id") else { return Ok(None) };
    let uuid = id.as_str().and_then(|text| id::parse_uuid(text.strip_prefix(prefix).unwrap_or(text)));
    uuid.map(Some).ok_or_else(|| ApiError::invalid_request_id("property 'id'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use serde_json::{Value, json};

    #[test]
    fn a_deletion_names_its_mode() {
        assert_eq!(DeletionMode::parse("mode=all_participants"), Ok(DeletionMode::AllParticipants));
        assert_eq!(DeletionMode::parse("a=b&mode=my%5Fdevices"), Ok(DeletionMode::MyDevices));
        assert_eq!(DeletionMode::parse("destroy=true"), Ok(DeletionMode::AllParticipants));
        for (query, kind) in [
            ("", ErrorKind::MissingProperty),
            ("mode=", ErrorKind::MissingProperty),
            ("destroy=false", ErrorKind::MissingProperty),
            ("mode=everyone", ErrorKind::InvalidProperty),
            ("mode=%zz", ErrorKind::InvalidRequest),
        ] {
            assert_eq!(DeletionMode::parse(query).unwrap_err().kind(), kind, "{query}");
        }
    }

    #[test]
    fn a_user_may_leave_a_conversation_that_it_deletes_for_itself() {
        for (query, deletion) in [
            ("mode=all_participants&leave=true", ConversationDeletion::AllParticipants),
            ("mode=my_devices", ConversationDeletion::MyDevices { leave: false }),
            ("mode=my_devices&leave=false", ConversationDeletion::MyDevices { leave: false }),
            ("mode=my_devices&leave=true", ConversationDeletion::MyDevices { leave: true }),
        ] {
            assert_eq!(ConversationDeletion::parse(query), Ok(deletion), "{query}");
        }
        let error = ConversationDeletion::parse("mode=my_devices&leave=yes").unwrap_err();
        assert_eq!(error.data(), Some(&json!({ "property": "leave" })));
    }

    #[test]
    fn an_id_of_ones_own_is_a_uuid_in_either_spelling() {
        let uuid = "f3cc7b32-3c92-11e4-baad-164230d1df67";
        let take = |id: Value| take_id(json!({ "id": id }).as_object_mut().unwrap(), "layer:///messages/");
        let expected = Ok(id::parse_uuid(uuid));
        assert_eq!(take(json!(uuid)), expected);
        assert_eq!(take(json!(format!("layer:///messages/{uuid}"))), expected);
        assert_eq!(take(Value::Null), Ok(None));
        for id in [json!("x"), json!(1), json!(format!("layer:///conversations/{uuid}"))] {
            assert_eq!(take(id.clone()).unwrap_err().kind(), ErrorKind::InvalidRequestId, "{id}");
        }
    }
}
