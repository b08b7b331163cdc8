//! What receipts ask of the store.

use layer_wire::UserId;
use layer_wire::message::Status;

use crate::StoreError;
use crate::model::{AppKey, ConversationRecord, MessageRecord};

/// What receipts change.
pub trait ReceiptWrites {
    /// Keeps the recipient status of a message in which the status with `user` was raised to `status`. What the user has not read
    /// yet is counted anew.
    fn put_recipient_status(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        message: &MessageRecord,
        status: Status,
    ) -> Result<(), StoreError>;

    /// Goes through the next messages that a participant has perhaps not read, oldest first, and marks them as read: at most
    /// `limit`, and none behind the position `up_to`. The place that it came to is kept.
    fn mark_read(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        up_to: u32,
        limit: usize,
    ) -> Result<MarkedRead, StoreError>;
}

/// What [`ReceiptWrites::mark_read`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedRead {
    /// The messages that were unread, as they are now.
    pub messages: Vec<MessageRecord>,
    /// Whether nothing is left to look at.
    pub is_done: bool,
}
