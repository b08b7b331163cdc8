//! Block lists.

use layer_store::StoreError;
use layer_store::block::{BlockReads, BlockWrites};
use layer_store::changes::{Change, Kinds};
use layer_store::key::AppKey;
use layer_wire::UserId;

use super::sql::Query;
use super::{Session, user};

/// Whether anyone of some users blocks anyone of others, or the other way round: lists as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Between {
    app: AppKey,
    one: String,
    other: String,
}

/// Those of these questions, numbered from one, to which the answer is yes.
pub fn with_blocks<'v>(asked: &[&'v Between]) -> Query<'v> {
    let sql = "SELECT asked.number FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY AS asked (app, one, other, number)
         WHERE EXISTS (
             SELECT 1 FROM json_array_elements_text(asked.one::json) AS named_one (id)
             JOIN users AS one ON one.app = asked.app AND one.id = named_one.id
             CROSS JOIN json_array_elements_text(asked.other::json) AS named_other (id)
             JOIN users AS other ON other.app = asked.app AND other.id = named_other.id AND other.key <> one.key
             JOIN blocks ON (blocks.owner = one.key AND blocks.blocked = other.key)
                 OR (blocks.owner = other.key AND blocks.blocked = one.key))";
    Query::new(
        sql,
        (
            asked.iter().map(|asked| asked.app.number()).collect::<Vec<_>>(),
            asked.iter().map(|asked| &*asked.one).collect::<Vec<_>>(),
            asked.iter().map(|asked| &*asked.other).collect::<Vec<_>>(),
        ),
    )
}

impl BlockReads for Session<'_> {
    fn block_list(&self, app: AppKey, owner: &UserId) -> Result<Vec<UserId>, StoreError> {
        let Some(owner) = user::find(self.sql, app, owner)? else { return Ok(vec![]) };
        self.sql
            .prepare("SELECT users.id FROM blocks JOIN users ON users.key = blocks.blocked WHERE blocks.owner = $1 ORDER BY users.key")
            .all([owner.0], |row| row.get(0).map(UserId::trusted))
    }

    fn has_block_between(&self, app: AppKey, one: &[UserId], other: &[UserId]) -> Result<bool, StoreError> {
        let between = Between { app, one: serde_json::to_string(one)?, other: serde_json::to_string(other)? };
        if let Some(facts) = &self.facts {
            return Ok(facts.has_block(between));
        }
        self.sql
            .prepare(
                "WITH one AS (SELECT key FROM users WHERE app = $1 AND id IN (SELECT json_array_elements_text($2::text::json))),
                 other AS (SELECT key FROM users WHERE app = $1 AND id IN (SELECT json_array_elements_text($3::text::json)))
                 SELECT 1 FROM one JOIN other ON one.key <> other.key JOIN blocks
                 ON (blocks.owner = one.key AND blocks.blocked = other.key)
                 OR (blocks.owner = other.key AND blocks.blocked = one.key) LIMIT 1",
            )
            .exists((app.number(), between.one, between.other))
    }
}

impl BlockWrites for Session<'_> {
    fn block(&mut self, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError> {
        let owner_key = user::find_or_insert(self.sql, app, owner)?;
        let blocked = user::find_or_insert(self.sql, app, blocked)?;
        self.sql
            .prepare("INSERT INTO blocks (owner, blocked) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .run([owner_key.0, blocked.0])?;
        self.tell(Kinds::BLOCK_LISTS, || Change::BlockList { app, user: owner.clone() });
        Ok(())
    }

    fn unblock(&mut self, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError> {
        let owner_key = user::find(self.sql, app, owner)?;
        let blocked = user::find(self.sql, app, blocked)?;
        if let (Some(owner_key), Some(blocked)) = (owner_key, blocked) {
            self.sql.prepare("DELETE FROM blocks WHERE owner = $1 AND blocked = $2").run([owner_key.0, blocked.0])?;
            self.tell(Kinds::BLOCK_LISTS, || Change::BlockList { app, user: owner.clone() });
        }
        Ok(())
    }
}
