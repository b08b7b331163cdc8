//! Messages: one row each, keyed by conversation and position.

use layer_store::StoreError;
use layer_store::app::{AppReads as _, IdUse};
use layer_store::changes::{Change, Kinds, What};
use layer_store::codec;
use layer_store::content::referenced;
use layer_store::conversation::ConversationRecord;
use layer_store::held::{Held, Inserted};
use layer_store::key::AppKey;
use layer_store::log::{Entry, part_changes};
use layer_store::membership::Membership;
use layer_store::message::{
    MessageReads, MessageRecord, MessageWrites, NewMessageRecord, sender_columns, sender_of_columns,
};
use layer_store::page::Gathered;
use layer_store::page::PositionRange;
use layer_wire::message::Sender;
use layer_wire::part::Part;
use layer_wire::{ConversationId, MessageId, Timestamp, UserId};

use super::row::message_key as key;
use super::sql::{self, Row, Sql};
use super::user::{self, UserKey};
use super::{Session, content, membership};

/// The columns that [`read`] expects, in its order.
pub const COLUMNS: &str = "messages.key, messages.uuid, messages.sent_at, messages.sender_user, messages.sender_name, \
     messages.recipients, messages.parts, messages.updated_at";

/// How many columns [`read`] takes.
pub const COLUMN_COUNT: usize = 8;

/// Reads the [`COLUMNS`] of a message in a conversation.
pub fn read(row: &Row<'_>, conversation: ConversationId) -> Result<MessageRecord, StoreError> {
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
    sender_of_columns(row.get(first)?, row.get(first + 1)?)
}

impl MessageReads for Session<'_> {
    fn message(&self, app: AppKey, id: MessageId) -> Result<Option<MessageRecord>, StoreError> {
        self.sql
            .prepare(&format!(
                "SELECT {COLUMNS}, conversations.uuid FROM messages
                 JOIN conversations ON conversations.key = messages.key >> 32
                 WHERE messages.app = ?1 AND messages.uuid = ?2"
            ))?
            .first((app.number(), id.uuid().as_bytes()), |row| read(row, ConversationId::new(row.uuid(COLUMN_COUNT)?)))
    }

    fn messages(
        &self,
        conversation: &ConversationRecord,
        range: PositionRange,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError> {
        list_of(self.sql, conversation, None, range, limit)
    }

    fn messages_of(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        membership: Membership,
        after: Option<u32>,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError> {
        // Most users never deleted a message, and then their own table need not be asked about each one.
        let reader = if membership.deleted_count > 0 { user::find(self.sql, app, user)? } else { None };
        list_of(self.sql, conversation, reader, membership.visible(after), limit)
    }

    fn has_deleted_message(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        position: u32,
    ) -> Result<bool, StoreError> {
        self.sql
            .prepare(
                "SELECT 1 FROM message_deletions
                 WHERE message = ?1 AND user = (SELECT key FROM users WHERE app = ?2 AND id = ?3)",
            )?
            .exists((key(conversation, position), app.number(), user.as_str()))
    }
}

impl MessageWrites for Session<'_> {
    fn hold_message(&mut self, app: AppKey, id: MessageId) -> Result<Option<Held<MessageRecord>>, StoreError> {
        Ok(self.message(app, id)?.map(Held::by_engine))
    }

    fn append_message(
        &mut self,
        app: AppKey,
        conversation: &mut Held<ConversationRecord>,
        new: NewMessageRecord,
    ) -> Result<Inserted<MessageRecord, IdUse>, StoreError> {
        match self.id_use(app, new.id.uuid())? {
            Some(id_use) => Ok(Inserted::Taken(id_use)),
            None => self.append(app, conversation, new).map(Inserted::Done),
        }
    }

    fn put_parts(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        message: &mut Held<MessageRecord>,
        parts: Vec<Part>,
        updated_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql.prepare("UPDATE messages SET parts = ?2, updated_at = ?3 WHERE key = ?1")?.run((
            key(conversation, message.position),
            codec::encode_parts(message.id.uuid(), &parts),
            updated_at.as_ms(),
        ))?;
        // New ones first: nothing must be given up in between.
        content::retain(self.sql, app, &referenced(&parts))?;
        content::release(self.sql, app, &referenced(&message.parts))?;
        let position = message.position;
        self.log_in_conversation(app, conversation, || Entry::PartsChanged {
            position,
            parts: part_changes(&message.parts, &parts),
        })?;
        let record = message.in_engine();
        (record.parts, record.updated_at) = (parts, Some(updated_at));
        self.tell_unused_files();
        self.tell_message(app, message, What::Changed);
        Ok(())
    }

    fn delete_message(
        &mut self,
        app: AppKey,
        conversation: &mut Held<ConversationRecord>,
        message: &Held<MessageRecord>,
    ) -> Result<(), StoreError> {
        let sql = self.sql;
        sql.prepare("INSERT INTO deleted_messages (app, uuid) VALUES (?1, ?2)")?
            .run((app.number(), message.id.uuid().as_bytes()))?;
        sql.prepare("DELETE FROM messages WHERE key = ?1")?.run([key(conversation, message.position)])?;
        content::release(sql, app, &referenced(&message.parts))?;
        let active_at = sql
            .prepare(
                "UPDATE conversations SET message_count = message_count - 1, active_at = COALESCE(
                     (SELECT sent_at FROM messages WHERE key BETWEEN ?2 AND ?3 ORDER BY key DESC LIMIT 1), created_at)
                 WHERE key = ?1 RETURNING active_at",
            )?
            .one((conversation.key.number(), key(conversation, 1), key(conversation, u32::MAX)), |row| row.time(0))?;
        let deleted_before = forget_deletions(sql, conversation, message.position)?;
        membership::forget_message(sql, conversation, message.position)?;
        for (user, _) in &message.recipient_status.0 {
            if message.recipient_status.is_unread_for(user)
                && user::find(sql, app, user)?.is_none_or(|key| !deleted_before.contains(&key))
            {
                membership::settle(sql, app, user, conversation, message.position)?;
            }
        }
        let (position, id, sender) = (message.position, message.id, message.sender.user().cloned());
        self.log_in_conversation(app, conversation, || Entry::MessageDeleted { position, id, sender })?;
        let record = conversation.in_engine();
        (record.message_count, record.active_at) = (record.message_count.saturating_sub(1), active_at);
        self.tell_unused_files();
        self.tell_message(app, message, What::Deleted);
        Ok(())
    }

    fn delete_message_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        message: &Held<MessageRecord>,
    ) -> Result<(), StoreError> {
        let Some(user_key) = delete_of(self.sql, app, user, conversation, message)? else { return Ok(()) };
        let (position, id, conversation_id) = (message.position, message.id, conversation.id);
        let entry = || Entry::MessageDeletedForUser { position, id, conversation: conversation_id };
        self.log_for_user(user_key, entry)?;
        self.tell_membership(app, user, conversation);
        Ok(())
    }
}

