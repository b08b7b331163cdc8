//! Packets, as text. Client API 5.1 to 5.5.

use std::collections::HashMap;
use std::sync::Arc;

use layer_store::log::{ConversationChanges, PartChanges};
use layer_wire::client_api::DeletionMode;
use layer_wire::message::{MessageRecord, Status};
use layer_wire::part::{PartForm, ShownPart};
use layer_wire::view::Identities;
use layer_wire::{ConversationId, PartId, Timestamp, UserId, Version};
use serde::Serialize;
use serde_json::{Value, json};

use super::listener::Listener;
use crate::http::render::UserView;
use crate::service::live::{LastMessage, Told};

/// What kind of packet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something changed.
    Change,
    /// Something was done to many objects at once.
    Operation,
    /// The answer to a request.
    Response,
    /// Something that passes.
    Signal,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Operation => "operation",
            Self::Response => "response",
            Self::Signal => "signal",
        }
    }
}

/// A packet without what every socket counts by itself.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Its kind.
    pub kind: Kind,
    /// Its body, as JSON.
    pub body: Arc<str>,
}

impl Packet {
    /// A packet with this body.
    pub fn new(kind: Kind, body: &impl Serialize) -> Self {
        // What is shown can always be serialised: its keys are texts.
        Self { kind, body: serde_json::to_string(body).unwrap_or_default().into() }
    }

    /// The packet as it goes over one socket.
    pub fn text(&self, counter: u64, timestamp: Timestamp) -> String {
        let (kind, body) = (self.kind.name(), &self.body);
        format!(r#"{{"type":"{kind}","counter":{counter},"timestamp":"{timestamp}","body":{body}}}"#)
    }
}

#[derive(Serialize)]
struct Object {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    url: String,
}

#[derive(Serialize)]
struct ChangeBody<'a, Data> {
    operation: &'static str,
    object: Object,
    data: &'a Data,
}

fn set(property: impl Into<String>, value: impl Into<Value>) -> Value {
    json!({ "operation": "set", "property": property.into(), "value": value.into() })
}

/// A key as a step of a path: dots in it are not those between steps.
fn escaped(key: &str) -> String {
    key.replace('\\', "\\\\").replace('.', "\\.")
}

/// Packets for one user in one version.
pub struct Writer<'a> {
    view: &'a UserView,
}

impl<'a> Writer<'a> {
    /// `view` is that of the user.
    pub fn new(view: &'a UserView) -> Self {
        Self { view }
    }

    fn version(&self) -> Version {
        self.view.view().version
    }

    fn change(operation: &'static str, object: Object, data: &impl Serialize) -> Packet {
        Packet::new(Kind::Change, &ChangeBody { operation, object, data })
    }

    fn update(&self, object: Object, operations: &[Value]) -> Packet {
        let word = if self.version().has_identities() { "update" } else { "patch" };
        Self::change(word, object, &operations)
    }

    fn conversation(&self, id: ConversationId) -> Object {
        Object { kind: "Conversation", id: id.to_string(), url: self.view.view().urls.conversation(id) }
    }

    fn message(&self, id: layer_wire::MessageId) -> Object {
        Object { kind: "Message", id: id.to_string(), url: self.view.view().urls.short_message(id) }
    }

    fn announcement(&self, id: layer_wire::AnnouncementId) -> Object {
        Object { kind: "Announcement", id: id.to_string(), url: self.view.view().urls.announcement(id) }
    }

    fn identity(&self, user: &UserId) -> Object {
        Object { kind: "Identity", id: user.identity_id(), url: self.view.view().urls.identity(user) }
    }

    /// A message that is new.
    fn created_message(&self, message: &Arc<MessageRecord>) -> Packet {
        let shown = self.view.message(MessageRecord::clone(message));
        Self::change("create", self.message(message.id), &shown)
    }

