//! Messages: one row each, keyed by conversation and position.

use layer_store::StoreError;
use layer_store::app::IdUse;
use layer_store::changes::{Change, Kinds, What};
use layer_store::codec;
use layer_store::content::referenced;
use layer_store::conversation::ConversationRecord;
use layer_store::held::{Held, Inserted};
use layer_store::key::{AppKey, ConversationKey};
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
use uuid::Uuid;

use super::row::CONVERSATION_COLUMNS;
use super::sql::{self, Query, Row, Sql};
use super::user::{self, UserKey};
use super::{Session, app, content, membership};

/// The columns that [`read`] expects, in its order.
pub const COLUMNS: &str = "messages.position, messages.uuid, messages.sent_at, messages.sender_user, messages.sender_name, \
     messages.recipients, messages.parts, messages.updated_at";

/// How many columns [`read`] takes.
pub const COLUMN_COUNT: usize = 8;

/// Reads the [`COLUMNS`] of a message in a conversation.
pub fn read(row: &Row, conversation: ConversationId) -> Result<MessageRecord, StoreError> {
    let uuid = row.uuid(1)?;
    Ok(MessageRecord {
        id: MessageId::new(uuid),
        conversation,
        position: row.get(0)?,
        sent_at: row.time(2)?,
        updated_at: row.optional_time(7)?,
        sender: read_sender(row, 3)?,
        recipient_status: codec::decode_recipients(row.blob(5)?)?,
        parts: codec::decode_parts(uuid, row.blob(6)?)?,
    })
}

/// Reads the sender out of two columns, user and name, beginning at column `first`.
pub fn read_sender(row: &Row, first: usize) -> Result<Sender, StoreError> {
    sender_of_columns(row.get(first)?, row.get(first + 1)?)
}

/// A message, perhaps held.
fn find(sql: Sql<'_>, app: AppKey, id: MessageId, lock: &str) -> Result<Option<MessageRecord>, StoreError> {
    sql.prepare(format!(
        "SELECT {COLUMNS}, conversations.uuid FROM ids
         JOIN messages ON messages.conversation = ids.conversation AND messages.position = ids.position
         JOIN conversations ON conversations.key = messages.conversation
         WHERE ids.app = $1 AND ids.uuid = $2 {lock}"
    ))
    .first((app.number(), id.uuid()), |row| read(row, ConversationId::new(row.uuid(COLUMN_COUNT)?)))
}

impl MessageReads for Session<'_> {
    fn message(&self, app: AppKey, id: MessageId) -> Result<Option<MessageRecord>, StoreError> {
        find(self.sql, app, id, "")
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
                 WHERE conversation = $1 AND position = $2
                 AND user_key = (SELECT key FROM users WHERE app = $3 AND id = $4)",
            )
            .exists((conversation.key.number(), position, app.number(), user.as_str()))
    }
}

