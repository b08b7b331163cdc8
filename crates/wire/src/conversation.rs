//! Conversations: create requests, patches and answers. Contract 2.1 and 3.1.

use serde::Serialize;
use serde_json::{Value, json};

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::id::{ConversationId, UserId};
use crate::message::Message;
use crate::metadata;
use crate::patch::{self, Action, Operation};
use crate::timestamp::Timestamp;
use crate::version::Version;
use crate::view::ShownUser;

/// The most participants of a conversation.
pub const MAX_PARTICIPANTS: usize = 25;

/// The most participants between two operations of a patch; the limit proper counts at its end.
///
/// Looking an element up in a set takes time that grows with the set, so the set must not grow with the patch
/// (assumed).
const MAX_PARTICIPANTS_MIDWAY: usize = 1000;

/// A request to create a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct NewConversation {
    /// The participants, each once, in the order sent; 1 to [`MAX_PARTICIPANTS`].
    pub participants: Vec<UserId>,
    /// Whether the conversation is the only one among exactly these participants. Default `false` (assumed).
    pub is_distinct: bool,
    /// `None` when the request has no metadata, which matters when a distinct conversation is looked up.
    pub metadata: Option<Object>,
}

impl NewConversation {
    /// Reads the request body.
    ///
    /// Errors: `invalid_request`, `missing_property` `participants`, `invalid_property` with the property.
    pub fn parse(body: &[u8], version: Version) -> Result<Self, ApiError> {
        Self::take(&mut body::parse_object(body)?, version, None)
    }

    /// Takes the conversation out of a request. `creator` takes part in it, named or not.
    pub fn take(request: &mut Object, version: Version, creator: Option<&UserId>) -> Result<Self, ApiError> {
        let participants = body::take_required(request, "participants")?;
        let mut participants = body::user_ids(&participants, "participants", version)?;
        if let Some(creator) = creator
            && !participants.contains(creator)
        {
            participants.push(creator.clone());
        }
        if participants.is_empty() {
            return Err(ApiError::invalid_property("participants", "must not be empty"));
        }
        check_participant_count(participants.len())?;
        let is_distinct = match body::take(request, "distinct") {
            None => false,
            Some(Value::Bool(is_distinct)) => is_distinct,
            Some(_) => return Err(ApiError::invalid_property("distinct", "must be true or false")),
        };
        let metadata = body::take(request, "metadata").map(metadata_object).transpose()?;
        Ok(Self { participants, is_distinct, metadata })
    }
}

fn metadata_object(value: Value) -> Result<Object, ApiError> {
    let Value::Object(object) = value else {
        return Err(ApiError::invalid_property("metadata", "must be an object"));
    };
    metadata::check_conversation(&object)?;
    Ok(object)
}

fn check_participant_count(count: usize) -> Result<(), ApiError> {
    if count > MAX_PARTICIPANTS {
        let rule = format_args!("must not hold more than {MAX_PARTICIPANTS} users");
        return Err(ApiError::invalid_property("participants", rule));
    }
    Ok(())
}

/// A patch of a conversation, checked as far as that goes without the conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationPatch {
    operations: Vec<Operation>,
}

/// The members of a conversation that a patch can change.
#[derive(Debug, Clone, PartialEq)]
pub struct Patchable {
    /// The participants.
    pub participants: Vec<UserId>,
    /// The metadata.
    pub metadata: Object,
}

impl ConversationPatch {
    /// Reads the patch body.
    ///
    /// Errors: those of [`patch::parse`]; `invalid_property` that names the path for a property or an operation that a
    /// conversation does not allow.
    pub fn parse(body: &[u8], version: Version) -> Result<Self, ApiError> {
        let mut operations = patch::parse(body, version)?;
        operations.iter_mut().try_for_each(|operation| check_operation(operation, version))?;
        Ok(Self { operations })
    }