    /// What a user is told, as packets.
    fn packets(&self, told: &Told) -> Vec<Packet> {
        match told {
            Told::ConversationCreated(seen) => {
                let object = self.conversation(seen.conversation.id);
                vec![Self::change("create", object, &self.view.conversation((**seen).clone()))]
            }
            Told::ConversationChanged { id, changes } => {
                let operations = self.operations(changes);
                if operations.is_empty() { vec![] } else { vec![self.update(self.conversation(*id), &operations)] }
            }
            Told::ConversationDeleted { id, mode } => {
                let data = json!({ "mode": name(*mode), "from_position": null });
                vec![Self::change("delete", self.conversation(*id), &data)]
            }
            Told::MessageSent { message, unread } => {
                vec![self.created_message(message), self.arrived(message, *unread)]
            }
            Told::PartsChanged { message, parts } => self.parts_changed(message, parts),
            Told::MessageDeleted { id, mode, conversation, last_message, unread } => {
                let deleted = Self::change("delete", self.message(*id), &json!({ "mode": name(*mode) }));
                let mut operations = vec![set("unread_message_count", *unread)];
                match last_message {
                    LastMessage::Same => {}
                    LastMessage::Gone => operations.insert(0, set("last_message", Value::Null)),
                    LastMessage::Now(last) => {
                        let last = json!({ "operation": "set", "property": "last_message", "id": last });
                        operations.insert(0, last);
                    }
                }
                vec![deleted, self.update(self.conversation(*conversation), &operations)]
            }
            Told::Receipt { .. } => self.receipt(told),
            Told::AnnouncementSent(copy) => {
                let object = self.announcement(copy.announcement.id);
                vec![Self::change("create", object, &self.view.announcement((**copy).clone()))]
            }
            Told::AnnouncementStatus { id, status } => {
                let operation = self.status(self.view.user(), *status);
                vec![self.update(self.announcement(*id), &[operation])]
            }
            Told::AnnouncementDeleted { id } => {
                vec![Self::change("delete", self.announcement(*id), &json!({}))]
            }
            // 1.0 knows no identities.
            Told::Identity { .. } | Told::IdentityDeleted { .. } if !self.version().has_identities() => vec![],
            Told::Identity { user, fields, changed } => {
                let shown = self.view.identity(user, fields);
                let object = self.identity(user);
                match changed {
                    None => vec![Self::change("create", object, &shown)],
                    Some(changed) => {
                        let shown = serde_json::to_value(&shown).unwrap_or_default();
                        let operation = |name: &String| set(name.clone(), shown[name.as_str()].clone());
                        vec![self.update(object, &changed.iter().map(operation).collect::<Vec<_>>())]
                    }
                }
            }
            Told::IdentityDeleted { user } => {
                vec![Self::change("delete", self.identity(user), &Value::Null)]
            }
        }
    }

    /// What a new message changes of its conversation. It names the message, which the client has by then.
    fn arrived(&self, message: &MessageRecord, unread: Option<u64>) -> Packet {
        let mut operations = vec![json!({ "operation": "set", "property": "last_message", "id": message.id })];
        operations.extend(unread.map(|unread| set("unread_message_count", unread)));
        self.update(self.conversation(message.conversation), &operations)
    }

    fn status(&self, user: &UserId, status: Status) -> Value {
        let key = escaped(&self.view.view().user_reference(user));
        let status = if status == Status::Read { "read" } else { "delivered" };
        set(format!("recipient_status.{key}"), status)
    }

    fn receipt(&self, told: &Told) -> Vec<Packet> {
        let Told::Receipt { messages, conversation, user, status, marked, unread } = told else { return vec![] };
        let update = |id: &layer_wire::MessageId| self.update(self.message(*id), &[self.status(user, *status)]);
        let mut packets = match marked {
            Some(position) if self.version().has_identities() => {
                let body = json!({
                    "method": "Conversation.mark_all_read",
                    "object": self.conversation(*conversation),
                    "data": { "position": position, "identity": self.view.view().identity(user.clone()) },
                });
                // SDKs that do not know the operation hear of the newest message at least.
                [Packet::new(Kind::Operation, &body)].into_iter().chain(messages.last().map(update)).collect()
            }
            _ => messages.iter().map(update).collect::<Vec<_>>(),
        };
        packets.extend(
            unread.map(|unread| self.update(self.conversation(*conversation), &[set("unread_message_count", unread)])),
        );
        packets
    }

    fn operations(&self, changes: &ConversationChanges) -> Vec<Value> {
        let ConversationChanges { joined, left, is_no_longer_distinct, metadata } = changes;
        let view = self.view.view();
        let mut operations = vec![];
        for user in left {
            operations.push(if view.version.has_identities() {
                json!({ "operation": "remove", "property": "participants", "id": user.identity_id() })
            } else {
                json!({ "operation": "remove", "property": "participants", "value": user })
            });
        }
        for user in joined {
            let value = view.user(user.clone());
            operations.push(if view.version.has_identities() {
                let id = user.identity_id();
                json!({ "operation": "add", "property": "participants", "id": id, "value": value })
            } else {
                json!({ "operation": "add", "property": "participants", "value": value })
            });
        }
        if *is_no_longer_distinct {
            operations.push(set("distinct", false));
        }
        for (path, value) in metadata {
            let steps: Vec<_> = path.iter().map(|key| escaped(key)).collect();
            let property = format!("metadata.{}", steps.join("."));
            operations.push(match value {
                Some(value) => set(property, value.clone()),
                None => json!({ "operation": "delete", "property": property }),
            });
        }
        operations
    }

