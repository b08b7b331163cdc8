//! Users: the texts of the application, each stored once and named by a number elsewhere.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::key::AppKey;
use layer_store::user::{UnreadCounts, UserReads, UserWrites};
use layer_wire::UserId;

use super::Session;
use super::sql::Sql;

/// Names a user inside the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserKey(pub i64);

/// The key of a user that was named by a write before.
pub fn find(sql: Sql<'_>, app: AppKey, user: &UserId) -> Result<Option<UserKey>, StoreError> {
    let key = sql
        .prepare("SELECT key FROM users WHERE app = $1 AND id = $2")
        .first((app.number(), user.as_str()), |row| row.get(0))?;
    Ok(key.map(UserKey))
}

/// Forgets a user who was known by an identity alone, which is gone now. Whoever anything else names, or of whom the
/// application told something else, stays.
///
/// Looks through whole tables of references, as not all of them can be searched by user; identities are seldom deleted.
pub fn forget_unless_named(sql: Sql<'_>, user: UserKey) -> Result<(), StoreError> {
    sql.prepare(
        "DELETE FROM users
         WHERE key = $1 AND conversation_count = 0 AND external_unread_count = 0 AND NOT is_suspended AND log_until IS NULL
         AND NOT EXISTS (SELECT 1 FROM memberships WHERE user_key = $1)
         AND NOT EXISTS (SELECT 1 FROM announcement_copies WHERE user_key = $1)
         AND NOT EXISTS (SELECT 1 FROM blocks WHERE owner = $1 OR blocked = $1)
         AND NOT EXISTS (SELECT 1 FROM follows WHERE follower = $1 OR followed = $1)
         AND NOT EXISTS (SELECT 1 FROM message_deletions WHERE user_key = $1)
         AND NOT EXISTS (SELECT 1 FROM sessions WHERE user_key = $1)
         AND NOT EXISTS (SELECT 1 FROM contents WHERE uploader = $1)
         AND NOT EXISTS (SELECT 1 FROM push_tokens WHERE user_key = $1)",
    )
    .run([user.0])?;
    Ok(())
}

/// The key of a user, who is created on the fly if need be.
pub fn find_or_insert(sql: Sql<'_>, app: AppKey, user: &UserId) -> Result<UserKey, StoreError> {
    if let Some(key) = find(sql, app, user)? {
        return Ok(key);
    }
    let key = sql
        .prepare("INSERT INTO users (app, id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING key")
        .first((app.number(), user.as_str()), |row| row.get(0))?;
    match key {
        Some(key) => Ok(UserKey(key)),
        // The other one has committed by now, or else this one would have waited for it.
        None => find(sql, app, user)?.ok_or_else(|| sql.conflict()),
    }
}

/// How many conversations of a user have unread messages, and how many these messages are.
fn unread_totals(sql: Sql<'_>, user: UserKey) -> Result<(u64, u64), StoreError> {
    sql.prepare(
        "SELECT count(*), COALESCE(sum(unread), 0)::bigint FROM (
             SELECT COALESCE(visible_count, message_count) - settled_count AS unread FROM memberships
             JOIN conversations ON conversations.key = memberships.conversation WHERE memberships.user_key = $1) AS counted
         WHERE unread > 0",
    )
    .one([user.0], |row| Ok((row.count(0)?, row.count(1)?)))
}

impl UserReads for Session<'_> {
    fn user_exists(&self, app: AppKey, user: &UserId) -> Result<bool, StoreError> {
        Ok(find(self.sql, app, user)?.is_some())
    }

    fn is_suspended(&self, app: AppKey, user: &UserId) -> Result<Option<bool>, StoreError> {
        let is_suspended = self
            .sql
            .prepare("SELECT is_suspended FROM users WHERE app = $1 AND id = $2")
            .first((app.number(), user.as_str()), |row| row.get(0))?;
        Ok(is_suspended)
    }

    fn is_anyone_suspended(&self) -> Result<bool, StoreError> {
        self.sql.prepare("SELECT 1 FROM users WHERE is_suspended LIMIT 1").exists(())
    }

    fn unread_counts(&self, app: AppKey, user: &UserId) -> Result<UnreadCounts, StoreError> {
        let Some(key) = find(self.sql, app, user)? else { return Ok(UnreadCounts::default()) };
        let external = self
            .sql
            .prepare("SELECT external_unread_count FROM users WHERE key = $1")
            .one([key.0], |row| row.get(0))?;
        let (conversations, messages) = unread_totals(self.sql, key)?;
        Ok(UnreadCounts { external, conversations, messages })
    }
}

impl UserWrites for Session<'_> {
    fn set_suspended(&mut self, app: AppKey, user: &UserId, is_suspended: bool) -> Result<(), StoreError> {
        let key = find_or_insert(self.sql, app, user)?;
        self.sql.prepare("UPDATE users SET is_suspended = $2 WHERE key = $1").run((key.0, is_suspended))?;
        self.tell(Kinds::SUSPENSIONS, || Change::Suspension { app, user: user.clone() });
        Ok(())
    }

    fn set_external_unread_count(&mut self, app: AppKey, user: &UserId, count: u32) -> Result<(), StoreError> {
        let key = find_or_insert(self.sql, app, user)?;
        self.sql.prepare("UPDATE users SET external_unread_count = $2 WHERE key = $1").run((key.0, count))?;
        self.tell(Kinds::UNREAD_COUNTS, || Change::UnreadCount { app, user: user.clone() });
        Ok(())
    }
}
