//! Apps, their tokens, and the ids that are in use.

use layer_wire::{AppId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::model::{AppKey, AppRecord, IdUse};
use crate::token::TokenHash;

pub fn get(connection: &Connection, id: AppId) -> Result<Option<AppRecord>, StoreError> {
    let key = connection
        .prepare_cached("SELECT key FROM apps WHERE uuid = ?1")?
        .query_row([id.uuid().as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(key) = key.map(AppKey) else { return Ok(None) };
    let tokens = connection
        .prepare_cached("SELECT hash FROM app_tokens WHERE app = ?1")?
        .query_map([key.0], |row| row.get(0).map(TokenHash::from_bytes))?
        .collect::<Result<_, _>>()?;
    Ok(Some(AppRecord { key, tokens }))
}

pub fn insert(connection: &Connection, id: AppId, token: &TokenHash, created_at: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO apps (uuid, created_at) VALUES (?1, ?2)")?
        .execute((id.uuid().as_bytes(), created_at.as_ms()))?;
    connection
        .prepare_cached("INSERT INTO app_tokens (app, hash) VALUES (?1, ?2)")?
        .execute((connection.last_insert_rowid(), token.as_bytes()))?;
    Ok(())
}

pub fn set_session_ttl(connection: &Connection, app: AppKey, seconds: u32) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE apps SET session_ttl_in_seconds = ?2 WHERE key = ?1")?
        .execute((app.0, seconds))?;
    Ok(())
}

pub fn id_use(connection: &Connection, app: AppKey, id: Uuid) -> Result<Option<IdUse>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT 0 FROM messages WHERE app = ?1 AND uuid = ?2
             UNION ALL SELECT 1 FROM conversations WHERE app = ?1 AND uuid = ?2
             UNION ALL SELECT 2 FROM announcements WHERE app = ?1 AND uuid = ?2
             UNION ALL SELECT 3 FROM scheduled_messages WHERE app = ?1 AND uuid = ?2
             UNION ALL SELECT 4 FROM deleted_messages WHERE app = ?1 AND uuid = ?2
             LIMIT 1",
        )?
        .query_row((app.0, id.as_bytes()), |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(found.map(|kind| match kind {
        0 => IdUse::Message,
        1 => IdUse::Conversation,
        2 => IdUse::Announcement,
        3 => IdUse::ScheduledMessage,
        _ => IdUse::DeletedMessage,
    }))
}
