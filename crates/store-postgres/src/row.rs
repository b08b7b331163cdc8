//! The row of a conversation, which more than one noun reads.

use layer_store::StoreError;
use layer_store::conversation::ConversationRecord;
use layer_store::key::ConversationKey;
use layer_wire::{ConversationId, UserId};

use super::sql::Row;

/// The columns that [`read_conversation`] expects, in its order.
pub const CONVERSATION_COLUMNS: &str = "conversations.key, conversations.uuid, conversations.created_at, conversations.active_at, \
     conversations.participants, conversations.metadata, conversations.distinct_key IS NOT NULL, \
     conversations.is_deleted, conversations.message_count, conversations.last_position, \
     conversations.revision";

/// How many columns [`read_conversation`] takes.
pub const CONVERSATION_COLUMN_COUNT: usize = 11;

/// Reads the [`CONVERSATION_COLUMNS`].
pub fn read_conversation(row: &Row) -> Result<ConversationRecord, StoreError> {
    let participants: Vec<String> = row.json(4)?;
    Ok(ConversationRecord {
        key: ConversationKey::from_number(row.get(0)?),
        id: ConversationId::new(row.uuid(1)?),
        created_at: row.time(2)?,
        active_at: row.time(3)?,
        participants: participants.into_iter().map(UserId::trusted).collect(),
        metadata: row.json(5)?,
        is_distinct: row.get(6)?,
        is_deleted: row.get(7)?,
        message_count: row.count(8)?,
        last_position: row.get(9)?,
        revision: row.count(10)?,
    })
}
