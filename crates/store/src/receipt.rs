//! Receipts: how far messages got with their recipients.

use layer_wire::UserId;
use layer_wire::message::Status;

use crate::StoreError;
use crate::conversation::ConversationRecord;
use crate::held::Held;
use crate::key::AppKey;
use crate::message::MessageRecord;

/// What receipts change. What a user has not read yet is counted with it.
pub trait ReceiptWrites {
    /// Raises the status of a message with a user; `false` when it is that high already, or the user is not a
    /// recipient.
    fn raise_status(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        message: &mut Held<MessageRecord>,
        status: Status,
    ) -> Result<bool, StoreError>;

    /// Goes through the next messages that a participant has perhaps not read, oldest first, and marks them as read: at
    /// most `limit`, and none behind the position `up_to`. The place that it came to is kept.
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
