//! Messages: one row each, keyed by conversation and position.

use layer_store::StoreError;
use layer_store::codec;
use layer_store::model::{AppKey, ConversationRecord, Gathered, MessageRecord, NewMessageRecord, PositionRange};
use layer_wire::message::Sender;
use layer_wire::{ConversationId, MessageId, UserId};

use super::sql::{self, Row, Sql};
use super::user::{self, UserKey};
use super::{content, deletion, membership};

/// The columns that [`read`] expects, in its order.
const COLUMNS: &str = "messages.key, messages.uuid, messages.sent_at, messages.sender_user, messages.sender_name, \
     messages.recipients, messages.parts, messages.updated_at";

/// The key of the row at a position of a conversation.
pub fn key(conversation: &ConversationRecord, position: u32) -> i64 {
    conversation.key.0 << 32 | i64::from(position)
}

/// How many columns [`read`] takes.
const COLUMN_COUNT: usize = 8;

fn read(row: &Row<'_>, conversation: ConversationId) -> Result<MessageRecord, StoreError> {
    let uuid = row.uuid(1)?;
    let key: i64 = row.get(0)?;
    let position = u32::try_from(key & 0xFFFF_FFFF).unwrap_or_default();
    Ok(MessageRecord {
        id: MessageId::new(uuid),
        conversation,
        position,
        sent_at: row.time(2)?,
        updated_at: row.optional_time(7)?,
        sender: read_sender(row, 3)?,
        recipient_status: codec::decode_recipients(row.blob(5)?)?,
        parts: codec::decode_parts(uuid, row.blob(6)?)?,
    })
}

/// Reads the sender out of two columns, user and name, beginning at column `first`.
pub fn read_sender(row: &Row<'_>, first: usize) -> Result<Sender, StoreError> {
    match (row.get(first)?, row.get(first + 1)?) {
        (Some(user), None) => Ok(Sender::User(UserId::trusted(user))),
        (None, Some(name)) => Ok(Sender::Name(name)),
        _ => Err(StoreError::Failed("a row has no sender".into())),
    }
}

/// The two columns of a sender: user and name.
pub fn sender_columns(sender: &Sender) -> (Option<&str>, Option<&str>) {
    match sender {
        Sender::User(user) => (Some(user.as_str()), None),
        Sender::Name(name) => (None, Some(name)),
    }
}

pub fn get(sql: Sql<'_>, app: AppKey, id: MessageId) -> Result<Option<MessageRecord>, StoreError> {
    sql.prepare(&format!(
        "SELECT {COLUMNS}, conversations.uuid FROM messages
             JOIN conversations ON conversations.key = messages.key >> 32
             WHERE messages.app = ?1 AND messages.uuid = ?2"
    ))?
    .first((app.0, id.uuid().as_bytes()), |row| {
        let conversation = ConversationId::new(row.uuid(COLUMN_COUNT)?);
        read(row, conversation)
    })
}

pub fn list(
    sql: Sql<'_>,
    conversation: &ConversationRecord,
    range: PositionRange,
    limit: usize,
) -> Result<Vec<MessageRecord>, StoreError> {
    list_of(sql, conversation, None, range, limit)
}

/// The messages of a range, newest first, without those that `reader` deleted for itself.
pub fn list_of(
    sql: Sql<'_>,
    conversation: &ConversationRecord,
    reader: Option<UserKey>,
    range: PositionRange,
    limit: usize,
) -> Result<Vec<MessageRecord>, StoreError> {
    let before_from = range.after.map_or(u32::MAX, |position| position.saturating_sub(1));
    let last = before_from.min(range.up_to.unwrap_or(u32::MAX));
    Ok(select(sql, conversation, reader, (range.above, last), "DESC", limit)?.into_items())
}

/// The messages above the position `above`, up to `up_to`, that `reader` did not delete for itself: oldest first, at most `limit`,
/// and whether there was no room for more.
pub fn list_oldest_first(
    sql: Sql<'_>,
    conversation: &ConversationRecord,
    reader: UserKey,
    above: u32,
    up_to: u32,
    limit: usize,
) -> Result<(Vec<MessageRecord>, bool), StoreError> {
    Ok(select(sql, conversation, Some(reader), (above, up_to), "ASC", limit)?.into_parts())
}

