//! Block lists.

use layer_store::StoreError;
use layer_store::model::AppKey;
use layer_wire::UserId;

use super::sql::Sql;
use super::user::{self, UserKey};

pub fn list(sql: Sql<'_>, app: AppKey, owner: &UserId) -> Result<Vec<UserId>, StoreError> {
    let Some(owner) = user::find(sql, app, owner)? else { return Ok(vec![]) };
    let mut statement =
        sql.prepare("SELECT users.id FROM blocks JOIN users ON users.key = blocks.blocked WHERE blocks.owner = ?1")?;
    let blocked = statement.all([owner.0], |row| row.get(0).map(UserId::trusted))?;
    Ok(blocked)
}

pub fn exists_between(sql: Sql<'_>, app: AppKey, one: &[UserId], other: &[UserId]) -> Result<bool, StoreError> {
    let is_any_block = sql.prepare("SELECT 1 FROM blocks LIMIT 1")?.exists([])?;
    if !is_any_block {
        return Ok(false);
    }
    let one = known_keys(sql, app, one)?;
    let other = known_keys(sql, app, other)?;
    let mut statement = sql.prepare("SELECT 1 FROM blocks WHERE owner = ?1 AND blocked = ?2")?;
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
fn known_keys(sql: Sql<'_>, app: AppKey, users: &[UserId]) -> Result<Vec<UserKey>, StoreError> {
    users.iter().filter_map(|user| user::find(sql, app, user).transpose()).collect()
}

pub fn insert(sql: Sql<'_>, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError> {
    let owner = user::find_or_insert(sql, app, owner)?;
    let blocked = user::find_or_insert(sql, app, blocked)?;
    sql.prepare("INSERT INTO blocks (owner, blocked) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .run([owner.0, blocked.0])?;
    Ok(())
}

pub fn delete(sql: Sql<'_>, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError> {
    let owner = user::find(sql, app, owner)?;
    let blocked = user::find(sql, app, blocked)?;
    if let (Some(owner), Some(blocked)) = (owner, blocked) {
        sql.prepare("DELETE FROM blocks WHERE owner = ?1 AND blocked = ?2")?.run([owner.0, blocked.0])?;
    }
    Ok(())
}