    /// Before 3.0 the message is told again, which takes the place of what was known of it.
    fn parts_changed(&self, message: &Arc<MessageRecord>, changes: &PartChanges) -> Vec<Packet> {
        if self.version() < Version::V3_0 {
            return vec![self.created_message(message)];
        }
        let urls = &self.view.view().urls;
        let ids: Vec<_> = message.parts.iter().map(|part| part.id).collect();
        let form = PartForm::of_reads(self.version());
        let shown = ShownPart::all(message.parts.clone(), form, message.conversation, message.id, urls);
        let shown: HashMap<_, _> = ids.into_iter().zip(shown).collect();
        let id = |part: &uuid::Uuid| PartId { message: message.id, part: *part }.to_string();
        let mut operations: Vec<Value> = changes
            .removed
            .iter()
            .map(|part| json!({ "operation": "remove", "property": "parts", "id": id(part) }))
            .collect();
        // A part that went again since is not shown.
        operations.extend(changes.added.iter().filter_map(|part| {
            let value = shown.get(part)?;
            Some(json!({ "operation": "add", "property": "parts", "id": id(part), "value": value }))
        }));
        let mut packets = vec![];
        if !operations.is_empty() {
            packets.push(self.update(self.message(message.id), &operations));
        }
        for part in &changes.changed {
            let Some(shown) = shown.get(part).and_then(|shown| serde_json::to_value(shown).ok()) else { continue };
            let names = ["mime_type", "body", "encoding", "content", "updated_at"];
            let operations: Vec<_> = names.iter().map(|name| set(*name, shown[*name].clone())).collect();
            let url = shown["url"].as_str().unwrap_or_default().to_owned();
            packets.push(self.update(Object { kind: "MessagePart", id: id(part), url }, &operations));
        }
        packets
    }

    /// That a user types, or no longer.
    pub fn typing(&self, user: &UserId, conversation: ConversationId, action: &str) -> Packet {
        let data = if self.version().has_identities() {
            json!({ "action": action, "sender": self.view.view().identity(user.clone()) })
        } else {
            json!({ "action": action, "user_id": user })
        };
        let body = json!({ "type": "typing_indicator", "object": self.conversation(conversation), "data": data });
        Packet::new(Kind::Signal, &body)
    }

    /// That the presence of a user is another one now, as the body of a change.
    pub fn presence_body(&self, user: &UserId, status: &str, last_seen_at: Option<Timestamp>) -> Value {
        let last_seen_at = serde_json::to_value(last_seen_at).unwrap_or_default();
        let operations = [set("presence.status", status), set("presence.last_seen_at", last_seen_at)];
        let body = ChangeBody { operation: "update", object: self.identity(user), data: &operations };
        serde_json::to_value(body).unwrap_or_default()
    }
}

fn name(mode: DeletionMode) -> &'static str {
    match mode {
        DeletionMode::AllParticipants => "all_participants",
        DeletionMode::MyDevices => "my_devices",
    }
}

/// Writes what several users are told of one entry. What is the same for all of them is written once.
pub struct Press<'a> {
    /// The view of a user, in which the users of the entry are known.
    view_of: &'a dyn Fn(&Listener, Identities) -> UserView,
    identities: &'a Identities,
    messages: HashMap<(Version, bool), Packet>,
}

impl<'a> Press<'a> {
    /// For one entry.
    pub fn new(view_of: &'a dyn Fn(&Listener, Identities) -> UserView, identities: &'a Identities) -> Self {
        Self { view_of, identities, messages: HashMap::new() }
    }

    /// What a user is told, as packets.
    pub fn packets(&mut self, listener: &Listener, told: &Told) -> Vec<Packet> {
        let view = (self.view_of)(listener, self.identities.clone());
        let writer = Writer::new(&view);
        let Told::MessageSent { message, unread } = told else { return writer.packets(told) };
        // The URLs of a message are the same for everyone, and so is all of it but whether it is unread.
        let key = (listener.version, message.recipient_status.is_unread_for(&listener.user));
        let created = self.messages.entry(key).or_insert_with(|| writer.created_message(message)).clone();
        vec![created, writer.arrived(message, *unread)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_backslashes_in_a_key_are_escaped() {
        assert_eq!(escaped("layer:///identities/a%40b.com"), "layer:///identities/a%40b\\.com");
        assert_eq!(escaped("a\\b"), "a\\\\b");
    }

    #[test]
    fn a_packet_is_counted_and_dated() {
        let packet = Packet::new(Kind::Signal, &json!({ "a": 1 }));
        let text = packet.text(7, Timestamp::from_ms(0));
        let expected = r#"{"type":"signal","counter":7,"timestamp":"1970-01-01T00:00:00.000Z","body":{"a":1}}"#;
        assert_eq!(text, expected);
    }
}