/// Takes a message out of what a user can see, and tells nobody. Answers with the user, unless it was out before.
fn delete_of(
    sql: Sql<'_>,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
    message: &MessageRecord,
) -> Result<Option<UserKey>, StoreError> {
    let user_key = user::find_or_insert(sql, app, user)?;
    let added = sql
        .prepare("INSERT OR IGNORE INTO message_deletions (message, user) VALUES (?1, ?2)")?
        .run((key(conversation, message.position), user_key.0))?;
    if added == 0 {
        return Ok(None);
    }
    if message.recipient_status.is_unread_for(user) {
        membership::settle(sql, app, user, conversation, message.position)?;
    }
    membership::count_deleted(sql, user_key, conversation, 1)?;
    Ok(Some(user_key))
}

impl Session<'_> {
    /// Appends a message whose id is free.
    pub fn append(
        &mut self,
        app: AppKey,
        conversation: &mut Held<ConversationRecord>,
        mut new: NewMessageRecord,
    ) -> Result<MessageRecord, StoreError> {
        let sql = self.sql;
        let position = conversation.next_position()?;
        let (sender_user, sender_name) = sender_columns(&new.sender);
        sql.prepare(
            "INSERT INTO messages (key, app, uuid, sent_at, sender_user, sender_name, recipients, parts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .run((
            key(conversation, position),
            app.number(),
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
        .run((conversation.key.number(), position, new.sent_at.as_ms()))?;
        content::retain(sql, app, &referenced(&new.parts))?;
        self.revive_all(app, conversation, &new.hidden_from)?;
        if let Some(user) = new.sender.user() {
            membership::settle(sql, app, user, conversation, position)?;
        }
        let record = conversation.in_engine();
        record.last_position = position;
        record.message_count += 1;
        record.active_at = new.sent_at;
        let hidden_from = std::mem::take(&mut new.hidden_from);
        let message = new.at(conversation.id, position);
        // Before it is logged: whoever looks at the entry sees who must not see it.
        for user in &hidden_from {
            delete_of(sql, app, user, conversation, &message)?;
        }
        self.log_in_conversation(app, conversation, || Entry::MessageSent { position })?;
        self.tell_message(app, &message, What::Created);
        Ok(message)
    }

    fn tell_message(&mut self, app: AppKey, message: &MessageRecord, what: What) {
        let MessageRecord { conversation, id, position, .. } = *message;
        self.tell(Kinds::MESSAGES, || Change::Message { app, conversation, id, position, what });
    }
}

/// The messages of a range, newest first, without those that `reader` deleted for itself.
fn list_of(
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

/// The messages above the position `above`, up to `up_to`, that `reader` did not delete for itself: oldest first, at
/// most `limit`.
pub fn list_oldest_first(
    sql: Sql<'_>,
    conversation: &ConversationRecord,
    reader: UserKey,
    above: u32,
    up_to: u32,
    limit: usize,
) -> Result<Gathered<MessageRecord>, StoreError> {
    select(sql, conversation, Some(reader), (above, up_to), "ASC", limit)
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

/// Deletes all messages of a conversation; their ids stay in use.
///
/// The time it takes grows with the number of messages, and other writes wait meanwhile.
pub fn delete_all(sql: Sql<'_>, app: AppKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
    let range = (app.number(), key(conversation, 1), key(conversation, u32::MAX));
    sql.prepare(
        "INSERT INTO deleted_messages (app, uuid)
             SELECT app, uuid FROM messages WHERE app = ?1 AND key BETWEEN ?2 AND ?3",
    )?
    .run(range)?;
    sql.prepare("DELETE FROM messages WHERE app = ?1 AND key BETWEEN ?2 AND ?3")?.run(range)?;
    sql.prepare("DELETE FROM message_deletions WHERE message BETWEEN ?1 AND ?2")?.run((range.1, range.2))?;
    Ok(())
}

/// Forgets who deleted a message for itself, because it is deleted for everyone now, and tells who it was.
fn forget_deletions(
    sql: Sql<'_>,
    conversation: &ConversationRecord,
    position: u32,
) -> Result<Vec<UserKey>, StoreError> {
    let users = sql
        .prepare("DELETE FROM message_deletions WHERE message = ?1 RETURNING user")?
        .all([key(conversation, position)], |row| row.get(0).map(UserKey))?;
    for user in &users {
        membership::count_deleted(sql, *user, conversation, -1)?;
    }
    Ok(users)
}
