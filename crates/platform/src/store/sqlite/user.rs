//! Users: the texts of the application, each stored once and named by a number elsewhere.

use layer_wire::UserId;
use rusqlite::{Connection, OptionalExtension as _};

use crate::store::StoreError;
use crate::store::model::AppKey;

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

/// Whether anything names the user still: its identity, a membership, a block. The row alone does not tell, since it stays when the
/// identity is deleted.
pub fn exists(connection: &Connection, app: AppKey, user: &UserId) -> Result<bool, StoreError> {
    let Some(key) = find(connection, app, user)? else { return Ok(false) };
    let exists = connection
        .prepare_cached(
            "SELECT 1 FROM identities WHERE user = ?1
             UNION ALL SELECT 1 FROM memberships WHERE user = ?1
             UNION ALL SELECT 1 FROM blocks WHERE owner = ?1 OR blocked = ?1
             LIMIT 1",
        )?
        .exists([key.0])?;
    Ok(exists)
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
