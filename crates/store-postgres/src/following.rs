//! Whom a user follows: the users it shares a conversation with now, and the table of what goes beyond that.
//!
//! Creating a conversation writes nothing here: pairs are written when a shared conversation ends.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::conversation::ConversationRecord;
use layer_store::following::{FollowingReads, FollowingWrites};
use layer_store::key::AppKey;
use layer_store::log::Entry;
use layer_wire::UserId;

use super::Session;
use super::sql::{self, Sql};
use super::user::{self, UserKey};

/// The keys of those whom the user $1 follows.
pub const FOLLOWED: &str = "
    SELECT followed FROM follows WHERE follower = $1 AND is_following
    UNION
    SELECT theirs.user_key FROM memberships AS mine
    JOIN memberships AS theirs ON theirs.conversation = mine.conversation
    WHERE mine.user_key = $1 AND theirs.user_key <> $1 AND mine.left_position IS NULL AND theirs.left_position IS NULL
    AND NOT EXISTS (SELECT 1 FROM follows WHERE follower = $1 AND followed = theirs.user_key AND NOT is_following)";

impl FollowingReads for Session<'_> {
    fn is_following(&self, app: AppKey, user: &UserId, followed: &UserId) -> Result<bool, StoreError> {
        let user = user::find(self.sql, app, user)?;
        let followed = user::find(self.sql, app, followed)?;
        let (Some(user), Some(followed)) = (user, followed) else { return Ok(false) };
        let said = self
            .sql
            .prepare("SELECT is_following FROM follows WHERE follower = $1 AND followed = $2")
            .first([user.0, followed.0], |row| row.get(0))?;
        match said {
            Some(is_following) => Ok(is_following),
            None if user == followed => Ok(false),
            None => shares_conversation(self.sql, user, followed),
        }
    }

    fn following(
        &self,
        app: AppKey,
        user: &UserId,
        from: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let Some(user) = user::find(self.sql, app, user)? else { return Ok(vec![]) };
        let after = match from {
            None => 0,
            Some(from) => user::find(self.sql, app, from)?.map_or(i64::MAX, |from| from.0),
        };
        let limit = sql::limit(limit);
        let statement = self.sql.prepare(format!(
            "SELECT users.id FROM users WHERE users.key IN ({FOLLOWED}) AND users.key > $2 ORDER BY users.key LIMIT $3"
        ));
        let found = statement.all([user.0, after, limit], |row| row.get(0).map(UserId::trusted))?;
        Ok(found)
    }

    fn followers(&self, app: AppKey, user: &UserId) -> Result<Vec<UserId>, StoreError> {
        let Some(user) = user::find(self.sql, app, user)? else { return Ok(vec![]) };
        self.sql
            .prepare(
                "SELECT users.id FROM users WHERE users.key IN (
                     SELECT follower FROM follows WHERE followed = $1 AND is_following
                     UNION
                     SELECT theirs.user_key FROM memberships AS mine
                     JOIN memberships AS theirs ON theirs.conversation = mine.conversation
                     WHERE mine.user_key = $1 AND theirs.user_key <> $1
                     AND mine.left_position IS NULL AND theirs.left_position IS NULL
                     AND NOT EXISTS (SELECT 1 FROM follows
                         WHERE follower = theirs.user_key AND followed = $1 AND NOT is_following))",
            )
            .all([user.0], |row| row.get(0).map(UserId::trusted))
    }

    fn following_count(&self, app: AppKey, user: &UserId) -> Result<u64, StoreError> {
        let Some(user) = user::find(self.sql, app, user)? else { return Ok(0) };
        self.sql.prepare(format!("SELECT count(*) FROM ({FOLLOWED}) AS followed")).one([user.0], |row| row.count(0))
    }
}

impl FollowingWrites for Session<'_> {
    fn follow(&mut self, app: AppKey, user: &UserId, followed: &UserId) -> Result<(), StoreError> {
        self.say(app, user, followed, true)
    }

    fn unfollow(&mut self, app: AppKey, user: &UserId, followed: &UserId) -> Result<(), StoreError> {
        self.say(app, user, followed, false)
    }
}

impl Session<'_> {
    fn say(&mut self, app: AppKey, user: &UserId, followed: &UserId, is_following: bool) -> Result<(), StoreError> {
        let key = user::find_or_insert(self.sql, app, user)?;
        let other = user::find_or_insert(self.sql, app, followed)?;
        self.sql
            .prepare(
                "INSERT INTO follows (follower, followed, is_following) VALUES ($1, $2, $3)
                 ON CONFLICT (follower, followed) DO UPDATE SET is_following = excluded.is_following",
            )
            .run((key.0, other.0, is_following))?;
        self.log_for_user(app, key, || Entry::Following { user: followed.clone(), is_following })?;
        self.tell(Kinds::FOLLOWING, || Change::Following { app, user: user.clone() });
        Ok(())
    }
}

fn shares_conversation(sql: Sql<'_>, one: UserKey, other: UserKey) -> Result<bool, StoreError> {
    sql.prepare(
        "SELECT 1 FROM memberships AS mine
             JOIN memberships AS theirs ON theirs.user_key = $2 AND theirs.conversation = mine.conversation
             WHERE mine.user_key = $1 AND mine.left_position IS NULL AND theirs.left_position IS NULL",
    )
    .exists([one.0, other.0])
}

/// Undoes the unfollows between a new member of a conversation and its other members.
pub fn meet(sql: Sql<'_>, member: UserKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
    let is_any_unfollow = sql.prepare("SELECT 1 FROM follows WHERE NOT is_following LIMIT 1").exists(())?;
    if !is_any_unfollow {
        return Ok(());
    }
    sql
        .prepare(
            "DELETE FROM follows WHERE NOT is_following AND (
                 follower = $1 AND followed IN (SELECT user_key FROM memberships WHERE conversation = $2 AND left_position IS NULL)
                 OR
                 followed = $1 AND follower IN (SELECT user_key FROM memberships WHERE conversation = $2 AND left_position IS NULL))",
        )
        .run([member.0, conversation.key.number()])?;
    Ok(())
}

/// Keeps that a member who leaves and the other members follow each other.
pub fn part(sql: Sql<'_>, member: UserKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
    for pair in ["$1::bigint, user_key", "user_key, $1::bigint"] {
        sql.prepare(format!(
            "INSERT INTO follows (follower, followed, is_following)
                 SELECT {pair}, true FROM memberships WHERE conversation = $2 AND user_key <> $1 AND left_position IS NULL
                 ORDER BY 1, 2 ON CONFLICT DO NOTHING"
        ))
        .run([member.0, conversation.key.number()])?;
    }
    Ok(())
}

/// Keeps that all members of a conversation that is deleted follow each other.
pub fn part_all(sql: Sql<'_>, conversation: &ConversationRecord) -> Result<(), StoreError> {
    sql.prepare(
        "INSERT INTO follows (follower, followed, is_following)
             SELECT mine.user_key, theirs.user_key, true FROM memberships AS mine
             JOIN memberships AS theirs ON theirs.conversation = mine.conversation
             WHERE mine.conversation = $1 AND theirs.user_key <> mine.user_key
             AND mine.left_position IS NULL AND theirs.left_position IS NULL
             ORDER BY 1, 2 ON CONFLICT DO NOTHING",
    )
    .run([conversation.key.number()])?;
    Ok(())
}