impl MessageWrites for Session<'_> {
    fn hold_message(&mut self, app: AppKey, id: MessageId) -> Result<Option<Held<MessageRecord>>, StoreError> {
        Ok(find(self.sql, app, id, "FOR NO KEY UPDATE OF messages")?.map(Held::by_engine))
    }

    fn append_message(
        &mut self,
        app: AppKey,
        conversation: &mut Held<ConversationRecord>,
        new: NewMessageRecord,
    ) -> Result<Inserted<MessageRecord, IdUse>, StoreError> {
        let position = conversation.next_position()?;
        let place = Some((conversation.key.number(), position));
        match app::use_id(self, app, new.id.uuid(), app::MESSAGE, place)? {
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
        let sql = "UPDATE messages SET parts = $3, updated_at = $4 WHERE conversation = $1 AND position = $2";
        self.sql.prepare(sql).run((
            conversation.key.number(),
            message.position,
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
        app::put_deleted_message(sql, app, message.id.uuid())?;
        sql.prepare("DELETE FROM messages WHERE conversation = $1 AND position = $2")
            .run((conversation.key.number(), message.position))?;
        content::release(sql, app, &referenced(&message.parts))?;
        let active_at = sql
            .prepare(
                "UPDATE conversations SET message_count = message_count - 1, active_at = COALESCE(
                     (SELECT sent_at FROM messages WHERE conversation = $1 ORDER BY position DESC LIMIT 1), created_at)
                 WHERE key = $1 RETURNING active_at",
            )
            .one([conversation.key.number()], |row| row.time(0))?;
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
        self.log_for_user(app, user_key, entry)?;
        self.tell_membership(app, user, conversation);
        Ok(())
    }
}

/// Puts messages into conversations.
pub fn insert_all<'v>(messages: &[(ConversationKey, &'v MessageRecord)]) -> Query<'v> {
    let sql = "INSERT INTO messages (conversation, position, uuid, sent_at, sender_user, sender_name, recipients, parts)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::bytea[])";
    let senders = messages.iter().map(|(_, message)| sender_columns(&message.sender));
    let (users, names) = senders.collect::<(Vec<_>, Vec<_>)>();
    Query::new(
        sql,
        (
            messages.iter().map(|(conversation, _)| conversation.number()).collect::<Vec<_>>(),
            messages.iter().map(|(_, message)| i64::from(message.position)).collect::<Vec<_>>(),
            messages.iter().map(|(_, message)| message.id.uuid()).collect::<Vec<_>>(),
            messages.iter().map(|(_, message)| message.sent_at.as_ms()).collect::<Vec<_>>(),
            users,
            names,
            messages.iter().map(|(_, message)| codec::encode_recipients(&message.recipient_status)).collect::<Vec<_>>(),
            messages
                .iter()
                .map(|(_, message)| codec::encode_parts(message.id.uuid(), &message.parts))
                .collect::<Vec<_>>(),
        ),
    )
}

/// Holds messages, in the order of their conversations and positions: rows for [`read`] and [`held_of`].
pub fn hold_all(ids: &[(AppKey, Uuid)]) -> Query<'static> {
    let sql = format!(
        "SELECT {COLUMNS}, asked.number, messages.conversation
         FROM unnest($1::bigint[], $2::uuid[]) WITH ORDINALITY AS asked (app, uuid, number)
         JOIN ids ON ids.app = asked.app AND ids.uuid = asked.uuid
         JOIN messages ON messages.conversation = ids.conversation AND messages.position = ids.position
         ORDER BY messages.conversation, messages.position FOR NO KEY UPDATE OF messages"
    );
    let (apps, ids) = ids.iter().map(|(app, id)| (app.number(), *id)).collect::<(Vec<_>, Vec<_>)>();
    Query::new(sql, (apps, ids))
}

/// Which of the messages that were asked for it is, and the key of its conversation.
pub fn held_of(row: &Row) -> Result<(usize, i64), StoreError> {
    Ok((sql::element(row, COLUMN_COUNT)?, row.get(COLUMN_COUNT + 1)?))
}

/// The conversations of messages.
pub fn conversations_of(ids: &[(AppKey, Uuid)]) -> Query<'static> {
    let sql = format!(
        "SELECT {CONVERSATION_COLUMNS} FROM conversations WHERE key IN (
             SELECT ids.conversation FROM unnest($1::bigint[], $2::uuid[]) AS asked (app, uuid)
             JOIN ids ON ids.app = asked.app AND ids.uuid = asked.uuid)"
    );
    let (apps, ids) = ids.iter().map(|(app, id)| (app.number(), *id)).collect::<(Vec<_>, Vec<_>)>();
    Query::new(sql, (apps, ids))
}

