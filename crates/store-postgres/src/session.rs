//! Sessions of users, and the nonces that they begin with.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::key::AppKey;
use layer_store::session::{SessionReads, SessionRecord, SessionWrites};
use layer_store::token::TokenHash;
use layer_wire::{AppId, Timestamp, UserId};

use super::sql::limit as sql_limit;
use super::{Session, user};

impl SessionReads for Session<'_> {
    fn session(&self, token: &TokenHash) -> Result<Option<SessionRecord>, StoreError> {
        self.sql
            .prepare(
                "SELECT apps.uuid, apps.key, users.id, sessions.expires_at FROM sessions
                 JOIN users ON users.key = sessions.user_key JOIN apps ON apps.key = users.app
                 WHERE sessions.hash = $1 AND NOT apps.is_deleted",
            )
            .first([token.as_bytes()], |row| {
                Ok(SessionRecord {
                    app: AppId::new(row.uuid(0)?),
                    key: AppKey::from_number(row.get(1)?),
                    user: UserId::trusted(row.get(2)?),
                    expires_at: row.time(3)?,
                })
            })
    }

    fn session_ttl(&self, app: AppKey) -> Result<Option<u32>, StoreError> {
        self.sql.prepare("SELECT session_ttl_in_seconds FROM apps WHERE key = $1").one([app.number()], |row| row.get(0))
    }
}

impl SessionWrites for Session<'_> {
    fn nonce_key(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.sql.prepare("INSERT INTO nonce_key (key, value) VALUES (0, $1) ON CONFLICT DO NOTHING").run([fresh])?;
        self.sql.prepare("SELECT value FROM nonce_key").one((), |row| row.get(0))
    }

    fn use_nonce(&mut self, nonce: &TokenHash, expires_at: Timestamp) -> Result<bool, StoreError> {
        let inserted = self
            .sql
            .prepare("INSERT INTO used_nonces (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .run((nonce.as_bytes(), expires_at.as_ms()))?;
        Ok(inserted > 0)
    }

    fn insert_session(
        &mut self,
        app: AppKey,
        user: &UserId,
        token: &TokenHash,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let user = user::find_or_insert(self.sql, app, user)?;
        self.sql
            .prepare("INSERT INTO sessions (hash, user_key, created_at, expires_at) VALUES ($1, $2, $3, $4)")
            .run((token.as_bytes(), user.0, created_at.as_ms(), expires_at.as_ms()))?;
        Ok(())
    }

    fn end_session(&mut self, token: &TokenHash) -> Result<bool, StoreError> {
        let Some(SessionRecord { key: app, user, .. }) = self.session(token)? else { return Ok(false) };
        self.sql.prepare("DELETE FROM sessions WHERE hash = $1").run([token.as_bytes()])?;
        self.tell(Kinds::SESSIONS, || Change::SessionEnded { app, user });
        Ok(true)
    }

    fn end_sessions_of(&mut self, app: AppKey, user: &UserId) -> Result<(), StoreError> {
        let Some(key) = user::find(self.sql, app, user)? else { return Ok(()) };
        let ended = self.sql.prepare("DELETE FROM sessions WHERE user_key = $1").run([key.0])?;
        if ended > 0 {
            self.tell(Kinds::SESSIONS, || Change::SessionEnded { app, user: user.clone() });
        }
        Ok(())
    }

    fn forget_expired(&mut self, now: Timestamp, limit: usize) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires_at < $1 LIMIT $2)",
            "DELETE FROM used_nonces WHERE hash IN (SELECT hash FROM used_nonces WHERE expires_at < $1 LIMIT $2)",
        ] {
            self.sql.prepare(sql).run((now.as_ms(), sql_limit(limit)))?;
        }
        Ok(())
    }
}
