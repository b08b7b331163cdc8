//! Users: the texts of the application, each stored once and named by a number elsewhere.

use layer_wire::UserId;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _};

use super::{Session, membership};
use crate::store::StoreError;
use crate::store::model::{AppKey, UnreadCounts};
use crate::store::user::{UserReads, UserWrites};

/// Names a user inside the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserKey(pub i64);

/// The key of a user that was named by a write before.
pub fn find(connection: &Connection, app: AppKey, user: &UserId) -> Result<Option<UserKey>, StoreError> {
    let key = connection
        .prepare_cached("SELECT key FROM users WHERE app = ?1 AND id = ?2")?
        .query_row((app.0, user.as_str()), |row| row.get(0))
        .optional()?;
    Ok(key.map(UserKey))
}

/// Forgets a user who was known by an identity alone, which is gone now. Whoever anything else names, or of whom the application told
/// something else, stays.
///
/// Looks through whole tables of references, as not all of them can be searched by user; identities are seldom deleted.
pub fn forget_unless_named(connection: &Connection, user: UserKey) -> Result<(), StoreError> {
    let deleted = connection
        .prepare_cached(
            "DELETE FROM users
             WHERE key = ?1 AND conversation_count = 0 AND external_unread_count = 0 AND NOT is_suspended",
        )?
        .execute([user.0]);
    match deleted.map_err(|error| (error.sqlite_error_code(), error)) {
        // Something refers to the user: the statement did nothing, and that is as it should be.
        Ok(_) | Err((Some(ErrorCode::ConstraintViolation), _)) => Ok(()),
        Err((_, error)) => Err(error.into()),
    }
}

/// The key of a user, who is created on the fly if need be.
pub fn find_or_insert(connection: &Connection, app: AppKey, user: &UserId) -> Result<UserKey, StoreError> {
    if let Some(key) = find(connection, app, user)? {
        return Ok(key);
    }
    connection.prepare_cached("INSERT INTO users (app, id) VALUES (?1, ?2)")?.execute((app.0, user.as_str()))?;
    Ok(UserKey(connection.last_insert_rowid()))
}

pub fn conversation_count(connection: &Connection, app: AppKey, user: &UserId) -> Result<u64, StoreError> {
    let count = connection
        .prepare_cached("SELECT conversation_count FROM users WHERE app = ?1 AND id = ?2")?
        .query_row((app.0, user.as_str()), |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(count.map_or(0, i64::unsigned_abs))
}

impl UserReads for Session<'_> {
    fn is_suspended(&self, app: AppKey, user: &UserId) -> Result<Option<bool>, StoreError> {
        let is_suspended = self
            .connection
            .prepare_cached("SELECT is_suspended FROM users WHERE app = ?1 AND id = ?2")?
            .query_row((app.0, user.as_str()), |row| row.get(0))
            .optional()?;
        Ok(is_suspended)
    }

    fn is_anyone_suspended(&self) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM users WHERE is_suspended LIMIT 1")?.exists([])?)
    }

    fn unread_counts(&self, app: AppKey, user: &UserId) -> Result<UnreadCounts, StoreError> {
        let Some(key) = find(self.connection, app, user)? else { return Ok(UnreadCounts::default()) };
        let external = self
            .connection
            .prepare_cached("SELECT external_unread_count FROM users WHERE key = ?1")?
            .query_row([key.0], |row| row.get(0))?;
        let (conversations, messages) = membership::unread_totals(self.connection, key)?;
        Ok(UnreadCounts { external, conversations, messages })
    }
}

impl UserWrites for Session<'_> {
    fn set_suspended(&mut self, app: AppKey, user: &UserId, is_suspended: bool) -> Result<(), StoreError> {
        let key = find_or_insert(self.connection, app, user)?;
        self.connection
            .prepare_cached("UPDATE users SET is_suspended = ?2 WHERE key = ?1")?
            .execute((key.0, is_suspended))?;
        Ok(())
    }

    fn set_external_unread_count(&mut self, app: AppKey, user: &UserId, count: u32) -> Result<(), StoreError> {
        let key = find_or_insert(self.connection, app, user)?;
        self.connection
            .prepare_cached("UPDATE users SET external_unread_count = ?2 WHERE key = ?1")?
            .execute((key.0, count))?;
        Ok(())
    }
}
