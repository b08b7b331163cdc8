//! Messages that are to be sent later.

use layer_wire::message::{RecipientStatus, Sender};
use layer_wire::part::Part;
use layer_wire::{ConversationId, MessageId, Timestamp, UserId};

use crate::StoreError;
use crate::app::IdUse;
use crate::conversation::ConversationRecord;
use crate::held::{Held, Inserted};
use crate::key::AppKey;
use crate::message::MessageRecord;
use crate::page::{Weighed, weight_of_parts};

/// A message that is to be sent later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledMessageRecord {
    /// The id that it will have, in use from now on.
    pub id: MessageId,
    /// The conversation it will be in.
    pub conversation: ConversationId,
    /// When it is to be sent.
    pub due_at: Timestamp,
    /// From when on its sender seems to type, if at all.
    pub typing_at: Option<Timestamp>,
    /// The sender.
    pub sender: Sender,
    /// Its parts.
    pub parts: Vec<Part>,
}

impl Weighed for (AppKey, Held<ScheduledMessageRecord>) {
    fn weight(&self) -> usize {
        weight_of_parts(&self.1.parts)
    }
}

/// A user who seems to type, because a message of it is due soon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Typist {
    /// The app.
    pub app: AppKey,
    /// The user.
    pub user: UserId,
    /// Where it types.
    pub conversation: ConversationId,
    /// The message.
    pub message: MessageId,
}

/// What is to be sent later.
pub trait ScheduledMessageReads {
    /// A message that is to be sent later.
    fn scheduled_message(&self, app: AppKey, id: MessageId) -> Result<Option<ScheduledMessageRecord>, StoreError>;

    /// When the next message of any app is due.
    fn next_scheduled_message(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Those of any app who seem to type at `now`, at most `limit`.
    fn typists(&self, now: Timestamp, limit: usize) -> Result<Vec<Typist>, StoreError>;

    /// When the next one of any app seems to begin to type, after `now`.
    fn next_typist(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;
}

/// The queue of what is to be sent later. The rich content that it refers to is kept meanwhile. What a participant had
/// scheduled goes when it leaves, and with a conversation everything; the ids stay in use.
pub trait ScheduledMessageWrites {
    /// Adds a message, behind those that are due at the same time.
    fn insert_scheduled_message(
        &mut self,
        app: AppKey,
        conversation: &Held<ConversationRecord>,
        new: &ScheduledMessageRecord,
    ) -> Result<Inserted<(), IdUse>, StoreError>;

    /// The messages of all apps that are due at `now`, in the order in which they are to be sent, at most `limit`.
    /// Those that another write holds are left out: they are being sent.
    fn hold_due_messages(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(AppKey, Held<ScheduledMessageRecord>)>, StoreError>;

    /// Sends a message: takes it out of the queue and appends it to its conversation, hidden from some participants as
    /// with [`crate::message::NewMessageRecord::hidden_from`].
    fn send_scheduled_message(
        &mut self,
        app: AppKey,
        conversation: &mut Held<ConversationRecord>,
        message: &Held<ScheduledMessageRecord>,
        sent_at: Timestamp,
        recipient_status: RecipientStatus,
        hidden_from: Vec<UserId>,
    ) -> Result<MessageRecord, StoreError>;
}
