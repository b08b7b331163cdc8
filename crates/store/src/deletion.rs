//! What deletions ask of the store that concern one user alone (mode `my_devices`).

use layer_wire::UserId;

use crate::StoreError;
use crate::model::{AppKey, ConversationRecord, Membership, MessageRecord};

/// What a user deleted for itself.
pub trait DeletionReads {
    /// Whether a user deleted this one message for itself.
    fn has_deleted_message(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        position: u32,
    ) -> Result<bool, StoreError>;

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
}

/// Deletions for one user. Others do not notice them.
pub trait DeletionWrites {
    /// Deletes a message for a member who can see it.
    fn delete_message_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        message: &MessageRecord,
    ) -> Result<(), StoreError>;

    /// Deletes a conversation, with all messages up to now, for a member. The next message brings it back to a participant.
    fn delete_conversation_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<(), StoreError>;

    /// Brings a conversation back to a member who deleted it for itself. What it deleted with it stays deleted.
    fn revive_conversation_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<(), StoreError>;
}
