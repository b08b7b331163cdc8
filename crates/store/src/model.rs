//! What the store keeps, as the services see it.

use layer_wire::body::Object;
use layer_wire::identity::Profile;
use layer_wire::message::{self, RecipientStatus, Sender};
use layer_wire::page::MAX_PAGE_BYTES;
use layer_wire::part::Part;
use layer_wire::{AnnouncementId, ConversationId, MessageId, Timestamp, UserId, announcement, conversation};
use serde_json::Value;

use super::announcement::AnnouncementCopy;
use super::scheduled_message::ScheduledMessageRecord;
use super::webhook::DeliveryRecord;
use crate::token::TokenHash;

/// Something of which a page is made, with about what it takes up in memory.
///
/// A list that is read ends when it is as long as asked for, or with the item after the one with which it came to weigh
/// [`MAX_PAGE_BYTES`]: that item only shows that more follow.
pub trait Weighed {
    /// Unit: bytes.
    fn weight(&self) -> usize;
}

/// What a part takes up beside its bytes, and what a user does beside its id.
const PER_PART: usize = 160;
const PER_USER: usize = 64;

/// The items of a list on their way into memory.
pub struct Gathered<Item> {
    items: Vec<Item>,
    weight: usize,
    is_full: bool,
}

impl<Item> Default for Gathered<Item> {
    fn default() -> Self {
        Self { items: vec![], weight: 0, is_full: false }
    }
}

impl<Item: Weighed> Gathered<Item> {
    /// Adds the next item. `false` when it was the last for which there is room.
    pub fn add(&mut self, item: Item) -> bool {
        self.is_full = self.weight >= MAX_PAGE_BYTES;
        self.weight += item.weight();
        self.items.push(item);
        !self.is_full
    }

    /// The items, and whether the list ended for want of room.
    pub fn into_parts(self) -> (Vec<Item>, bool) {
        (self.items, self.is_full)
    }

    /// The items.
    pub fn into_items(self) -> Vec<Item> {
        self.items
    }
}

fn weight_of_parts(parts: &[Part]) -> usize {
    parts.iter().map(|part| PER_PART + part.length()).sum()
}

fn weight_of_users<'a>(users: impl IntoIterator<Item = &'a UserId>) -> usize {
    users.into_iter().map(|user| PER_USER + user.as_str().len()).sum()
}

/// What a JSON object takes up: strings, and objects of such.
pub fn weight_of_object(object: &Object) -> usize {
    let weight = |(key, value): (&String, &Value)| {
        let of_value = match value {
            Value::String(text) => text.len(),
            Value::Object(object) => 450 + weight_of_object(object),
            _ => 0,
        };
        150 + key.len() + of_value
    };
    object.iter().map(weight).sum()
}

impl Weighed for MessageRecord {
    fn weight(&self) -> usize {
        weight_of_parts(&self.parts) + weight_of_users(self.recipient_status.0.iter().map(|(user, _)| user))
    }
}

impl Weighed for ConversationRecord {
    fn weight(&self) -> usize {
        weight_of_users(&self.participants) + weight_of_object(&self.metadata)
    }
}

impl Weighed for (ConversationRecord, Membership) {
    fn weight(&self) -> usize {
        self.0.weight()
    }
}

impl Weighed for AnnouncementCopy {
    fn weight(&self) -> usize {
        weight_of_parts(&self.announcement.parts) + weight_of_users(&self.announcement.recipients)
    }
}

impl Weighed for (AppKey, ScheduledMessageRecord) {
    fn weight(&self) -> usize {
        weight_of_parts(&self.1.parts)
    }
}

impl Weighed for (i64, Vec<u8>) {
    fn weight(&self) -> usize {
        self.1.len()
    }
}

impl Weighed for DeliveryRecord {
    fn weight(&self) -> usize {
        self.body.len()
    }
}

impl Weighed for Profile {
    fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        200 + length(&self.display_name) + length(&self.avatar_url)
    }
}

/// Names an app inside the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AppKey(pub i64);

/// Names a conversation inside the store; later conversations have larger keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConversationKey(pub i64);

