//! Conversations.

use layer_store::StoreError;
use layer_store::model::{AppKey, ConversationKey, ConversationRecord, NewConversationRecord};
use layer_wire::{ConversationId, UserId};
use sha2::{Digest as _, Sha256};

use super::sql::{Row, Sql};
use super::{content, deletion, membership, message, scheduled_message};

/// The columns that [`read`] expects, in its order.
pub const COLUMNS: &str = "conversations.key, conversations.uuid, conversations.created_at, conversations.active_at, \
     conversations.participants, conversations.metadata, conversations.distinct_key IS NOT NULL, \
     conversations.is_deleted, conversations.message_count, conversations.last_position";

/// How many columns [`read`] takes.
pub const COLUMN_COUNT: usize = 10;

/// Message keys are made of the key of their conversation, shifted by 32 bits, and must not become negative.
const MAX_KEY: i64 = 0x7FFF_FFFF;

/// Reads the [`COLUMNS`].
pub fn read(row: &Row<'_>) -> Result<ConversationRecord, StoreError> {
    let participants: Vec<String> = row.json(4)?;
    Ok(ConversationRecord {
        key: ConversationKey(row.get(0)?),
        id: ConversationId::new(row.uuid(1)?),
        created_at: row.time(2)?,
        active_at: row.time(3)?,
        participants: participants.into_iter().map(UserId::trusted).collect(),
        metadata: row.json(5)?,
        is_distinct: row.get(6)?,
        is_deleted: row.get(7)?,
        message_count: row.count(8)?,
        last_position: row.get(9)?,
    })
}

pub fn get(sql: Sql<'_>, app: AppKey, id: ConversationId) -> Result<Option<ConversationRecord>, StoreError> {
    sql.prepare(&format!("SELECT {COLUMNS} FROM conversations WHERE app = ?1 AND uuid = ?2"))?
        .first((app.0, id.uuid().as_bytes()), read)
}

pub fn find_distinct(
    sql: Sql<'_>,
    app: AppKey,
    participants: &[UserId],
) -> Result<Option<ConversationRecord>, StoreError> {
    sql.prepare(&format!("SELECT {COLUMNS} FROM conversations WHERE app = ?1 AND distinct_key = ?2"))?
        .first((app.0, distinct_key(participants)), read)
}

/// A hash of the set of participants: the same for every order.
fn distinct_key(participants: &[UserId]) -> [u8; 32] {
    let mut sorted: Vec<&str> = participants.iter().map(UserId::as_str).collect();
    sorted.sort_unstable();
    let mut hash = Sha256::new();
    for user in sorted {
        // A user id holds no NUL, so this separates one from the next.
        hash.update(user.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

pub fn insert(sql: Sql<'_>, app: AppKey, new: NewConversationRecord) -> Result<ConversationRecord, StoreError> {
    sql.prepare(
        "INSERT INTO conversations (app, uuid, created_at, active_at, participants, metadata, distinct_key)
             VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6)",
    )?
    .run((
        app.0,
        new.id.uuid().as_bytes(),
        new.created_at.as_ms(),
        serde_json::to_string(&new.participants)?,
        serde_json::to_string(&new.metadata)?,
        new.is_distinct.then(|| distinct_key(&new.participants)),
    ))?;
    let key = sql.last_key();
    if key > MAX_KEY {
        return Err(StoreError::Failed("the database is full of conversations".into()));
    }
    let record = ConversationRecord {
        key: ConversationKey(key),
        id: new.id,
        created_at: new.created_at,
        active_at: new.created_at,
        participants: new.participants,
        is_distinct: new.is_distinct,
        metadata: new.metadata,
        is_deleted: false,
        message_count: 0,
        last_position: 0,
    };
    for user in &record.participants {
        membership::join(sql, app, user, &record)?;
    }
    Ok(record)
}

pub fn update(sql: Sql<'_>, app: AppKey, changed: &ConversationRecord) -> Result<(), StoreError> {
    let before = get(sql, app, changed.id)?.ok_or(StoreError::Lost)?;
    // Remove leavers first: joiners must not start following them.
    for user in before.participants.iter().filter(|user| !changed.participants.contains(user)) {
        membership::leave(sql, app, user, &before)?;
        scheduled_message::cancel(sql, &before, Some(user))?;
    }
    for user in changed.participants.iter().filter(|user| !before.participants.contains(user)) {
        membership::join(sql, app, user, &before)?;
    }
    sql.prepare("UPDATE conversations SET participants = ?2, metadata = ?3, distinct_key = ?4 WHERE key = ?1")?.run(
        (
            changed.key.0,
            serde_json::to_string(&changed.participants)?,
            serde_json::to_string(&changed.metadata)?,
            changed.is_distinct.then(|| distinct_key(&changed.participants)),
        ),
    )?;
    Ok(())
}

/// The row stays, without content, so that the id stays in use and reads can answer that the conversation is gone.
pub fn delete(sql: Sql<'_>, app: AppKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
    message::delete_all(sql, app, conversation)?;
    content::delete_all(sql, conversation)?;
    deletion::forget_all(sql, conversation)?;
    scheduled_message::cancel(sql, conversation, None)?;
    membership::delete_all(sql, conversation)?;
    sql.prepare(
        "UPDATE conversations SET is_deleted = 1, participants = '[]', metadata = '{}', distinct_key = NULL,
             message_count = 0 WHERE key = ?1",
    )?
    .run([conversation.key.0])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(users: &[&str]) -> [u8; 32] {
        distinct_key(&users.iter().map(|user| UserId::parse(*user).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn the_distinct_key_depends_on_the_set_of_participants_only() {
        assert_eq!(key(&["a", "b"]), key(&["b", "a"]));
        assert_ne!(key(&["a", "b"]), key(&["a", "b", "c"]));
        assert_ne!(key(&["ab"]), key(&["a", "b"]));
    }
}
