//! The queue of messages that are to be sent later.

use layer_wire::{ConversationId, MessageId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::{Session, codec, content, message};
use crate::store::StoreError;
use crate::store::model::{AppKey, ConversationRecord};
use crate::store::scheduled_message::{ScheduledMessageReads, ScheduledMessageRecord, ScheduledMessageWrites};

const COLUMNS: &str = "scheduled_messages.app, scheduled_messages.uuid, conversations.uuid, scheduled_messages.due_at, \
     scheduled_messages.sender_user, scheduled_messages.sender_name, scheduled_messages.parts";

const TABLES: &str = "scheduled_messages JOIN conversations ON conversations.key = scheduled_messages.conversation";

fn read(row: &Row<'_>) -> Result<(AppKey, ScheduledMessageRecord), StoreError> {
    let uuid = Uuid::from_bytes(row.get(1)?);
    let record = ScheduledMessageRecord {
        id: MessageId::new(uuid),
        conversation: ConversationId::new(Uuid::from_bytes(row.get(2)?)),
        due_at: Timestamp::from_ms(row.get(3)?),
        sender: message::read_sender(row, 4)?,
        parts: codec::decode_parts(uuid, row.get_ref(6)?.as_blob().map_err(rusqlite::Error::from)?)?,
    };
    Ok((AppKey(row.get(0)?), record))
}

impl ScheduledMessageReads for Session<'_> {
    fn scheduled_message(&self, app: AppKey, id: MessageId) -> Result<Option<ScheduledMessageRecord>, StoreError> {
        let found = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM {TABLES} WHERE scheduled_messages.app = ?1 AND scheduled_messages.uuid = ?2"
            ))?
            .query_row((app.0, id.uuid().as_bytes()), |row| Ok(read(row)))
            .optional()?
            .transpose()?;
        Ok(found.map(|(_, record)| record))
    }

    fn due_scheduled_messages(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(AppKey, ScheduledMessageRecord)>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE due_at <= ?1 ORDER BY due_at, scheduled_messages.key LIMIT ?2"
        ))?;
        let mut rows = statement.query((now.as_ms(), i64::try_from(limit).unwrap_or(i64::MAX)))?;
        let mut found = vec![];
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    fn next_scheduled_message(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> = self
            .connection
            .prepare_cached("SELECT MIN(due_at) FROM scheduled_messages")?
            .query_row([], |row| row.get(0))?;
        Ok(next.map(Timestamp::from_ms))
    }
}

impl ScheduledMessageWrites for Session<'_> {
    fn insert_scheduled_message(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        new: &ScheduledMessageRecord,
    ) -> Result<(), StoreError> {
        let (sender_user, sender_name) = message::sender_columns(&new.sender);
        self.connection
            .prepare_cached(
                "INSERT INTO scheduled_messages (app, uuid, conversation, due_at, sender_user, sender_name, parts)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute((
                app.0,
                new.id.uuid().as_bytes(),
                conversation.key.0,
                new.due_at.as_ms(),
                sender_user,
                sender_name,
                codec::encode_parts(new.id.uuid(), &new.parts),
            ))?;
        content::retain(self.connection, app, &content::referenced(&new.parts))
    }

    fn take_scheduled_message(&mut self, app: AppKey, sent: &ScheduledMessageRecord) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM scheduled_messages WHERE app = ?1 AND uuid = ?2")?
            .execute((app.0, sent.id.uuid().as_bytes()))?;
        content::release(self.connection, app, &content::referenced(&sent.parts))
    }
}

/// Drops what a user, or everyone when there is none, had scheduled in a conversation. The ids stay in use.
pub fn cancel(
    connection: &Connection,
    conversation: &ConversationRecord,
    sender: Option<&UserId>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE conversation = ?1 AND (?2 IS NULL OR sender_user = ?2)"
    ))?;
    let mut rows = statement.query((conversation.key.0, sender.map(UserId::as_str)))?;
    let mut dropped = vec![];
    while let Some(row) = rows.next()? {
        dropped.push(read(row)?);
    }
    for (app, message) in &dropped {
        connection
            .prepare_cached("INSERT INTO deleted_messages (app, uuid) VALUES (?1, ?2)")?
            .execute((app.0, message.id.uuid().as_bytes()))?;
        Session::new(connection).take_scheduled_message(*app, message)?;
    }
    Ok(())
}
