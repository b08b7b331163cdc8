//! Apps, their tokens, and the ids that are in use.

use layer_store::StoreError;
use layer_store::app::{AppReads, AppRecord, AppWrites, IdUse};
use layer_store::changes::{Change, Kinds};
use layer_store::key::AppKey;
use layer_store::token::TokenHash;
use layer_wire::{AppId, Timestamp};
use uuid::Uuid;

use super::Session;

impl AppReads for Session<'_> {
    fn app(&self, id: AppId) -> Result<Option<AppRecord>, StoreError> {
        let key = self
            .sql
            .prepare("SELECT key FROM apps WHERE uuid = ?1")?
            .first([id.uuid().as_bytes()], |row| row.get(0))?;
        let Some(key) = key else { return Ok(None) };
        let tokens = self
            .sql
            .prepare("SELECT hash FROM app_tokens WHERE app = ?1")?
            .all([key], |row| row.get(0).map(TokenHash::from_bytes))?;
        Ok(Some(AppRecord { key: AppKey::from_number(key), tokens }))
    }

    fn id_use(&self, app: AppKey, id: Uuid) -> Result<Option<IdUse>, StoreError> {
        let found = self
            .sql
            .prepare(
                "SELECT 0 FROM messages WHERE app = ?1 AND uuid = ?2
                 UNION ALL SELECT 1 FROM conversations WHERE app = ?1 AND uuid = ?2
                 UNION ALL SELECT 2 FROM announcements WHERE app = ?1 AND uuid = ?2
                 UNION ALL SELECT 3 FROM scheduled_messages WHERE app = ?1 AND uuid = ?2
                 UNION ALL SELECT 4 FROM deleted_messages WHERE app = ?1 AND uuid = ?2
                 LIMIT 1",
            )?
            .first((app.number(), id.as_bytes()), |row| row.get::<i64>(0))?;
        Ok(found.map(|kind| match kind {
            0 => IdUse::Message,
            1 => IdUse::Conversation,
            2 => IdUse::Announcement,
            3 => IdUse::ScheduledMessage,
            _ => IdUse::DeletedMessage,
        }))
    }
}

impl AppWrites for Session<'_> {
    fn insert_app(&mut self, id: AppId, token: &TokenHash, created_at: Timestamp) -> Result<(), StoreError> {
        self.sql
            .prepare("INSERT INTO apps (uuid, created_at) VALUES (?1, ?2)")?
            .run((id.uuid().as_bytes(), created_at.as_ms()))?;
        self.sql
            .prepare("INSERT INTO app_tokens (app, hash) VALUES (?1, ?2)")?
            .run((self.sql.last_key(), token.as_bytes()))?;
        self.tell(Kinds::APPS, || Change::App(id));
        Ok(())
    }

    fn set_session_ttl(&mut self, app: AppKey, seconds: u32) -> Result<(), StoreError> {
        self.sql.prepare("UPDATE apps SET session_ttl_in_seconds = ?2 WHERE key = ?1")?.run((app.number(), seconds))?;
        Ok(())
    }

    fn link_key(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.sql.prepare("INSERT OR IGNORE INTO secrets (name, value) VALUES ('link_key', ?1)")?.run([fresh])?;
        self.sql.prepare("SELECT value FROM secrets WHERE name = 'link_key'")?.one([], |row| row.get(0))
    }
}
