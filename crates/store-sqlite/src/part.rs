//! Changes of parts: they rewrite the row of their message.

use layer_store::StoreError;
use layer_store::codec;
use layer_store::model::{AppKey, ConversationRecord, MessageRecord};
use layer_store::part::PartWrites;
use layer_wire::Timestamp;

use super::{Session, content, message};

impl PartWrites for Session<'_> {
    fn put_parts(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        before: &MessageRecord,
        after: &MessageRecord,
    ) -> Result<(), StoreError> {
        self.sql.prepare("UPDATE messages SET parts = ?2, updated_at = ?3 WHERE key = ?1")?.run((
            message::key(conversation, after.position),
            codec::encode_parts(after.id.uuid(), &after.parts),
            after.updated_at.map(Timestamp::as_ms),
        ))?;
        // First the new ones, so that nothing is given up in between.
        content::retain(self.sql, app, &content::referenced(&after.parts))?;
        content::release(self.sql, app, &content::referenced(&before.parts))
    }
}
