//! Apps, their tokens, and the ids that are in use.

use layer_store::StoreError;
use layer_store::app::{AppReads, AppRecord, AppWrites, IdUse};
use layer_store::changes::{Change, Kinds};
use layer_store::key::AppKey;
use layer_store::token::TokenHash;
use layer_wire::{AppId, Timestamp};
use uuid::Uuid;

use super::Session;
use super::sql::Sql;

/// What is in the column `kind` of `ids`.
pub const MESSAGE: i64 = 0;
pub const CONVERSATION: i64 = 1;
pub const ANNOUNCEMENT: i64 = 2;
pub const SCHEDULED_MESSAGE: i64 = 3;
const DELETED_MESSAGE: i64 = 4;

/// Uses an id, for good. Answers what it is used for, if it is. `place` is that of a message.
pub fn use_id(
    session: &Session<'_>,
    app: AppKey,
    id: Uuid,
    kind: i64,
    place: Option<(i64, u32)>,
) -> Result<Option<IdUse>, StoreError> {
    let inserted = session
        .sql
        .prepare(
            "INSERT INTO ids (app, uuid, kind, conversation, position) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .run((
            app.number(),
            id,
            kind,
            place.map(|(conversation, _)| conversation),
            place.map(|(_, position)| position),
        ))?;
    if inserted > 0 {
        return Ok(None);
    }
    // The other one has committed by now, or else this one would have waited for it.
    session.id_use(app, id)?.ok_or_else(|| session.sql.conflict()).map(Some)
}

/// Says that a message that was to be sent is sent.
pub fn put_message(sql: Sql<'_>, app: AppKey, id: Uuid, conversation: i64, position: u32) -> Result<(), StoreError> {
    sql.prepare("UPDATE ids SET kind = $3, conversation = $4, position = $5 WHERE app = $1 AND uuid = $2").run((
        app.number(),
        id,
        MESSAGE,
        conversation,
        position,
    ))?;
    Ok(())
}

/// Says that a message is deleted, or will not be sent. Its id stays in use.
pub fn put_deleted_message(sql: Sql<'_>, app: AppKey, id: Uuid) -> Result<(), StoreError> {
    sql.prepare("UPDATE ids SET kind = $3, conversation = NULL, position = NULL WHERE app = $1 AND uuid = $2")
        .run((app.number(), id, DELETED_MESSAGE))?;
    Ok(())
}

/// Says that all messages of a conversation are deleted.
pub fn put_deleted_messages(sql: Sql<'_>, app: AppKey, conversation: i64) -> Result<(), StoreError> {
    sql.prepare(
        "UPDATE ids SET kind = $3, conversation = NULL, position = NULL
         FROM messages WHERE messages.conversation = $2 AND ids.app = $1 AND ids.uuid = messages.uuid",
    )
    .run((app.number(), conversation, DELETED_MESSAGE))?;
    Ok(())
}

impl AppReads for Session<'_> {
    fn app(&self, id: AppId) -> Result<Option<AppRecord>, StoreError> {
        let key = self.sql.prepare("SELECT key FROM apps WHERE uuid = $1").first([id.uuid()], |row| row.get(0))?;
        let Some(key) = key else { return Ok(None) };
        let tokens = self
            .sql
            .prepare("SELECT hash FROM app_tokens WHERE app = $1")
            .all([key], |row| row.get(0).map(TokenHash::from_bytes))?;
        Ok(Some(AppRecord { key: AppKey::from_number(key), tokens }))
    }

    fn id_use(&self, app: AppKey, id: Uuid) -> Result<Option<IdUse>, StoreError> {
        let found = self
            .sql
            .prepare("SELECT kind FROM ids WHERE app = $1 AND uuid = $2")
            .first((app.number(), id), |row| row.get::<i64>(0))?;
        Ok(found.map(|kind| match kind {
            MESSAGE => IdUse::Message,
            CONVERSATION => IdUse::Conversation,
            ANNOUNCEMENT => IdUse::Announcement,
            SCHEDULED_MESSAGE => IdUse::ScheduledMessage,
            _ => IdUse::DeletedMessage,
        }))
    }
}

impl AppWrites for Session<'_> {
    fn insert_app(&mut self, id: AppId, token: &TokenHash, created_at: Timestamp) -> Result<(), StoreError> {
        let key: i64 = self
            .sql
            .prepare("INSERT INTO apps (uuid, created_at) VALUES ($1, $2) RETURNING key")
            .one((id.uuid(), created_at.as_ms()), |row| row.get(0))?;
        self.sql.prepare("INSERT INTO app_tokens (app, hash) VALUES ($1, $2)").run((key, token.as_bytes()))?;
        self.tell(Kinds::APPS, || Change::App(id));
        Ok(())
    }

    fn set_session_ttl(&mut self, app: AppKey, seconds: u32) -> Result<(), StoreError> {
        self.sql.prepare("UPDATE apps SET session_ttl_in_seconds = $2 WHERE key = $1").run((app.number(), seconds))?;
        Ok(())
    }

    fn link_key(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.sql
            .prepare("INSERT INTO secrets (name, value) VALUES ('link_key', $1) ON CONFLICT DO NOTHING")
            .run([fresh])?;
        self.sql.prepare("SELECT value FROM secrets WHERE name = 'link_key'").one((), |row| row.get(0))
    }
}