/// Keeps the status of a message that is held.
pub fn put_status(conversation: ConversationKey, message: &MessageRecord) -> Query<'static> {
    Query::new(
        "UPDATE messages SET recipients = $3 WHERE conversation = $1 AND position = $2",
        (conversation.number(), message.position, codec::encode_recipients(&message.recipient_status)),
    )
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
        .prepare(
            "INSERT INTO message_deletions (conversation, position, user_key) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .run((conversation.key.number(), message.position, user_key.0))?;
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
        let hidden_from = std::mem::take(&mut new.hidden_from);
        let message = new.at(conversation.id, position);
        sql.rows(insert_all(&[(conversation.key, &message)]))?;
        sql.prepare(
            "UPDATE conversations SET last_position = $2, message_count = message_count + 1, active_at = $3
             WHERE key = $1",
        )
        .run((conversation.key.number(), position, message.sent_at.as_ms()))?;
        content::retain(sql, app, &referenced(&message.parts))?;
        self.revive_all(app, conversation, &hidden_from)?;
        if let Some(user) = message.sender.user() {
            membership::settle(sql, app, user, conversation, position)?;
        }
        let record = conversation.in_engine();
        record.last_position = position;
        record.message_count += 1;
        record.active_at = message.sent_at;
        // Before it is logged: whoever looks at the entry sees who must not see it.
        for user in &hidden_from {
            delete_of(sql, app, user, conversation, &message)?;
        }
        self.log_in_conversation(app, conversation, || Entry::MessageSent { position })?;
        self.tell_message(app, &message, What::Created);
        Ok(message)
    }

    /// Tells what became of a message.
    pub fn tell_message(&mut self, app: AppKey, message: &MessageRecord, what: What) {
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
    Ok(select(sql, conversation, reader, (range.above, last), ("DESC", ""), limit)?.into_items())
}

/// Holds the messages above the position `above`, up to `up_to`, that `reader` did not delete for itself: oldest
/// first, at most `limit`.
pub fn list_oldest_first(
    sql: Sql<'_>,
    conversation: &ConversationRecord,
    reader: UserKey,
    above: u32,
    up_to: u32,
    limit: usize,
) -> Result<Gathered<MessageRecord>, StoreError> {
    select(sql, conversation, Some(reader), (above, up_to), ("ASC", "FOR NO KEY UPDATE OF messages"), limit)
}

fn select(
    sql: Sql<'_>,
    conversation: &ConversationRecord,
    reader: Option<UserKey>,
    (above, up_to): (u32, u32),
    (order, lock): (&str, &str),
    limit: usize,
) -> Result<Gathered<MessageRecord>, StoreError> {
    let without_deleted = if reader.is_some() {
        "AND NOT EXISTS (SELECT 1 FROM message_deletions WHERE message_deletions.conversation = messages.conversation
             AND message_deletions.position = messages.position AND message_deletions.user_key = $5)"
    } else {
        "AND $5::bigint IS NULL"
    };
    let statement = sql.prepare(format!(
        "SELECT {COLUMNS} FROM messages WHERE conversation = $1 AND position > $2 AND position <= $3 {without_deleted}
         ORDER BY position {order} LIMIT $4 {lock}"
    ));
    let limit = sql::limit(limit);
    let reader = reader.map(|reader| reader.0);
    statement.page((conversation.key.number(), above, up_to, limit, reader), |row| read(row, conversation.id))
}

/// Deletes all messages of a conversation; their ids stay in use.
///
/// The time it takes grows with the number of messages.
pub fn delete_all(sql: Sql<'_>, app: AppKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
    let key = conversation.key.number();
    app::put_deleted_messages(sql, app, key)?;
    sql.prepare("DELETE FROM messages WHERE conversation = $1").run([key])?;
    sql.prepare("DELETE FROM message_deletions WHERE conversation = $1").run([key])?;
    Ok(())
}

/// Forgets who deleted a message for itself, because it is deleted for everyone now, and tells who it was.
fn forget_deletions(
    sql: Sql<'_>,
    conversation: &ConversationRecord,
    position: u32,
) -> Result<Vec<UserKey>, StoreError> {
    let users = sql
        .prepare("DELETE FROM message_deletions WHERE conversation = $1 AND position = $2 RETURNING user_key")
        .all((conversation.key.number(), position), |row| row.get(0).map(UserKey))?;
    for user in &users {
        membership::count_deleted(sql, *user, conversation, -1)?;
    }
    Ok(users)
}
