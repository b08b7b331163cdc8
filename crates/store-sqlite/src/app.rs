//! Apps, their tokens, and the ids that are in use.

use layer_store::StoreError;
use layer_store::model::{AppKey, AppRecord, IdUse};
use layer_store::token::TokenHash;
use layer_wire::{AppId, Timestamp};
use uuid::Uuid;

use super::sql::Sql;

pub fn get(sql: Sql<'_>, id: AppId) -> Result<Option<AppRecord>, StoreError> {
    let key = sql.prepare("SELECT key FROM apps WHERE uuid = ?1")?.first([id.uuid().as_bytes()], |row| row.get(0))?;
    let Some(key) = key.map(AppKey) else { return Ok(None) };
    let tokens = sql
        .prepare("SELECT hash FROM app_tokens WHERE app = ?1")?
        .all([key.0], |row| row.get(0).map(TokenHash::from_bytes))?;
    Ok(Some(AppRecord { key, tokens }))
}

pub fn insert(sql: Sql<'_>, id: AppId, token: &TokenHash, created_at: Timestamp) -> Result<(), StoreError> {
    sql.prepare("INSERT INTO apps (uuid, created_at) VALUES (?1, ?2)")?
        .run((id.uuid().as_bytes(), created_at.as_ms()))?;
    sql.prepare("INSERT INTO app_tokens (app, hash) VALUES (?1, ?2)")?.run((sql.last_key(), token.as_bytes()))?;
    Ok(())
}

pub fn set_session_ttl(sql: Sql<'_>, app: AppKey, seconds: u32) -> Result<(), StoreError> {
    sql.prepare("UPDATE apps SET session_ttl_in_seconds = ?2 WHERE key = ?1")?.run((app.0, seconds))?;
    Ok(())
}

pub fn id_use(sql: Sql<'_>, app: AppKey, id: Uuid) -> Result<Option<IdUse>, StoreError> {
    let found = sql
        .prepare(
            "SELECT 0 FROM messages WHERE app = ?1 AND uuid = ?2
             UNION ALL SELECT 1 FROM conversations WHERE app = ?1 AND uuid = ?2
             UNION ALL SELECT 2 FROM announcements WHERE app = ?1 AND uuid = ?2
             UNION ALL SELECT 3 FROM scheduled_messages WHERE app = ?1 AND uuid = ?2
             UNION ALL SELECT 4 FROM deleted_messages WHERE app = ?1 AND uuid = ?2
             LIMIT 1",
        )?
        .first((app.0, id.as_bytes()), |row| row.get::<i64>(0))?;
    Ok(found.map(|kind| match kind {
        0 => IdUse::Message,
        1 => IdUse::Conversation,
        2 => IdUse::Announcement,
        3 => IdUse::ScheduledMessage,
        _ => IdUse::DeletedMessage,
    }))
}
