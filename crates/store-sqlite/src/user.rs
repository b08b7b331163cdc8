//! Users: the texts of the application, each stored once and named by a number elsewhere.

use layer_store::StoreError;
use layer_store::model::{AppKey, UnreadCounts};
use layer_store::user::{UserReads, UserWrites};
use layer_wire::UserId;

use super::sql::Sql;
use super::{Session, membership};

/// Names a user inside the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserKey(pub i64);

/// The key of a user that was named by a write before.
pub fn find(sql: Sql<'_>, app: AppKey, user: &UserId) -> Result<Option<UserKey>, StoreError> {
    let key = sql
        .prepare("SELECT key FROM users WHERE app = ?1 AND id = ?2")?
        .first((app.0, user.as_str()), |row| row.get(0))?;
    Ok(key.map(UserKey))
}

/// Forgets a user who was known by an identity alone, which is gone now. Whoever anything else names, or of whom the application told
/// something else, stays.
///
/// Looks through whole tables of references, as not all of them can be searched by user; identities are seldom deleted.
pub fn forget_unless_named(sql: Sql<'_>, user: UserKey) -> Result<(), StoreError> {
    sql.prepare(
        "DELETE FROM users
         WHERE key = ?1 AND conversation_count = 0 AND external_unread_count = 0 AND NOT is_suspended
         AND NOT EXISTS (SELECT 1 FROM memberships WHERE user = ?1)
         AND NOT EXISTS (SELECT 1 FROM announcement_copies WHERE user = ?1)
         AND NOT EXISTS (SELECT 1 FROM blocks WHERE owner = ?1 OR blocked = ?1)
         AND NOT EXISTS (SELECT 1 FROM follows WHERE follower = ?1 OR followed = ?1)
         AND NOT EXISTS (SELECT 1 FROM message_deletions WHERE user = ?1)",
    )?
    .run([user.0])?;
    Ok(())
}

/// The key of a user, who is created on the fly if need be.
pub fn find_or_insert(sql: Sql<'_>, app: AppKey, user: &UserId) -> Result<UserKey, StoreError> {
    if let Some(key) = find(sql, app, user)? {
        return Ok(key);
    }
    sql.prepare("INSERT INTO users (app, id) VALUES (?1, ?2)")?.run((app.0, user.as_str()))?;
    Ok(UserKey(sql.last_key()))
}

pub fn conversation_count(sql: Sql<'_>, app: AppKey, user: &UserId) -> Result<u64, StoreError> {
    let count = sql
        .prepare("SELECT conversation_count FROM users WHERE app = ?1 AND id = ?2")?
        .first((app.0, user.as_str()), |row| row.count(0))?;
    Ok(count.unwrap_or_default())
}

impl UserReads for Session<'_> {
    fn is_suspended(&self, app: AppKey, user: &UserId) -> Result<Option<bool>, StoreError> {
        let is_suspended = self
            .sql
            .prepare("SELECT is_suspended FROM users WHERE app = ?1 AND id = ?2")?
            .first((app.0, user.as_str()), |row| row.get(0))?;
        Ok(is_suspended)
    }

    fn is_anyone_suspended(&self) -> Result<bool, StoreError> {
        self.sql.prepare("SELECT 1 FROM users WHERE is_suspended LIMIT 1")?.exists([])
    }

    fn unread_counts(&self, app: AppKey, user: &UserId) -> Result<UnreadCounts, StoreError> {
        let Some(key) = find(self.sql, app, user)? else { return Ok(UnreadCounts::default()) };
        let external = self
            .sql
            .prepare("SELECT external_unread_count FROM users WHERE key = ?1")?
            .one([key.0], |row| row.get(0))?;
        let (conversations, messages) = membership::unread_totals(self.sql, key)?;
        Ok(UnreadCounts { external, conversations, messages })
    }
}

impl UserWrites for Session<'_> {
    fn set_suspended(&mut self, app: AppKey, user: &UserId, is_suspended: bool) -> Result<(), StoreError> {
        let key = find_or_insert(self.sql, app, user)?;
        self.sql.prepare("UPDATE users SET is_suspended = ?2 WHERE key = ?1")?.run((key.0, is_suspended))?;
        Ok(())
    }

    fn set_external_unread_count(&mut self, app: AppKey, user: &UserId, count: u32) -> Result<(), StoreError> {
        let key = find_or_insert(self.sql, app, user)?;
        self.sql.prepare("UPDATE users SET external_unread_count = ?2 WHERE key = ?1")?.run((key.0, count))?;
        Ok(())
    }
}