/// An app.
#[derive(Debug, Clone)]
pub struct AppRecord {
    /// Its name inside the store.
    pub key: AppKey,
    /// The hashes of its tokens.
    pub tokens: Vec<TokenHash>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRecord {
    /// Its name inside the store.
    pub key: ConversationKey,
    /// Its id.
    pub id: ConversationId,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its participants, in the order sent.
    pub participants: Vec<UserId>,
    /// Whether it is the only one among exactly these participants.
    pub is_distinct: bool,
    /// Its metadata.
    pub metadata: Object,
    /// Whether it was deleted; then participants and metadata are gone.
    pub is_deleted: bool,
    /// How many messages it has.
    pub message_count: u64,
    /// The position of its newest message ever, 0 before the first.
    pub last_position: u32,
    /// When its newest message was sent, or when it was created, if it has none.
    pub active_at: Timestamp,
}

impl From<ConversationRecord> for conversation::Shown {
    fn from(record: ConversationRecord) -> Self {
        Self {
            id: record.id,
            created_at: record.created_at,
            participants: record.participants,
            is_distinct: record.is_distinct,
            metadata: record.metadata,
        }
    }
}

/// A conversation to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewConversationRecord {
    /// Its id.
    pub id: ConversationId,
    /// When it is created.
    pub created_at: Timestamp,
    /// Its participants, in the order sent.
    pub participants: Vec<UserId>,
    /// Whether it is the only one among exactly these participants.
    pub is_distinct: bool,
    /// Its metadata.
    pub metadata: Object,
}

/// How a user is or was a member of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// For a former member, the position of the last message that it can see.
    pub left_position: Option<u32>,
    /// Whether the user deleted the conversation for itself, and no message has brought it back since.
    pub is_deleted: bool,
    /// Messages up to this position are gone for the user, because it deleted the conversation for itself.
    pub deleted_position: u32,
    /// How many messages that are still there the user deleted for itself, with the conversation or one by one.
    pub deleted_count: u64,
    /// No message up to this position is unread.
    pub read_position: u32,
    /// How many messages of the conversation the user can see.
    pub visible_count: u64,
    /// How many of these are unread.
    pub unread_count: u64,
}

impl Membership {
    /// Whether the user is a participant now.
    pub fn is_current(self) -> bool {
        self.left_position.is_none()
    }

    /// Where the messages are that the user can see, beginning after `after` in the order of lists. Those that it deleted one by
    /// one lie among them.
    pub fn visible(self, after: Option<u32>) -> PositionRange {
        PositionRange { after, up_to: self.left_position, above: self.deleted_position }
    }

    /// Whether the message at this position is where the user can see it.
    pub fn can_see(self, position: u32) -> bool {
        position > self.deleted_position && self.left_position.is_none_or(|left| position <= left)
    }
}

/// What a user has not read. Contract 2.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnreadCounts {
    /// What the application counts elsewhere, as it said last.
    pub external: u32,
    /// Conversations with unread messages.
    pub conversations: u64,
    /// Unread messages of all conversations.
    pub messages: u64,
}

/// Which positions of a conversation to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PositionRange {
    /// Begin after this message, in the order of the list: newest first, so with smaller positions.
    pub after: Option<u32>,
    /// Leave out larger positions.
    pub up_to: Option<u32>,
    /// Leave out this position and smaller ones.
    pub above: u32,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// Its id.
    pub id: MessageId,
    /// The conversation it is in.
    pub conversation: ConversationId,
    /// Its place in the conversation, from 1.
    pub position: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When one of its parts was changed, added or removed last.
    pub updated_at: Option<Timestamp>,
    /// Who sent it.
    pub sender: Sender,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Its status.
    pub recipient_status: RecipientStatus,
}

impl From<MessageRecord> for message::Shown {
    fn from(record: MessageRecord) -> Self {
        Self {
            id: record.id,
            conversation: record.conversation,
            position: record.position,
            sent_at: record.sent_at,
            updated_at: record.updated_at,
            sender: record.sender,
            parts: record.parts,
            recipient_status: record.recipient_status,
        }
    }
}

/// A message to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessageRecord {
    /// Its id.
    pub id: MessageId,
    /// When it is sent.
    pub sent_at: Timestamp,
    /// Who sends it.
    pub sender: Sender,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Its status.
    pub recipient_status: RecipientStatus,
}

/// An announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncementRecord {
    /// Its id.
    pub id: AnnouncementId,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Who gets it; they need not exist.
    pub recipients: Vec<UserId>,
    /// Who sent it.
    pub sender: Sender,
    /// Its parts.
    pub parts: Vec<Part>,
}

impl From<AnnouncementRecord> for announcement::Shown {
    fn from(record: AnnouncementRecord) -> Self {
        Self {
            id: record.id,
            sent_at: record.sent_at,
            recipients: record.recipients,
            sender: record.sender,
            parts: record.parts,
        }
    }
}

/// What an id is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdUse {
    /// A conversation, perhaps a deleted one.
    Conversation,
    /// A message.
    Message,
    /// An announcement.
    Announcement,
    /// A message that is to be sent later.
    ScheduledMessage,
    /// A message that was deleted, or that was to be sent and no longer is.
    DeletedMessage,
}
