//! Block lists.

use layer_store::StoreError;
use layer_store::block::{BlockReads, BlockWrites};
use layer_store::changes::{Change, Kinds};
use layer_store::key::AppKey;
use layer_wire::UserId;

use super::Session;
use super::sql::Sql;
use super::user::{self, UserKey};

/// A user without a key was never named in a block.
fn known_keys(sql: Sql<'_>, app: AppKey, users: &[UserId]) -> Result<Vec<UserKey>, StoreError> {
    users.iter().filter_map(|user| user::find(sql, app, user).transpose()).collect()
}

impl BlockReads for Session<'_> {
    fn block_list(&self, app: AppKey, owner: &UserId) -> Result<Vec<UserId>, StoreError> {
        let Some(owner) = user::find(self.sql, app, owner)? else { return Ok(vec![]) };
        self.sql
            .prepare("SELECT users.id FROM blocks JOIN users ON users.key = blocks.blocked WHERE blocks.owner = ?1")?
            .all([owner.0], |row| row.get(0).map(UserId::trusted))
    }

    fn has_block_between(&self, app: AppKey, one: &[UserId], other: &[UserId]) -> Result<bool, StoreError> {
        if !self.sql.prepare("SELECT 1 FROM blocks LIMIT 1")?.exists([])? {
            return Ok(false);
        }
        let one = known_keys(self.sql, app, one)?;
        let other = known_keys(self.sql, app, other)?;
        let mut statement = self.sql.prepare("SELECT 1 FROM blocks WHERE owner = ?1 AND blocked = ?2")?;
        for left in &one {
            for right in other.iter().filter(|right| *right != left) {
                if statement.exists([left.0, right.0])? || statement.exists([right.0, left.0])? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

impl BlockWrites for Session<'_> {
    fn block(&mut self, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError> {
        let owner_key = user::find_or_insert(self.sql, app, owner)?;
        let blocked = user::find_or_insert(self.sql, app, blocked)?;
        self.sql
            .prepare("INSERT INTO blocks (owner, blocked) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .run([owner_key.0, blocked.0])?;
        self.tell(Kinds::BLOCK_LISTS, || Change::BlockList { app, user: owner.clone() });
        Ok(())
    }

    fn unblock(&mut self, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError> {
        let owner_key = user::find(self.sql, app, owner)?;
        let blocked = user::find(self.sql, app, blocked)?;
        if let (Some(owner_key), Some(blocked)) = (owner_key, blocked) {
            self.sql.prepare("DELETE FROM blocks WHERE owner = ?1 AND blocked = ?2")?.run([owner_key.0, blocked.0])?;
            self.tell(Kinds::BLOCK_LISTS, || Change::BlockList { app, user: owner.clone() });
        }
        Ok(())
    }
}