    /// Applies all operations in order, or none (assumed).
    ///
    /// Errors: `invalid_property` when an operation meets a value that it cannot change, or when the result breaks a
    /// rule.
    pub fn apply(&self, to: &Patchable) -> Result<Patchable, ApiError> {
        let mut document = Object::new();
        document.insert("participants".into(), json!(to.participants));
        document.insert("metadata".into(), Value::Object(to.metadata.clone()));
        for operation in &self.operations {
            operation.apply(&mut document)?;
            let count = document.get("participants").and_then(Value::as_array).map_or(0, Vec::len);
            if count > MAX_PARTICIPANTS_MIDWAY {
                check_participant_count(count)?;
            }
        }
        // The operations were brought to plain user ids when they were read, whatever their version.
        let participants = body::take_required(&mut document, "participants")?;
        let participants = body::user_ids(&participants, "participants", Version::V1_0)?;
        check_participant_count(participants.len())?;
        let metadata = body::take(&mut document, "metadata").map(metadata_object).transpose()?.unwrap_or_default();
        Ok(Patchable { participants, metadata })
    }
}

/// Refuses what a conversation does not allow, and turns the names of users into plain user ids.
fn check_operation(operation: &mut Operation, version: Version) -> Result<(), ApiError> {
    let is_allowed = match (operation.path[0].as_str(), operation.path.len(), &mut operation.action) {
        ("participants", 1, action) => patch::read_users(action, "participants", version)?,
        // Emptied by null (contract 4); a single key is deleted instead.
        ("metadata", 1, Action::Set(value)) => value.is_object() || value.is_null(),
        ("metadata", 2.., Action::Set(_) | Action::Delete) => true,
        _ => false,
    };
    if is_allowed { Ok(()) } else { Err(operation.error("cannot be changed in this way")) }
}

/// A conversation in an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Its address in the view that shows it.
    pub url: String,
    /// The address of its messages.
    pub messages_url: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its participants, in the order sent.
    pub participants: Vec<ShownUser>,
    /// Whether it is the only one among exactly these participants.
    pub distinct: bool,
    /// Its metadata.
    pub metadata: Object,
    /// What the view of a user adds; `None` in system view.
    #[serde(flatten)]
    pub of_user: Option<UserPart>,
}

