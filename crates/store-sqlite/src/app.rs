//! Apps, their tokens, and the ids that are in use.

use layer_store::StoreError;
use layer_store::app::{AppReads, AppRecord, AppWrites, IdUse, TokenRecord};
use layer_store::changes::{Change, Kinds};
use layer_store::key::AppKey;
use layer_store::token::TokenHash;
use layer_wire::{AppId, Timestamp};
use uuid::Uuid;

use super::{Session, purge};

impl AppReads for Session<'_> {
    fn app(&self, id: AppId) -> Result<Option<AppRecord>, StoreError> {
        let found = self
            .sql
            .prepare("SELECT key, name, created_at FROM apps WHERE uuid = ?1 AND is_deleted = 0")?
            .first([id.uuid().as_bytes()], |row| {
                Ok(AppRecord {
                    key: AppKey::from_number(row.get(0)?),
                    name: row.get(1)?,
                    created_at: row.time(2)?,
                    tokens: vec![],
                })
            })?;
        let Some(mut app) = found else { return Ok(None) };
        app.tokens = self
            .sql
            .prepare(
                "SELECT uuid, hash, name, created_at, expires_at, used_at FROM app_tokens WHERE app = ?1 ORDER BY key",
            )?
            .all([app.key.number()], |row| {
                Ok(TokenRecord {
                    id: row.uuid(0)?,
                    hash: TokenHash::from_bytes(row.get(1)?),
                    name: row.get(2)?,
                    created_at: row.time(3)?,
                    expires_at: row.optional_time(4)?,
                    used_at: row.optional_time(5)?,
                })
            })?;
        Ok(Some(app))
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
    fn insert_app(&mut self, id: AppId, name: Option<&str>, created_at: Timestamp) -> Result<AppKey, StoreError> {
        self.sql.prepare("INSERT INTO apps (uuid, name, created_at) VALUES (?1, ?2, ?3)")?.run((
            id.uuid().as_bytes(),
            name,
            created_at.as_ms(),
        ))?;
        let key = AppKey::from_number(self.sql.last_key());
        self.tell(Kinds::APPS, || Change::App(id));
        Ok(key)
    }

    fn delete_app(&mut self, id: AppId) -> Result<bool, StoreError> {
        let Some(app) = self.app(id)? else { return Ok(false) };
        self.sql.prepare("UPDATE apps SET is_deleted = 1 WHERE key = ?1")?.run([app.key.number()])?;
        self.sql.prepare("DELETE FROM app_tokens WHERE app = ?1")?.run([app.key.number()])?;
        self.tell(Kinds::APPS, || Change::App(id));
        Ok(true)
    }

    fn purge_deleted_apps(&mut self, limit: usize) -> Result<bool, StoreError> {
        purge::deleted_apps(self, limit)
    }

    fn insert_token(&mut self, app: AppKey, token: &TokenRecord) -> Result<(), StoreError> {
        self.sql
            .prepare(
                "INSERT INTO app_tokens (app, uuid, hash, name, created_at, expires_at, used_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .run((
                app.number(),
                token.id.as_bytes(),
                token.hash.as_bytes(),
                &token.name,
                token.created_at.as_ms(),
                token.expires_at.map(Timestamp::as_ms),
                token.used_at.map(Timestamp::as_ms),
            ))?;
        self.tell_app(app)
    }

    fn expire_token(&mut self, app: AppKey, id: Uuid, at: Timestamp) -> Result<bool, StoreError> {
        let found = self.sql.prepare("UPDATE app_tokens SET expires_at = ?3 WHERE app = ?1 AND uuid = ?2")?.run((
            app.number(),
            id.as_bytes(),
            at.as_ms(),
        ))?;
        self.tell_app(app)?;
        Ok(found > 0)
    }

    fn note_token_use(&mut self, app: AppKey, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
        self.sql.prepare("UPDATE app_tokens SET used_at = ?3 WHERE app = ?1 AND uuid = ?2")?.run((
            app.number(),
            id.as_bytes(),
            at.as_ms(),
        ))?;
        Ok(())
    }

    fn delete_token(&mut self, app: AppKey, id: Uuid) -> Result<bool, StoreError> {
        let found = self
            .sql
            .prepare("DELETE FROM app_tokens WHERE app = ?1 AND uuid = ?2")?
            .run((app.number(), id.as_bytes()))?;
        self.tell_app(app)?;
        Ok(found > 0)
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

impl Session<'_> {
    /// Tells that something of an app is another one now.
    pub fn tell_app(&mut self, app: AppKey) -> Result<(), StoreError> {
        let id = self
            .sql
            .prepare("SELECT uuid FROM apps WHERE key = ?1")?
            .first([app.number()], |row| row.uuid(0).map(AppId::new))?;
        if let Some(id) = id {
            self.tell(Kinds::APPS, || Change::App(id));
        }
        Ok(())
    }
}
