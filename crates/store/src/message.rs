//! Messages: sent, listed, changed, deleted.

use layer_wire::message::{self, RecipientStatus, Sender};
use layer_wire::part::Part;
use layer_wire::{ConversationId, MessageId, Timestamp, UserId};

use crate::StoreError;
use crate::app::IdUse;
use crate::conversation::ConversationRecord;
use crate::held::{Held, Inserted};
use crate::key::AppKey;
use crate::membership::Membership;

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

/// What can be read of messages.
pub trait MessageReads {
    /// A message.
    fn message(&self, app: AppKey, id: MessageId) -> Result<Option<MessageRecord>, StoreError>;

    /// The messages of a conversation within a range of positions, newest first, at most `limit`.
    fn messages(
        &self,
        conversation: &ConversationRecord,
        range: PositionRange,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError>;

    /// The messages that a member can see, newest first: at most `limit`, beginning after the position `after`.
    fn messages_of(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        membership: Membership,
        after: Option<u32>,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError>;

    /// Whether a user deleted this one message for itself.
    fn has_deleted_message(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        position: u32,
    ) -> Result<bool, StoreError>;
}

/// What can be written of messages. Rich content that they refer to is kept, and given up once nothing refers to it any
/// more.
pub trait MessageWrites {
    /// A message that nobody else changes until the end of the write.
    fn hold_message(&mut self, app: AppKey, id: MessageId) -> Result<Option<Held<MessageRecord>>, StoreError>;

    /// Adds a message at the next position of a conversation, which comes back to the participants who deleted it for
    /// themselves.
    fn append_message(
        &mut self,
        app: AppKey,
        conversation: &mut Held<ConversationRecord>,
        new: NewMessageRecord,
    ) -> Result<Inserted<MessageRecord, IdUse>, StoreError>;

    /// Replaces the parts of a message, which was updated at `updated_at` by that.
    fn put_parts(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        message: &mut Held<MessageRecord>,
        parts: Vec<Part>,
        updated_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Deletes a message. Its id stays in use.
    fn delete_message(
        &mut self,
        app: AppKey,
        conversation: &mut Held<ConversationRecord>,
        message: &Held<MessageRecord>,
    ) -> Result<(), StoreError>;

    /// Deletes a message for a member who can see it. Others do not notice.
    fn delete_message_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        message: &Held<MessageRecord>,
    ) -> Result<(), StoreError>;
}
