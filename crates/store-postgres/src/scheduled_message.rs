//! The queue of messages that are to be sent later.

use layer_store::StoreError;
use layer_store::app::IdUse;
use layer_store::changes::{Change, Kinds};
use layer_store::codec;
use layer_store::content::referenced;
use layer_store::conversation::ConversationRecord;
use layer_store::held::{Held, Inserted};
use layer_store::key::AppKey;
use layer_store::message::{MessageRecord, NewMessageRecord, sender_columns};
use layer_store::scheduled_message::{ScheduledMessageReads, ScheduledMessageRecord, ScheduledMessageWrites, Typist};
use layer_wire::message::RecipientStatus;
use layer_wire::{ConversationId, MessageId, Timestamp, UserId};

use super::sql::{self, Row, Sql};
use super::{Session, app, content, message};

const COLUMNS: &str = "scheduled_messages.app, scheduled_messages.uuid, conversations.uuid, scheduled_messages.due_at, \
     scheduled_messages.sender_user, scheduled_messages.sender_name, scheduled_messages.parts, \
     scheduled_messages.typing_at";

const TABLES: &str = "scheduled_messages JOIN conversations ON conversations.key = scheduled_messages.conversation";

fn read(row: &Row) -> Result<(AppKey, ScheduledMessageRecord), StoreError> {
    let uuid = row.uuid(1)?;
    let record = ScheduledMessageRecord {
        id: MessageId::new(uuid),
        conversation: ConversationId::new(row.uuid(2)?),
        due_at: row.time(3)?,
        sender: message::read_sender(row, 4)?,
        parts: codec::decode_parts(uuid, row.blob(6)?)?,
        typing_at: row.optional_time(7)?,
    };
    Ok((AppKey::from_number(row.get(0)?), record))
}

impl ScheduledMessageReads for Session<'_> {
    fn scheduled_message(&self, app: AppKey, id: MessageId) -> Result<Option<ScheduledMessageRecord>, StoreError> {
        let found = self
            .sql
            .prepare(format!(
                "SELECT {COLUMNS} FROM {TABLES} WHERE scheduled_messages.app = $1 AND scheduled_messages.uuid = $2"
            ))
            .first((app.number(), id.uuid()), read)?;
        Ok(found.map(|(_, record)| record))
    }

    fn next_scheduled_message(&self) -> Result<Option<Timestamp>, StoreError> {
        self.sql.prepare("SELECT MIN(due_at) FROM scheduled_messages").one((), |row| row.optional_time(0))
    }

    fn typists(&self, now: Timestamp, limit: usize) -> Result<Vec<Typist>, StoreError> {
        self.sql
            .prepare(format!(
                "SELECT scheduled_messages.app, scheduled_messages.uuid, conversations.uuid, sender_user FROM {TABLES}
                 WHERE typing_at <= $1 AND sender_user IS NOT NULL LIMIT $2"
            ))
            .all((now.as_ms(), sql::limit(limit)), |row| {
                Ok(Typist {
                    app: AppKey::from_number(row.get(0)?),
                    message: MessageId::new(row.uuid(1)?),
                    conversation: ConversationId::new(row.uuid(2)?),
                    user: UserId::trusted(row.get(3)?),
                })
            })
    }

    fn next_typist(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.sql
            .prepare("SELECT MIN(typing_at) FROM scheduled_messages WHERE typing_at > $1")
            .one([now.as_ms()], |row| row.optional_time(0))
    }
}

impl ScheduledMessageWrites for Session<'_> {
    fn insert_scheduled_message(
        &mut self,
        app: AppKey,
        conversation: &Held<ConversationRecord>,
        new: &ScheduledMessageRecord,
    ) -> Result<Inserted<(), IdUse>, StoreError> {
        if let Some(id_use) = app::use_id(self, app, new.id.uuid(), app::SCHEDULED_MESSAGE, None)? {
            return Ok(Inserted::Taken(id_use));
        }
        let (sender_user, sender_name) = sender_columns(&new.sender);
        self.sql
            .prepare(
                "INSERT INTO scheduled_messages (app, uuid, conversation, due_at, sender_user, sender_name, parts,
                     typing_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .run((
                app.number(),
                new.id.uuid(),
                conversation.key.number(),
                new.due_at.as_ms(),
                sender_user,
                sender_name,
                codec::encode_parts(new.id.uuid(), &new.parts),
                new.typing_at.map(Timestamp::as_ms),
            ))?;
        content::retain(self.sql, app, &referenced(&new.parts))?;
        self.tell(Kinds::SCHEDULED_MESSAGES, || Change::ScheduledMessages);
        Ok(Inserted::Done(()))
    }

    fn hold_due_messages(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(AppKey, Held<ScheduledMessageRecord>)>, StoreError> {
        let due = self
            .sql
            .prepare(format!(
                "SELECT {COLUMNS} FROM {TABLES} WHERE due_at <= $1 ORDER BY due_at, scheduled_messages.key LIMIT $2
                 FOR UPDATE OF scheduled_messages SKIP LOCKED"
            ))
            .page((now.as_ms(), sql::limit(limit)), |row| {
                let (app, record) = read(row)?;
                Ok((app, Held::by_engine(record)))
            })?;
        Ok(due.into_items())
    }

    fn send_scheduled_message(
        &mut self,
        app: AppKey,
        conversation: &mut Held<ConversationRecord>,
        message: &Held<ScheduledMessageRecord>,
        sent_at: Timestamp,
        recipient_status: RecipientStatus,
        hidden_from: Vec<UserId>,
    ) -> Result<MessageRecord, StoreError> {
        let ScheduledMessageRecord { id, sender, parts, .. } = (**message).clone();
        // The new one first: its content must not be given up in between.
        let new = NewMessageRecord { id, sent_at, sender, parts, recipient_status, hidden_from };
        let sent = self.append(app, conversation, new)?;
        app::put_message(self.sql, app, id.uuid(), conversation.key.number(), sent.position)?;
        take(self.sql, app, message)?;
        if message.typing_at.is_some() {
            self.tell(Kinds::SCHEDULED_MESSAGES, || Change::ScheduledMessages);
        }
        Ok(sent)
    }
}

/// Takes a message out of the queue.
fn take(sql: Sql<'_>, app: AppKey, message: &ScheduledMessageRecord) -> Result<(), StoreError> {
    sql.prepare("DELETE FROM scheduled_messages WHERE app = $1 AND uuid = $2")
        .run((app.number(), message.id.uuid()))?;
    content::release(sql, app, &referenced(&message.parts))
}

/// Drops what a user, or everyone when there is none, had scheduled in a conversation. The ids stay in use.
pub fn cancel(sql: Sql<'_>, conversation: &ConversationRecord, sender: Option<&UserId>) -> Result<(), StoreError> {
    let statement = sql.prepare(format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE conversation = $1 AND ($2::text IS NULL OR sender_user = $2)"
    ));
    let dropped = statement.all((conversation.key.number(), sender.map(UserId::as_str)), read)?;
    for (of_app, message) in &dropped {
        app::put_deleted_message(sql, *of_app, message.id.uuid())?;
        take(sql, *of_app, message)?;
    }
    Ok(())
}
