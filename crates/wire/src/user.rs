//! Users, as the application manages them: badge, suspension, following. Contract 2.8.

use serde::Serialize;
use serde_json::Value;

use crate::body;
use crate::error::ApiError;
use crate::id::UserId;
use crate::identity::Identity;
use crate::patch::{self, Action, Operation};
use crate::version::Version;

/// The numbers behind the badge of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Badge {
    /// What the application counts elsewhere, as it said last; 0 before.
    pub external_unread_count: u32,
    /// Conversations with unread messages.
    pub unread_conversation_count: u64,
    /// Unread messages of all conversations.
    pub unread_message_count: u64,
}

/// Reads the request to set a badge, and tells the external unread count.
///
/// Errors: `invalid_request`; `missing_property` (recorded status) and `invalid_property` `external_unread_count`.
pub fn parse_badge(body: &[u8]) -> Result<u32, ApiError> {
    let mut request = body::parse_object(body)?;
    let count = body::take_required(&mut request, "external_unread_count")?;
    count.as_u64().and_then(|count| u32::try_from(count).ok()).ok_or_else(|| {
        let rule = format_args!("must be a whole number from 0 to {}", u32::MAX);
        ApiError::invalid_property("external_unread_count", rule)
    })
}

/// A user in an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct User {
    /// Its id, as the application wrote it.
    pub id: UserId,
    /// Its identity; `null` in 1.x for a user without one (assumed).
    pub identity: Option<Identity>,
    /// Whether it is suspended.
    pub suspended: bool,
}

/// One change that a patch makes to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    /// Suspends the user, or ends that.
    SetSuspended(bool),
    /// Makes the user block another one.
    Block(UserId),
    /// Makes the user no longer block another one.
    Unblock(UserId),
    /// Makes the user block these and nobody else.
    SetBlocks(Vec<UserId>),
}

/// Reads the patch of a user, a list of changes to be made in order, all or none (assumed).
///
/// Errors: those of [`patch::parse`]; `invalid_property` that names the path for anything that a user does not allow.
pub fn parse_patch(body: &[u8], version: Version) -> Result<Vec<UserChange>, ApiError> {
    patch::parse(body, version)?.iter().map(|operation| change(operation, version)).collect()
}

fn change(operation: &Operation, version: Version) -> Result<UserChange, ApiError> {
    let user = |value: &Value| body::user_id(value, "blocks", version);
    match (operation.path[0].as_str(), operation.path.len(), &operation.action) {
        ("suspended", 1, Action::Set(Value::Bool(is_suspended))) => Ok(UserChange::SetSuspended(*is_suspended)),
        ("suspended", 1, Action::Set(_)) => Err(operation.error("must be true or false")),
        ("blocks", 1, Action::Add(blocked)) => user(blocked).map(UserChange::Block),
        ("blocks", 1, Action::Remove(blocked)) => user(blocked).map(UserChange::Unblock),
        // Emptied by null as well (contract 4).
        ("blocks", 1, Action::Set(Value::Null)) => Ok(UserChange::SetBlocks(vec![])),
        ("blocks", 1, Action::Set(blocks)) => body::user_ids(blocks, "blocks", version).map(UserChange::SetBlocks),
        _ => Err(operation.error("cannot be changed in this way")),
    }
}

