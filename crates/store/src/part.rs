//! What changes of the parts of a message that was sent.

use crate::StoreError;
use crate::model::{AppKey, ConversationRecord, MessageRecord};

/// Changes of parts.
pub trait PartWrites {
    /// Keeps the parts of a message and when they changed: `before` becomes `after`. Rich content that nothing refers to any more is
    /// given up.
    fn put_parts(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        before: &MessageRecord,
        after: &MessageRecord,
    ) -> Result<(), StoreError>;
}