/// What the view of a user adds to a conversation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserPart {
    /// The newest message that the user can see.
    pub last_message: Option<Message>,
    /// How many messages the user has not read.
    pub unread_message_count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn users(names: &[&str]) -> Vec<UserId> {
        names.iter().map(|name| UserId::parse(*name).unwrap()).collect()
    }

    fn patched(participants: &[&str], metadata: &Value, operations: &Value) -> Result<Patchable, ApiError> {
        let before = Patchable { participants: users(participants), metadata: metadata.as_object().unwrap().clone() };
        ConversationPatch::parse(operations.to_string().as_bytes(), Version::V1_0)?.apply(&before)
    }

    #[test]
    fn a_create_request_needs_participants_only() {
        let request =
            NewConversation::parse(br#"{"participants":["b","a","b"],"unknown":1,"metadata":null}"#, Version::V1_0)
                .unwrap();
        assert_eq!(request, NewConversation { participants: users(&["b", "a"]), is_distinct: false, metadata: None });
    }

    #[test]
    fn bad_create_requests_name_the_property() {
        let many: Vec<String> = (0..26).map(|index| index.to_string()).collect();
        for (body, kind, property) in [
            (json!({}), ErrorKind::MissingProperty, "participants"),
            (json!([]), ErrorKind::MissingProperty, "participants"),
            (json!({ "participants": [] }), ErrorKind::InvalidProperty, "participants"),
            (json!({ "participants": "a" }), ErrorKind::InvalidProperty, "participants"),
            (json!({ "participants": many }), ErrorKind::InvalidProperty, "participants"),
            (json!({ "participants": ["a"], "distinct": "yes" }), ErrorKind::InvalidProperty, "distinct"),
            (json!({ "participants": ["a"], "metadata": "x" }), ErrorKind::InvalidProperty, "metadata"),
            (json!({ "participants": ["a"], "metadata": { "n": 1 } }), ErrorKind::InvalidProperty, "metadata"),
        ] {
            let error = NewConversation::parse(body.to_string().as_bytes(), Version::V1_0).unwrap_err();
            assert_eq!((error.kind(), error.data()), (kind, Some(&json!({ "property": property }))), "{body}");
        }
    }

    #[test]
    fn twenty_five_participants_fit() {
        let many: Vec<String> = (0..25).map(|index| index.to_string()).collect();
        assert!(NewConversation::parse(json!({ "participants": many }).to_string().as_bytes(), Version::V1_0).is_ok());
    }

    #[test]
    fn participants_are_added_removed_and_set() {
        let after = patched(
            &["a", "b"],
            &json!({}),
            &json!([
                { "operation": "add", "property": "participants", "value": "c" },
                { "operation": "remove", "property": "participants", "value": "a" },
                { "operation": "remove", "property": "participants", "value": "nobody" }
            ]),
        );
        assert_eq!(after.unwrap().participants, users(&["b", "c"]));
        let set = json!([{ "operation": "set", "property": "participants", "value": ["x", "x"] }]);
        assert_eq!(patched(&["a"], &json!({}), &set).unwrap().participants, users(&["x"]));
    }

    #[test]
    fn from_2_0_on_participants_are_named_by_identity_ids() {
        let before = Patchable { participants: users(&["a", "b"]), metadata: Object::new() };
        let operations = json!([
            { "operation": "add", "property": "participants", "id": "layer:///identities/ns%2F42" },
            { "operation": "remove", "property": "participants", "id": "layer:///identities/a" },
            { "operation": "add", "property": "participants", "value": "c" }
        ]);
        let patched = |operations: &Value| {
            ConversationPatch::parse(operations.to_string().as_bytes(), Version::V2_0)?.apply(&before)
        };
        assert_eq!(patched(&operations).unwrap().participants, users(&["b", "ns/42", "c"]));
        let set = json!([{
            "operation": "set", "property": "participants", "value": ["layer:///identities/x", "x", "y"]
        }]);
        assert_eq!(patched(&set).unwrap().participants, users(&["x", "y"]));
    }

    #[test]
    fn metadata_is_set_and_deleted_by_path() {
        let after = patched(
            &["a"],
            &json!({ "title": "old", "color": { "bg": "1" } }),
            &json!([
                { "operation": "set", "property": "metadata.color.fg", "value": "2" },
                { "operation": "set", "property": r"metadata.dotted\.key", "value": "3" },
                { "operation": "delete", "property": "metadata.title" }
            ]),
        );
        let expected = json!({ "color": { "bg": "1", "fg": "2" }, "dotted.key": "3" });
        assert_eq!(Value::Object(after.unwrap().metadata), expected);
    }

    #[test]
    fn setting_metadata_to_null_empties_it() {
        let set = json!([{ "operation": "set", "property": "metadata", "value": null }]);
        assert_eq!(patched(&["a"], &json!({ "a": "1" }), &set).unwrap().metadata, Object::new());
    }

    #[test]
    fn what_a_conversation_does_not_allow_is_refused() {
        let many: Vec<String> = (0..26).map(|index| index.to_string()).collect();
        for (operation, property) in [
            (json!({ "operation": "set", "property": "distinct", "value": true }), "distinct"),
            (json!({ "operation": "set", "property": "participants.0", "value": "a" }), "participants.0"),
            (json!({ "operation": "delete", "property": "participants" }), "participants"),
            (json!({ "operation": "delete", "property": "metadata" }), "metadata"),
            (json!({ "operation": "add", "property": "metadata.a", "value": "b" }), "metadata.a"),
            (json!({ "operation": "set", "property": "metadata", "value": "b" }), "metadata"),
            (json!({ "operation": "set", "property": "metadata.a", "value": 1 }), "metadata"),
            (json!({ "operation": "set", "property": "metadata.t.x", "value": "1" }), "metadata.t.x"),
            (json!({ "operation": "set", "property": "participants", "value": many }), "participants"),
            (json!({ "operation": "add", "property": "participants", "value": ["a"] }), "participants"),
            (json!({ "operation": "add", "property": "participants", "value": "" }), "participants"),
        ] {
            let error = patched(&["a"], &json!({ "t": "x" }), &json!([operation])).unwrap_err();
            assert_eq!(error.data(), Some(&json!({ "property": property })), "{operation}");
        }
    }
}
