//! Memberships: who is or was in a conversation, and the lists of conversations by user.

use layer_wire::UserId;
use layer_wire::page::SortBy;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::user::UserKey;
use super::{conversation, following, user};
use crate::store::StoreError;
use crate::store::model::{AppKey, ConversationRecord, Membership};

/// The columns that [`read`] expects, in its order.
const COLUMNS: &str = "memberships.left_position, memberships.visible_count, memberships.settled_count, \
     memberships.is_deleted, memberships.deleted_position, memberships.deleted_count, memberships.read_position";

/// Reads the [`COLUMNS`], beginning at column `first`.
fn read(row: &Row<'_>, first: usize, conversation: &ConversationRecord) -> rusqlite::Result<Membership> {
    let there = row.get::<_, Option<i64>>(first + 1)?.map_or(conversation.message_count, i64::unsigned_abs);
    let settled_count = row.get::<_, i64>(first + 2)?.unsigned_abs();
    let deleted_count = row.get::<_, i64>(first + 5)?.unsigned_abs();
    Ok(Membership {
        left_position: row.get(first)?,
        is_deleted: row.get(first + 3)?,
        deleted_position: row.get(first + 4)?,
        deleted_count,
        read_position: row.get(first + 6)?,
        visible_count: there.saturating_sub(deleted_count),
        unread_count: there.saturating_sub(settled_count),
    })
}

pub fn get(
    connection: &Connection,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
) -> Result<Option<Membership>, StoreError> {
    let membership = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM users JOIN memberships ON memberships.user = users.key
             WHERE users.app = ?1 AND users.id = ?2 AND memberships.conversation = ?3",
        ))?
        .query_row((app.0, user.as_str(), conversation.key.0), |row| read(row, 0, conversation))
        .optional()?;
    Ok(membership)
}

pub fn conversations_of(
    connection: &Connection,
    app: AppKey,
    user: &UserId,
    sort_by: SortBy,
    from: Option<&ConversationRecord>,
    limit: usize,
) -> Result<Vec<(ConversationRecord, Membership)>, StoreError> {
    // Keys grow with creation, so by creation this is one range of the primary key. By last message all conversations of the
    // user are looked at: an index would have to be rewritten for every participant with every message.
    let order = match sort_by {
        SortBy::CreatedAt => "memberships.conversation < ?4 ORDER BY memberships.conversation DESC",
        SortBy::LastMessage => {
            "(conversations.active_at, conversations.key) < (?3, ?4)
             ORDER BY conversations.active_at DESC, conversations.key DESC"
        }
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {}, {COLUMNS} FROM users
         JOIN memberships ON memberships.user = users.key
         JOIN conversations ON conversations.key = memberships.conversation
         WHERE users.app = ?1 AND users.id = ?2 AND ?3 IS NOT NULL AND memberships.is_deleted = 0 AND {order}
         LIMIT ?5",
        conversation::COLUMNS,
    ))?;
    let (active_at, key) = from.map_or((i64::MAX, i64::MAX), |from| (from.active_at.as_ms(), from.key.0));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((app.0, user.as_str(), active_at, key, limit))?;
    let mut found = vec![];
    while let Some(row) = rows.next()? {
        let conversation = conversation::read(row)?;
        let membership = read(row, conversation::COLUMN_COUNT, &conversation)?;
        found.push((conversation, membership));
    }
    Ok(found)
}

/// How many conversations of a user have unread messages, and how many these messages are.
pub fn unread_totals(connection: &Connection, user: UserKey) -> Result<(u64, u64), StoreError> {
    let (conversations, messages) = connection
        .prepare_cached(
            "SELECT count(*), COALESCE(sum(unread), 0) FROM (
                 SELECT COALESCE(visible_count, message_count) - settled_count AS unread FROM memberships
                 JOIN conversations ON conversations.key = memberships.conversation WHERE memberships.user = ?1)
             WHERE unread > 0",
        )?
        .query_row([user.0], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    Ok((conversations.unsigned_abs(), messages.unsigned_abs()))
}

/// Makes a user a member, again or for the first time. What was sent without the user does not count as unread (assumed).
pub fn join(
    connection: &Connection,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
) -> Result<(), StoreError> {
    let key = user::find_or_insert(connection, app, user)?;
    let message_count = conversation.message_count.cast_signed();
    let rejoined = connection
        .prepare_cached(
            "UPDATE memberships SET settled_count = settled_count + ?3 - visible_count,
             left_position = NULL, visible_count = NULL
             WHERE user = ?1 AND conversation = ?2 AND left_position IS NOT NULL",
        )?
        .execute((key.0, conversation.key.0, message_count))?;
    if rejoined > 0 {
        revive(connection, key, conversation)?;
    } else {
        connection
            .prepare_cached("INSERT INTO memberships (user, conversation, settled_count) VALUES (?1, ?2, ?3)")?
            .execute((key.0, conversation.key.0, message_count))?;
        connection
            .prepare_cached("UPDATE users SET conversation_count = conversation_count + 1 WHERE key = ?1")?
            .execute([key.0])?;
    }
    following::meet(connection, key, conversation)
}

