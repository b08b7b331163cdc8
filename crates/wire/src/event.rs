//! Webhook events: their names in each version, and the payloads that deliveries carry. Contract 6.4 and 6.5.

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::body::Object;
use crate::message::{ShownSender, Status};
use crate::signed;
use crate::timestamp::Timestamp;
use crate::version::Version;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A conversation was created, with metadata or without.
    ConversationCreated,
    /// Participants came or went, as 1.0 tells it.
    ConversationParticipantsUpdated,
    /// Participants came, as later versions tell it.
    ParticipantsJoined,
    /// Participants went, as later versions tell it.
    ParticipantsLeft,
    /// Metadata changed.
    ConversationMetadataUpdated,
    /// A conversation was deleted for everyone.
    ConversationDeleted,
    /// A message was sent.
    MessageSent,
    /// The parts of a message changed.
    MessageUpdated,
    /// A message was deleted for everyone.
    MessageDeleted,
    /// A message reached a participant.
    MessageDelivered,
    /// A participant read a message.
    MessageRead,
    /// A part was added to a message.
    PartCreated,
    /// A part was replaced.
    PartUpdated,
    /// A part was removed.
    PartDeleted,
}

use EventKind as Kind;

/// A row of the table of names.
struct Names {
    kind: Kind,
    in_1_0: Option<&'static str>,
    in_2_0: Option<&'static str>,
    in_3_0: Option<&'static str>,
}

/// An event that every version has.
const fn in_all(kind: Kind, first: &'static str, later: &'static str) -> Names {
    Names { kind, in_1_0: Some(first), in_2_0: Some(later), in_3_0: Some(later) }
}

/// An event that version 1.0 has alone.
const fn in_1_0(kind: Kind, name: &'static str) -> Names {
    Names { kind, in_1_0: Some(name), in_2_0: None, in_3_0: None }
}

/// An event that came with version 2.0.
const fn since_2_0(kind: Kind, name: &'static str) -> Names {
    Names { kind, in_1_0: None, in_2_0: Some(name), in_3_0: Some(name) }
}

/// An event that came with version 3.0.
const fn since_3_0(kind: Kind, name: &'static str) -> Names {
    Names { kind, in_1_0: None, in_2_0: None, in_3_0: Some(name) }
}

/// The names of the events. Contract 6.4 and 6.5.
const NAMES: [Names; 14] = [
    in_all(Kind::ConversationCreated, "conversation.created", "Conversation.created"),
    in_1_0(Kind::ConversationParticipantsUpdated, "conversation.updated.participants"),
    since_2_0(Kind::ParticipantsJoined, "Participation.created"),
    since_2_0(Kind::ParticipantsLeft, "Participation.deleted"),
    in_all(Kind::ConversationMetadataUpdated, "conversation.updated.metadata", "Conversation.updated"),
    in_all(Kind::ConversationDeleted, "conversation.deleted", "Conversation.deleted"),
    in_all(Kind::MessageSent, "message.sent", "Message.created"),
    since_2_0(Kind::MessageUpdated, "Message.updated"),
    in_all(Kind::MessageDeleted, "message.deleted", "Message.deleted"),
    in_all(Kind::MessageDelivered, "message.delivered", "Receipt.created"),
    in_all(Kind::MessageRead, "message.read", "Receipt.created"),
    since_3_0(Kind::PartCreated, "MessagePart.created"),
    since_3_0(Kind::PartUpdated, "MessagePart.updated"),
    since_3_0(Kind::PartDeleted, "MessagePart.deleted"),
];

/// Names that webhooks from 2.0 on may ask for though nothing in this API causes them: the service had channels, and
/// receivers of its time ask for all names that they know (contract 6.5).
pub const OF_CHANNELS: [&str; 5] =
    ["Channel.created", "Channel.updated", "Channel.deleted", "Membership.created", "Membership.deleted"];

impl EventKind {
    /// Its name in the payloads of a version; `None` where that version has no such event.
    pub fn name(self, version: Version) -> Option<&'static str> {
        // The table lists the kinds in the order of their declaration; a test holds the two together.
        let names = &NAMES[self as usize];
        match version {
            Version::V1_0 | Version::V1_1 => names.in_1_0,
            Version::V2_0 => names.in_2_0,
            Version::V3_0 => names.in_3_0,
        }
    }
}

/// The names of all events that a version has, each once.
pub fn names(version: Version) -> Vec<&'static str> {
    let mut names = vec![];
    for name in NAMES.iter().filter_map(|names| names.kind.name(version)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether a webhook of a version may ask for an event of this name: for those that happen, and for those of channels.
///
/// The contract would take any name of the form `Word.word` from 2.0 on (assumed); a receiver that asks for an event by
/// a wrong name would then wait for it in vain.
pub fn is_name(name: &str, version: Version) -> bool {
    names(version).contains(&name) || (version.has_identities() && OF_CHANNELS.contains(&name))
}

/// What every payload says of its event, beside what it is about.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// The id of the event: the same in every delivery of it.
    pub id: Uuid,
    /// Its name.
    pub name: &'a str,
    /// When it happened.
    pub created_at: Timestamp,
}

