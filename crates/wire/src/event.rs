//! Webhook events: their names in each version, and the payloads that deliveries carry. Contract 6.4 and 6.5.

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::body::Object;
use crate::message::{ShownSender, Status};
use crate::timestamp::Timestamp;
use crate::version::Version;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A conversation was created, with metadata or without.
    ConversationCreated,
    /// Participants came or went.
    ConversationParticipantsUpdated,
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

/// An event that came with version 3.0.
const fn in_3_0(kind: Kind, name: &'static str) -> Names {
    Names { kind, in_1_0: None, in_2_0: None, in_3_0: Some(name) }
}

/// The names of the events. Those of 2.0 and 3.0 for updated and deleted conversations and for deleted messages are (assumed,
/// contract 6.5).
const NAMES: [Names; 12] = [
    in_all(Kind::ConversationCreated, "conversation.created", "Conversation.created"),
    in_all(
        Kind::ConversationParticipantsUpdated,
        "conversation.updated.participants",
        "Conversation.updated.participants",
    ),
    in_all(Kind::ConversationMetadataUpdated, "conversation.updated.metadata", "Conversation.updated.metadata"),
    in_all(Kind::ConversationDeleted, "conversation.deleted", "Conversation.deleted"),
    in_all(Kind::MessageSent, "message.sent", "Message.created"),
    Names {
        kind: Kind::MessageUpdated,
        in_1_0: None,
        in_2_0: Some("Message.updated"),
        in_3_0: Some("Message.updated"),
    },
    in_all(Kind::MessageDeleted, "message.deleted", "Message.deleted"),
    in_all(Kind::MessageDelivered, "message.delivered", "Receipt.created"),
    in_all(Kind::MessageRead, "message.read", "Receipt.created"),
    in_3_0(Kind::PartCreated, "MessagePart.created"),
    in_3_0(Kind::PartUpdated, "MessagePart.updated"),
    in_3_0(Kind::PartDeleted, "MessagePart.deleted"),
];

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

/// The names of all events that a version has, some of them more than once.
pub fn names(version: Version) -> impl Iterator<Item = &'static str> {
    NAMES.iter().filter_map(move |names| names.kind.name(version))
}

/// Whether a webhook of a version may ask for an event of this name: in 1.0 only for those that exist, later for any of the form
/// `Word.word` or `Word.word.word`, since not all names are known (assumed, contract 6.5).
pub fn is_name(name: &str, version: Version) -> bool {
    if version <= Version::V1_1 {
        return names(version).any(|known| known == name);
    }
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let mut words = name.split('.');
    let noun = words.next().unwrap_or_default();
    let is_noun = noun.starts_with(|first: char| first.is_ascii_uppercase())
        && noun.bytes().all(|byte| byte.is_ascii_alphabetic());
    let verbs: Vec<_> = words.collect();
    is_noun && matches!(verbs.len(), 1 | 2) && verbs.into_iter().all(is_word)
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
    /// The object that the webhook was registered with. An empty one is left out (assumed).
    pub config: &'a Object,
}

impl Envelope<'_> {
    /// The payload about `subject`, the members that tell what the event is about.
    ///
    /// In 1.0 the actor stands inside `event`, and not in conversation events; later it stands beside it. It is absent wherever nobody
    /// is known to have acted: a request with the app's token is nobody's (assumed).
    pub fn payload(self, version: Version, actor: Option<&ShownSender>, subject: Object) -> Object {
        let mut event = Object::new();
        event.insert("created_at".into(), json!(self.created_at));
        event.insert("type".into(), json!(self.name));
        event.insert("id".into(), json!(self.id.to_string()));
        let mut payload = Object::new();
        if let Some(actor) = actor {
            let holder = if version.has_identities() { &mut payload } else { &mut event };
            holder.insert("actor".into(), json!(actor));
        }
        payload.insert("event".into(), Value::Object(event));
        payload.extend(subject);
        if !self.config.is_empty() {
            payload.insert("config".into(), Value::Object(self.config.clone()));
        }
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

/// What `Receipt.created` tells of a receipt: it is for all messages from one position to another. The values of `type` and the
/// members of `positions` are (assumed, contract 6.5).
pub fn receipt(status: Status, start: u32, end: u32) -> Value {
    let kind = if status == Status::Read { "read" } else { "delivery" };
    json!({ "type": kind, "positions": { "start": start, "end": end } })
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
        let mut names: Vec<_> = names(Version::V1_0).collect();
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
            assert!(names(version).all(|name| is_name(name, version)));
        }
        assert_eq!(EventKind::PartCreated.name(Version::V2_0), None);
        assert_eq!(EventKind::PartCreated.name(Version::V3_0), Some("MessagePart.created"));
        assert_eq!(EventKind::MessageUpdated.name(Version::V1_0), None);
    }

    #[test]
    fn an_empty_config_is_left_out() {
        let envelope = Envelope {
            id: Uuid::nil(),
            name: "conversation.created",
            created_at: Timestamp::from_ms(0),
            config: &Object::new(),
        };
        let subject = json!({ "conversation": {} }).as_object().cloned().unwrap();
        let payload = Value::Object(envelope.payload(Version::V1_0, None, subject));
        let event = json!({
            "created_at": "1970-01-01T00:00:00.000Z", "type": "conversation.created", "id": Uuid::nil().to_string()
        });
        assert_eq!(payload, json!({ "event": event, "conversation": {} }));
    }
}