/// Makes a user a former member, who sees the messages up to now.
pub fn leave(
    connection: &Connection,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
) -> Result<(), StoreError> {
    let key = user::find_or_insert(connection, app, user)?;
    following::part(connection, key, conversation)?;
    connection
        .prepare_cached(
            "UPDATE memberships SET left_position = ?3, visible_count = ?4 WHERE user = ?1 AND conversation = ?2",
        )?
        .execute((key.0, conversation.key.0, conversation.last_position, conversation.message_count.cast_signed()))?;
    Ok(())
}

/// Deletes a conversation for a member, with all messages that are there now.
pub fn delete_for_member(
    connection: &Connection,
    user: UserKey,
    conversation: &ConversationRecord,
) -> Result<(), StoreError> {
    set_deleted(connection, user, conversation, true)?;
    connection
        .prepare_cached(
            "UPDATE memberships SET deleted_position = ?3, deleted_count = COALESCE(visible_count, ?4),
             settled_count = COALESCE(visible_count, ?4) WHERE user = ?1 AND conversation = ?2",
        )?
        .execute((user.0, conversation.key.0, conversation.last_position, conversation.message_count.cast_signed()))?;
    Ok(())
}

/// Brings a conversation back to the participants who deleted it for themselves.
pub fn revive_all(connection: &Connection, conversation: &ConversationRecord) -> Result<(), StoreError> {
    let users: Vec<UserKey> = connection
        .prepare_cached(
            "SELECT user FROM memberships WHERE conversation = ?1 AND is_deleted = 1 AND left_position IS NULL",
        )?
        .query_map([conversation.key.0], |row| row.get(0).map(UserKey))?
        .collect::<Result<_, _>>()?;
    users.into_iter().try_for_each(|user| revive(connection, user, conversation))
}

/// Brings a conversation back to a member, if it deleted it for itself.
pub fn revive(connection: &Connection, user: UserKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
    set_deleted(connection, user, conversation, false)
}

/// Marks a membership as deleted or not, and keeps the number of the user's conversations.
fn set_deleted(
    connection: &Connection,
    user: UserKey,
    conversation: &ConversationRecord,
    is_deleted: bool,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE memberships SET is_deleted = ?3 WHERE user = ?1 AND conversation = ?2 AND is_deleted <> ?3",
        )?
        .execute((user.0, conversation.key.0, is_deleted))?;
    if changed > 0 {
        let by = if is_deleted { -1 } else { 1 };
        connection
            .prepare_cached("UPDATE users SET conversation_count = conversation_count + ?2 WHERE key = ?1")?
            .execute((user.0, by))?;
    }
    Ok(())
}

/// Counts a message that a user has not to read any more, or, with `by` = -1, one that it has.
pub fn settle(
    connection: &Connection,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
    position: u32,
    by: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE memberships SET settled_count = settled_count + ?5
             WHERE user = (SELECT key FROM users WHERE app = ?1 AND id = ?2) AND conversation = ?3
             AND (left_position IS NULL OR left_position >= ?4) AND deleted_position < ?4",
        )?
        .execute((app.0, user.as_str(), conversation.key.0, position, by))?;
    Ok(())
}

/// Takes a message out of the counts of everyone who can see it, as if it were settled for all of them.
pub fn forget_message(
    connection: &Connection,
    conversation: &ConversationRecord,
    position: u32,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE memberships SET settled_count = settled_count - 1, visible_count = visible_count - 1,
             deleted_count = deleted_count - (deleted_position >= ?2)
             WHERE conversation = ?1 AND (left_position IS NULL OR left_position >= ?2)",
        )?
        .execute((conversation.key.0, position))?;
    Ok(())
}

/// Ends all memberships of a conversation, former ones included.
pub fn delete_all(connection: &Connection, conversation: &ConversationRecord) -> Result<(), StoreError> {
    following::part_all(connection, conversation)?;
    connection
        .prepare_cached(
            "UPDATE users SET conversation_count = conversation_count - 1
             WHERE key IN (SELECT user FROM memberships WHERE conversation = ?1 AND is_deleted = 0)",
        )?
        .execute([conversation.key.0])?;
    connection.prepare_cached("DELETE FROM memberships WHERE conversation = ?1")?.execute([conversation.key.0])?;
    Ok(())
}