/// Reads the request to follow many users: an array of identity ids, which may be empty (assumed).
///
/// Errors: `invalid_request` when it is not an array; `invalid_property` `following` for an element that names no user
/// (assumed).
pub fn parse_following(body: &[u8], version: Version) -> Result<Vec<UserId>, ApiError> {
    match body::parse(body)? {
        users @ Value::Array(_) => body::user_ids(&users, "following", version),
        _ => Err(ApiError::invalid_request("The request body must be a JSON array of identity ids.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_badge_is_a_whole_number() {
        assert_eq!(parse_badge(br#"{"external_unread_count":13}"#), Ok(13));
        assert_eq!(parse_badge(br#"{"external_unread_count":0}"#), Ok(0));
        for body in ["{}", "[]", r#"{"external_unread_count":null}"#] {
            let error = parse_badge(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MissingProperty, "{body}");
        }
        for count in ["-1", "1.5", "\"13\"", "true", "4294967296"] {
            let error = parse_badge(format!(r#"{{"external_unread_count":{count}}}"#).as_bytes()).unwrap_err();
            assert_eq!(error.data(), Some(&json!({ "property": "external_unread_count" })), "{count}");
        }
    }

    #[test]
    fn a_patch_suspends_and_refuses_what_it_does_not_know() {
        let parse = |operation: Value| parse_patch(json!([operation]).to_string().as_bytes(), Version::V1_0);
        for value in [true, false] {
            let operation = json!({ "operation": "set", "property": "suspended", "value": value });
            assert_eq!(parse(operation), Ok(vec![UserChange::SetSuspended(value)]));
        }
        for (operation, property) in [
            (json!({ "operation": "set", "property": "suspended", "value": "true" }), "suspended"),
            (json!({ "operation": "delete", "property": "suspended" }), "suspended"),
            (json!({ "operation": "set", "property": "suspended.a", "value": true }), "suspended.a"),
            (json!({ "operation": "set", "property": "id", "value": "x" }), "id"),
        ] {
            assert_eq!(parse(operation).unwrap_err().data(), Some(&json!({ "property": property })));
        }
        assert_eq!(parse_patch(b"[]", Version::V1_0), Ok(vec![]));
    }

    #[test]
    fn a_patch_blocks_and_unblocks_in_the_words_of_its_version() {
        let user = |id: &str| UserId::parse(id).unwrap();
        let patch = |element: &str, id: &str| {
            json!([
                { "operation": "add", "property": "blocks", element: id },
                { "operation": "remove", "property": "blocks", element: id },
                { "operation": "set", "property": "blocks", "value": [id, id] },
                { "operation": "set", "property": "blocks", "value": [] },
                { "operation": "set", "property": "blocks", "value": null }
            ])
            .to_string()
        };
        let changes = |blocked: &str| {
            let set = UserChange::SetBlocks(vec![user(blocked)]);
            let none = UserChange::SetBlocks(vec![]);
            vec![UserChange::Block(user(blocked)), UserChange::Unblock(user(blocked)), set, none.clone(), none]
        };
        for (element, id, version, blocked) in [
            ("value", "x", Version::V1_1, "x"),
            ("value", "layer:///identities/x", Version::V1_0, "layer:///identities/x"),
            ("id", "layer:///identities/ns%2F42", Version::V2_0, "ns/42"),
            ("value", "layer:///identities/x", Version::V3_0, "x"),
            ("id", "x", Version::V3_0, "x"),
        ] {
            assert_eq!(parse_patch(patch(element, id).as_bytes(), version), Ok(changes(blocked)), "{id} {version}");
        }
        for (operation, property) in [
            (json!({ "operation": "add", "property": "blocks", "value": "" }), "blocks"),
            (json!({ "operation": "set", "property": "blocks", "value": "x" }), "blocks"),
            (json!({ "operation": "delete", "property": "blocks" }), "blocks"),
            (json!({ "operation": "add", "property": "blocks.x", "value": "y" }), "blocks.x"),
            (json!({ "operation": "add", "property": "blocks" }), "value"),
        ] {
            let error = parse_patch(json!([operation]).to_string().as_bytes(), Version::V1_0).unwrap_err();
            assert_eq!(error.data(), Some(&json!({ "property": property })), "{operation}");
        }
    }

    #[test]
    fn many_users_are_followed_by_an_array_of_identity_ids() {
        let users = parse_following(br#"["layer:///identities/ns%2F42","a","a"]"#, Version::V2_0).unwrap();
        assert_eq!(users.iter().map(UserId::as_str).collect::<Vec<_>>(), ["ns/42", "a"]);
        assert_eq!(parse_following(b"[]", Version::V2_0), Ok(vec![]));
        assert_eq!(parse_following(b"{}", Version::V2_0).unwrap_err().kind(), ErrorKind::InvalidRequest);
        assert_eq!(
            parse_following(b"[1]", Version::V2_0).unwrap_err().data(),
            Some(&json!({ "property": "following" }))
        );
    }
}