fn select(
    sql: Sql<'_>,
    conversation: &ConversationRecord,
    reader: Option<UserKey>,
    (above, up_to): (u32, u32),
    order: &str,
    limit: usize,
) -> Result<Gathered<MessageRecord>, StoreError> {
    let without_deleted = if reader.is_some() {
        "AND NOT EXISTS (SELECT 1 FROM message_deletions WHERE message = messages.key AND user = ?4)"
    } else {
        "AND ?4 IS NULL"
    };
    let mut statement = sql.prepare(&format!(
        "SELECT {COLUMNS} FROM messages WHERE key > ?1 AND key <= ?2 {without_deleted} ORDER BY key {order} LIMIT ?3"
    ))?;
    let limit = sql::limit(limit);
    let reader = reader.map(|reader| reader.0);
    statement
        .page((key(conversation, above), key(conversation, up_to), limit, reader), |row| read(row, conversation.id))
}

pub fn append(
    sql: Sql<'_>,
    app: AppKey,
    conversation: &ConversationRecord,
    new: NewMessageRecord,
) -> Result<MessageRecord, StoreError> {
    let full = || StoreError::Failed("the conversation is full".into());
    let position = conversation.last_position.checked_add(1).ok_or_else(full)?;
    let (sender_user, sender_name) = sender_columns(&new.sender);
    sql.prepare(
        "INSERT INTO messages (key, app, uuid, sent_at, sender_user, sender_name, recipients, parts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .run((
        key(conversation, position),
        app.0,
        new.id.uuid().as_bytes(),
        new.sent_at.as_ms(),
        sender_user,
        sender_name,
        codec::encode_recipients(&new.recipient_status),
        codec::encode_parts(new.id.uuid(), &new.parts),
    ))?;
    sql.prepare(
        "UPDATE conversations SET last_position = ?2, message_count = message_count + 1, active_at = ?3
             WHERE key = ?1",
    )?
    .run((conversation.key.0, position, new.sent_at.as_ms()))?;
    content::retain(sql, app, &content::referenced(&new.parts))?;
    membership::revive_all(sql, conversation)?;
    if let Some(user) = new.sender.user() {
        membership::settle(sql, app, user, conversation, position, 1)?;
    }
    Ok(MessageRecord {
        id: new.id,
        conversation: conversation.id,
        position,
        sent_at: new.sent_at,
        updated_at: None,
        sender: new.sender,
        parts: new.parts,
        recipient_status: new.recipient_status,
    })
}

pub fn delete(
    sql: Sql<'_>,
    app: AppKey,
    conversation: &ConversationRecord,
    message: &MessageRecord,
) -> Result<(), StoreError> {
    sql.prepare("INSERT INTO deleted_messages (app, uuid) VALUES (?1, ?2)")?
        .run((app.0, message.id.uuid().as_bytes()))?;
    sql.prepare("DELETE FROM messages WHERE key = ?1")?.run([key(conversation, message.position)])?;
    content::release(sql, app, &content::referenced(&message.parts))?;
    sql.prepare(
        "UPDATE conversations SET message_count = message_count - 1, active_at = COALESCE(
                 (SELECT sent_at FROM messages WHERE key BETWEEN ?2 AND ?3 ORDER BY key DESC LIMIT 1), created_at)
             WHERE key = ?1",
    )?
    .run((conversation.key.0, key(conversation, 1), key(conversation, u32::MAX)))?;
    let deleted_before = deletion::forget(sql, conversation, message.position)?;
    membership::forget_message(sql, conversation, message.position)?;
    for (user, _) in &message.recipient_status.0 {
        if message.recipient_status.is_unread_for(user)
            && user::find(sql, app, user)?.is_none_or(|key| !deleted_before.contains(&key))
        {
            membership::settle(sql, app, user, conversation, message.position, 1)?;
        }
    }
    Ok(())
}

/// Deletes all messages of a conversation; their ids stay in use.
///
/// The time it takes grows with the number of messages, and other writes wait meanwhile.
pub fn delete_all(sql: Sql<'_>, app: AppKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
    let range = (app.0, key(conversation, 1), key(conversation, u32::MAX));
    sql.prepare(
        "INSERT INTO deleted_messages (app, uuid)
             SELECT app, uuid FROM messages WHERE app = ?1 AND key BETWEEN ?2 AND ?3",
    )?
    .run(range)?;
    sql.prepare("DELETE FROM messages WHERE app = ?1 AND key BETWEEN ?2 AND ?3")?.run(range)?;
    Ok(())
}