/// A payload, signed bytes of an object, with the `config` of a webhook behind everything else (assumed). An empty one
/// is left out (assumed).
///
/// So an event is shown once for each version, however many webhooks get it.
pub fn with_config(payload: &[u8], config: &Object) -> serde_json::Result<Vec<u8>> {
    let mut bytes = payload.to_vec();
    if !config.is_empty() {
        // Without the brace at its end. No payload is an empty object.
        bytes.pop();
        bytes.extend_from_slice(b",\"config\":");
        bytes.extend_from_slice(&signed::to_vec(&Value::Object(config.clone()))?);
        bytes.push(b'}');
    }
    Ok(bytes)
}

impl Envelope<'_> {
    /// The payload about `subject`, the members that tell what the event is about.
    ///
    /// In 1.0 the actor stands inside `event`, and not in conversation events; later it stands beside it. It is absent
    /// wherever nobody is known to have acted: a request with the app's token is nobody's (assumed). The keys have the
    /// order of the samples in 1.0, the recorded one in 2.0 (R4 to R6) and 3.0 (assumed).
    pub fn payload(self, version: Version, actor: Option<&ShownSender>, subject: Object) -> Object {
        let (id, name, created_at) = (json!(self.id.to_string()), json!(self.name), json!(self.created_at));
        let keys = if version.has_identities() {
            [("id", id), ("type", name), ("created_at", created_at)]
        } else {
            [("created_at", created_at), ("type", name), ("id", id)]
        };
        let mut event: Object = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let actor = actor.map(|actor| ("actor".to_owned(), json!(actor)));
        let mut payload = Object::new();
        if version.has_identities() {
            payload.insert("event".into(), Value::Object(event));
            payload.extend(actor);
        } else {
            event.extend(actor);
            payload.insert("event".into(), Value::Object(event));
        }
        payload.extend(subject);
        payload
    }
}

/// Where something is that an event does not show as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link<Id> {
    /// Its id.
    pub id: Id,
    /// Its URL.
    pub url: String,
}

/// What `Receipt.created` tells of a receipt: it is for all messages from one position to another, both included
/// (contract 6.5, the vendor's receiver V3). `Delivery` is (assumed).
pub fn receipt(status: Status, from: u32, to: u32) -> Value {
    let kind = if status == Status::Read { "Read" } else { "Delivery" };
    json!({ "type": kind, "positions": { "from": from, "to": to } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_the_kinds_in_the_order_of_their_declaration() {
        for (index, names) in NAMES.iter().enumerate() {
            assert_eq!(names.kind as usize, index);
        }
    }

    /// Contract 6.4.
    #[test]
    fn version_1_0_has_eight_events() {
        let mut names = names(Version::V1_0);
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "conversation.created",
                "conversation.deleted",
                "conversation.updated.metadata",
                "conversation.updated.participants",
                "message.deleted",
                "message.delivered",
                "message.read",
                "message.sent",
            ]
        );
    }

    /// Contract 6.5.
    #[test]
    fn later_versions_have_receipts_in_place_of_read_and_delivered_and_parts_come_with_3_0() {
        for version in [Version::V2_0, Version::V3_0] {
            assert_eq!(EventKind::MessageSent.name(version), Some("Message.created"));
            assert_eq!(EventKind::MessageRead.name(version), Some("Receipt.created"));
            assert_eq!(EventKind::MessageDelivered.name(version), Some("Receipt.created"));
            assert!(names(version).into_iter().chain(OF_CHANNELS).all(|name| is_name(name, version)));
            for name in ["Message.read", "Conversation.updated.participants", "message.sent", "Message", "Foo.bar", ""]
            {
                assert!(!is_name(name, version), "{name}");
            }
        }
        assert!(!is_name("Channel.created", Version::V1_0));
        assert_eq!(EventKind::ConversationParticipantsUpdated.name(Version::V2_0), None);
        assert_eq!(EventKind::ParticipantsJoined.name(Version::V2_0), Some("Participation.created"));
        assert_eq!(EventKind::PartCreated.name(Version::V2_0), None);
        assert_eq!(EventKind::PartCreated.name(Version::V3_0), Some("MessagePart.created"));
        assert_eq!(EventKind::MessageUpdated.name(Version::V1_0), None);
    }

    #[test]
    fn a_config_stands_behind_everything_else_and_an_empty_one_nowhere() {
        let envelope = Envelope { id: Uuid::nil(), name: "conversation.created", created_at: Timestamp::from_ms(0) };
        let subject = json!({ "conversation": {} }).as_object().cloned().unwrap();
        let payload = Value::Object(envelope.payload(Version::V1_0, None, subject));
        let event = json!({
            "created_at": "1970-01-01T00:00:00.000Z", "type": "conversation.created", "id": Uuid::nil().to_string()
        });
        assert_eq!(payload, json!({ "event": event, "conversation": {} }));
        let bytes = signed::to_vec(&payload).unwrap();
        assert_eq!(with_config(&bytes, &Object::new()).unwrap(), bytes);
        let config = json!({ "b": [1], "1": "x" });
        let expected = signed::to_vec(&json!({ "event": event, "conversation": {}, "config": config })).unwrap();
        assert_eq!(with_config(&bytes, config.as_object().unwrap()).unwrap(), expected);
    }
}
