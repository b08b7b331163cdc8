//! Requests of the Client API, which the platform serves below `/users/<user id>/`. Contract 2.10; the fields are those
//! of the vendor's client documentation (C1). What only the Client API itself has is in the files of this folder.

pub mod push_token;
pub mod session;

use uuid::Uuid;

use crate::body::{self, Object};
use crate::conversation::NewConversation;
use crate::error::ApiError;
use crate::id::{self, UserId};
use crate::message;
use crate::part::{self, NewPart};
use crate::percent;
use crate::version::Version;

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

/// A query parameter; the last one of a name counts, and an empty one counts as absent, as in
/// [`crate::page::ListQuery`].
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

/// A request to create a conversation as a user, who takes part in it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationOfUser {
    /// The id that the user chose.
    pub id: Option<Uuid>,
    /// The conversation.
    pub conversation: NewConversation,
}

impl ConversationOfUser {
    /// Reads the request body. Errors: those of [`NewConversation::parse`]; `invalid_request_id`.
    pub fn parse(body: &[u8], user: &UserId, version: Version) -> Result<Self, ApiError> {
        let mut request = body::parse_object(body)?;
        let conversation = NewConversation::take(&mut request, version, Some(user))?;
        Ok(Self { id: take_id(&mut request, "layer:///conversations/")?, conversation })
    }
}

/// A request to send a message as a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageOfUser {
    /// The id that the user chose.
    pub id: Option<Uuid>,
    /// The parts of the message, at least one.
    pub parts: Vec<NewPart>,
}

impl MessageOfUser {
    /// Reads the request body. A `sender` is ignored: it is the user.
    ///
    /// Errors: `invalid_request`; `missing_property` (also for `[]`, recorded) and `invalid_property`;
    /// `invalid_request_id`.
    pub fn parse(body: &[u8], version: Version) -> Result<Self, ApiError> {
        let mut request = body::parse_object(body)?;
        let parts = part::take_parts(&mut request, version)?;
        message::check_notification(&mut request)?;
        Ok(Self { id: take_id(&mut request, "layer:///messages/")?, parts })
    }
}

/// Takes the id that a caller chose for what it creates: a UUID, or the full id with `prefix` (`layer:///messages/`).
///
/// Error: `invalid_request_id`.
fn take_id(request: &mut Object, prefix: &str) -> Result<Option<Uuid>, ApiError> {
    let Some(id) = body::take(request, "id") else { return Ok(None) };
    let uuid = id.as_str().and_then(|text| id::parse_uuid(text.strip_prefix(prefix).unwrap_or(text)));
    uuid.map(Some).ok_or_else(|| ApiError::invalid_request_id("property 'id'"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::ErrorKind;

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

    #[test]
    fn whoever_creates_a_conversation_takes_part_in_it() {
        let user = UserId::parse("me").unwrap();
        for (participants, expected) in
            [(json!(["a"]), vec!["a", "me"]), (json!(["me", "a"]), vec!["me", "a"]), (json!([]), vec!["me"])]
        {
            let body = json!({ "participants": participants }).to_string();
            let parsed = ConversationOfUser::parse(body.as_bytes(), &user, Version::V1_0).unwrap();
            assert_eq!(parsed.conversation.participants.iter().map(UserId::as_str).collect::<Vec<_>>(), expected);
        }
        let many: Vec<String> = (0..25).map(|index| index.to_string()).collect();
        let body = json!({ "participants": many }).to_string();
        let error = ConversationOfUser::parse(body.as_bytes(), &user, Version::V1_0).unwrap_err();
        assert_eq!(error.data(), Some(&json!({ "property": "participants" })));
    }

    /// Contract 2.2.3 (recorded, L3).
    #[test]
    fn an_empty_message_of_a_user_misses_its_parts() {
        for body in ["{}", "[]"] {
            let error = MessageOfUser::parse(body.as_bytes(), Version::V3_0).unwrap_err();
            assert_eq!(
                (error.kind(), error.data()),
                (ErrorKind::MissingProperty, Some(&json!({ "property": "parts" })))
            );
        }
    }
}
