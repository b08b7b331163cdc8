//! Changes of parts: they rewrite the row of their message.

use layer_wire::Timestamp;

use super::{Session, codec, content, message};
use crate::store::StoreError;
use crate::store::model::{AppKey, ConversationRecord, MessageRecord};
use crate::store::part::PartWrites;

impl PartWrites for Session<'_> {
    fn put_parts(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        before: &MessageRecord,
        after: &MessageRecord,
    ) -> Result<(), StoreError> {
        self.connection.prepare_cached("UPDATE messages SET parts = ?2, updated_at = ?3 WHERE key = ?1")?.execute((
            message::key(conversation, after.position),
            codec::encode_parts(after.id.uuid(), &after.parts),
            after.updated_at.map(Timestamp::as_ms),
        ))?;
        // First the new ones, so that nothing is given up in between.
        content::retain(self.connection, app, &content::referenced(&after.parts))?;
        content::release(self.connection, app, &content::referenced(&before.parts))
    }
}
