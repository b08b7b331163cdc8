//! Block lists.

use layer_wire::UserId;
use rusqlite::Connection;

use super::user::{self, UserKey};
use crate::store::StoreError;
use crate::store::model::AppKey;

pub fn list(connection: &Connection, app: AppKey, owner: &UserId) -> Result<Vec<UserId>, StoreError> {
    let Some(owner) = user::find(connection, app, owner)? else { return Ok(vec![]) };
    let mut statement = connection.prepare_cached(
        "SELECT users.id FROM blocks JOIN users ON users.key = blocks.blocked WHERE blocks.owner = ?1",
    )?;
    let blocked = statement.query_map([owner.0], |row| row.get(0).map(UserId::trusted))?;
    Ok(blocked.collect::<Result<_, _>>()?)
}

pub fn exists_between(
    connection: &Connection,
    app: AppKey,
    one: &[UserId],
    other: &[UserId],
) -> Result<bool, StoreError> {
    let is_any_block = connection.prepare_cached("SELECT 1 FROM blocks LIMIT 1")?.exists([])?;
    if !is_any_block {
        return Ok(false);
    }
    let one = known_keys(connection, app, one)?;
    let other = known_keys(connection, app, other)?;
    let mut statement = connection.prepare_cached("SELECT 1 FROM blocks WHERE owner = ?1 AND blocked = ?2")?;
    for left in &one {
        for right in other.iter().filter(|right| *right != left) {
            if statement.exists([left.0, right.0])? || statement.exists([right.0, left.0])? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// A user without a key was never named in a block.
fn known_keys(connection: &Connection, app: AppKey, users: &[UserId]) -> Result<Vec<UserKey>, StoreError> {
    users.iter().filter_map(|user| user::find(connection, app, user).transpose()).collect()
}

pub fn insert(connection: &Connection, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError> {
    let owner = user::find_or_insert(connection, app, owner)?;
    let blocked = user::find_or_insert(connection, app, blocked)?;
    connection
        .prepare_cached("INSERT INTO blocks (owner, blocked) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute([owner.0, blocked.0])?;
    Ok(())
}

pub fn delete(connection: &Connection, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError> {
    let owner = user::find(connection, app, owner)?;
    let blocked = user::find(connection, app, blocked)?;
    if let (Some(owner), Some(blocked)) = (owner, blocked) {
        connection
            .prepare_cached("DELETE FROM blocks WHERE owner = ?1 AND blocked = ?2")?
            .execute([owner.0, blocked.0])?;
    }
    Ok(())
}
