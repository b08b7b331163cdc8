//! Messages: sent, listed, changed, deleted.

pub use layer_wire::message::MessageRecord;
use layer_wire::message::{RecipientStatus, Sender};
use layer_wire::part::Part;
use layer_wire::{ConversationId, MessageId, Timestamp, UserId};

use crate::StoreError;
use crate::app::IdUse;
use crate::conversation::ConversationRecord;
use crate::held::{Held, Inserted};
use crate::key::AppKey;
use crate::membership::Membership;
use crate::page::{PositionRange, Weighed, weight_of_parts, weight_of_users};

/// For engines: the two columns of a sender, user and name.
pub fn sender_columns(sender: &Sender) -> (Option<&str>, Option<&str>) {
    match sender {
        Sender::User(user) => (Some(user.as_str()), None),
        Sender::Name(name) => (None, Some(name)),
    }
}

/// For engines: the sender that two columns are of. Error: `Failed` when not one of them is filled.
pub fn sender_of_columns(user: Option<String>, name: Option<String>) -> Result<Sender, StoreError> {
    match (user, name) {
        (Some(user), None) => Ok(Sender::User(UserId::trusted(user))),
        (None, Some(name)) => Ok(Sender::Name(name)),
        _ => Err(StoreError::Failed("a row has no sender".into())),
    }
}

/// A message to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessageRecord {
    /// Its id.
    pub id: MessageId,
    /// When it is sent.
    pub sent_at: Timestamp,
    /// The sender.
    pub sender: Sender,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Its status.
    pub recipient_status: RecipientStatus,
    /// Participants who are not to see it, as if they had deleted it for themselves; it does not bring the conversation
    /// back to them.
    pub hidden_from: Vec<UserId>,
}

impl NewMessageRecord {
    /// The message as it is at a position of a conversation.
    pub fn at(self, conversation: ConversationId, position: u32) -> MessageRecord {
        let Self { id, sent_at, sender, parts, recipient_status, hidden_from: _ } = self;
        MessageRecord { id, conversation, position, sent_at, updated_at: None, sender, recipient_status, parts }
    }
}

impl Weighed for MessageRecord {
    fn weight(&self) -> usize {
        weight_of_parts(&self.parts) + weight_of_users(self.recipient_status.0.iter().map(|(user, _)| user))
    }
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
