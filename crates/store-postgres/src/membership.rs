//! Memberships: who is or was in a conversation, and the lists of conversations by user.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::conversation::ConversationRecord;
use layer_store::held::Held;
use layer_store::key::AppKey;
use layer_store::log::Entry;
use layer_store::membership::{KeptMembership, Membership, MembershipReads, MembershipWrites};
use layer_store::seen::SeenReads;
use layer_wire::UserId;
use layer_wire::body::Object;
use layer_wire::page::SortBy;
use uuid::Uuid;

use super::log::Moment;
use super::sql::{self, Query, Row, Sql};
use super::user::UserKey;
use super::{Session, following, row, user};

/// The columns that [`read`] expects, in its order.
pub const COLUMNS: &str = "memberships.left_position, memberships.visible_count, memberships.settled_count, \
     memberships.is_deleted, memberships.deleted_position, memberships.deleted_count, memberships.read_position";

/// How many columns [`read`] takes.
const COLUMN_COUNT: usize = 7;

/// Reads the [`COLUMNS`], beginning at column `first`.
pub fn read(row: &Row, first: usize, conversation: &ConversationRecord) -> Result<Membership, StoreError> {
    let kept = KeptMembership {
        left_position: row.get(first)?,
        left_count: row.get::<Option<i64>>(first + 1)?.map(i64::unsigned_abs),
        settled_count: row.count(first + 2)?,
        is_deleted: row.get(first + 3)?,
        deleted_position: row.get(first + 4)?,
        deleted_count: row.count(first + 5)?,
        read_position: row.get(first + 6)?,
    };
    Ok(Membership::counted(conversation, kept))
}

/// Reads `left_metadata`.
fn read_left(row: &Row, column: usize) -> Result<Option<Object>, StoreError> {
    let text: Option<String> = row.get(column)?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

impl MembershipReads for Session<'_> {
    fn membership(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<Option<Membership>, StoreError> {
        self.sql
            .prepare(format!(
                "SELECT {COLUMNS} FROM users JOIN memberships ON memberships.user_key = users.key
                 WHERE users.app = $1 AND users.id = $2 AND memberships.conversation = $3",
            ))
            .first((app.number(), user.as_str(), conversation.key.number()), |row| read(row, 0, conversation))
    }

    fn conversations_of(
        &self,
        app: AppKey,
        user: &UserId,
        sort_by: SortBy,
        from: Option<&ConversationRecord>,
        limit: usize,
    ) -> Result<Vec<(ConversationRecord, Membership)>, StoreError> {
        // Keys grow with creation here, so by creation this is one range of the primary key. By last message all
        // conversations of the user are looked at: an index would have to be rewritten for every participant with every
        // message.
        let order = match sort_by {
            SortBy::CreatedAt => "memberships.conversation < $4 ORDER BY memberships.conversation DESC",
            SortBy::LastMessage => {
                "(conversations.active_at, conversations.key) < ($3, $4)
                 ORDER BY conversations.active_at DESC, conversations.key DESC"
            }
        };
        let statement = self.sql.prepare(format!(
            "SELECT {}, {COLUMNS}, memberships.left_metadata FROM users
             JOIN memberships ON memberships.user_key = users.key
             JOIN conversations ON conversations.key = memberships.conversation
             WHERE users.app = $1 AND users.id = $2 AND $3::bigint IS NOT NULL AND NOT memberships.is_deleted AND {order}
             LIMIT $5",
            row::CONVERSATION_COLUMNS,
        ));
        let (active_at, key) = from.map_or((i64::MAX, i64::MAX), |from| (from.active_at.as_ms(), from.key.number()));
        let found = statement.page((app.number(), user.as_str(), active_at, key, sql::limit(limit)), |row| {
            let mut conversation = row::read_conversation(row)?;
            let membership = read(row, row::CONVERSATION_COLUMN_COUNT, &conversation)?;
            if let Some(metadata) = read_left(row, row::CONVERSATION_COLUMN_COUNT + COLUMN_COUNT)? {
                conversation.metadata = metadata;
            }
            Ok((conversation, membership))
        })?;
        Ok(found.into_items())
    }

    fn metadata_left_with(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<Option<Object>, StoreError> {
        let left = self
            .sql
            .prepare(
                "SELECT memberships.left_metadata FROM users JOIN memberships ON memberships.user_key = users.key
                 WHERE users.app = $1 AND users.id = $2 AND memberships.conversation = $3",
            )
            .first((app.number(), user.as_str(), conversation.key.number()), |row| read_left(row, 0))?;
        Ok(left.flatten())
    }

    fn conversation_count_of(&self, app: AppKey, user: &UserId) -> Result<u64, StoreError> {
        let count = self
            .sql
            .prepare("SELECT conversation_count FROM users WHERE app = $1 AND id = $2")
            .first((app.number(), user.as_str()), |row| row.count(0))?;
        Ok(count.unwrap_or_default())
    }
}

impl SeenReads for Session<'_> {}

impl MembershipWrites for Session<'_> {
    fn delete_conversation_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &Held<ConversationRecord>,
    ) -> Result<(), StoreError> {
        let key = user::find_or_insert(self.sql, app, user)?;
        forget_deletions_of(self.sql, key, conversation)?;
        delete_for_member(self.sql, key, conversation)?;
        self.log_for_user(app, key, || Entry::ConversationDeletedForUser { id: conversation.id })?;
        self.tell_membership(app, user, conversation);
        Ok(())
    }

    fn revive_conversation_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<(), StoreError> {
        let key = user::find_or_insert(self.sql, app, user)?;
        self.revive(app, key, conversation)?;
        self.tell_membership(app, user, conversation);
        Ok(())
    }
}

impl Session<'_> {
    /// Tells that a member did something for itself in a conversation.
    pub fn tell_membership(&mut self, app: AppKey, user: &UserId, conversation: &ConversationRecord) {
        let change = || Change::Membership { app, conversation: conversation.id, user: user.clone() };
        self.tell(Kinds::MEMBERSHIPS, change);
    }

    /// Brings a conversation back to the participants who deleted it for themselves, but for some.
    pub fn revive_all(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        without: &[UserId],
    ) -> Result<(), StoreError> {
        let users: Vec<UserKey> = self
            .sql
            .prepare(
                "SELECT user_key FROM memberships WHERE conversation = $1 AND is_deleted AND left_position IS NULL",
            )
            .all([conversation.key.number()], |row| row.get(0).map(UserKey))?;
        // Nobody deleted it, most of the time.
        let without = if users.is_empty() { &[] } else { without };
        let mut left_out = vec![];
        for user in without {
            left_out.extend(user::find(self.sql, app, user)?);
        }
        let revived = users.into_iter().filter(|user| !left_out.contains(user));
        revived.into_iter().try_for_each(|user| self.revive(app, user, conversation))
    }

    /// Brings a conversation back to a member, if it deleted it for itself.
    fn revive(&mut self, app: AppKey, user: UserKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
        if set_deleted(self.sql, user, conversation, false)? {
            self.log_for_user(app, user, || Entry::ConversationRevived { id: conversation.id })?;
        }
        Ok(())
    }
}

/// Makes a user a member, again or for the first time. What was sent without the user does not count as unread
/// (assumed).
///
/// What was logged while a user was away can be seen by one who is back, as messages can.
pub fn join(
    sql: Sql<'_>,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
    moment: Moment,
) -> Result<(), StoreError> {
    let key = user::find_or_insert(sql, app, user)?;
    let message_count = conversation.message_count.cast_signed();
    let rejoined = sql
        .prepare(
            "UPDATE memberships SET settled_count = settled_count + $3 - visible_count,
             left_position = NULL, visible_count = NULL, log_to = NULL, left_metadata = NULL
             WHERE user_key = $1 AND conversation = $2 AND left_position IS NOT NULL",
        )
        .run((key.0, conversation.key.number(), message_count))?;
    if rejoined > 0 {
        set_deleted(sql, key, conversation, false)?;
    } else {
        sql.prepare(
            "INSERT INTO memberships (user_key, conversation, settled_count, log_from) VALUES ($1, $2, $3, $4)",
        )
        .run((key.0, conversation.key.number(), message_count, moment.from.number()))?;
        sql.prepare("UPDATE users SET conversation_count = conversation_count + 1 WHERE key = $1").run([key.0])?;
    }
    following::meet(sql, key, conversation)
}

/// Makes a user a former member, who sees the messages up to now, and the metadata as it is now.
pub fn leave(
    sql: Sql<'_>,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
    moment: Moment,
) -> Result<(), StoreError> {
    let key = user::find_or_insert(sql, app, user)?;
    following::part(sql, key, conversation)?;
    sql.prepare(
        "UPDATE memberships SET left_position = $3, visible_count = $4, log_to = $5, left_metadata = $6
         WHERE user_key = $1 AND conversation = $2",
    )
    .run((
        key.0,
        conversation.key.number(),
        conversation.last_position,
        conversation.message_count.cast_signed(),
        moment.to.number(),
        serde_json::to_string(&conversation.metadata)?,
    ))?;
    Ok(())
}

/// Forgets which messages of a conversation a user deleted for itself, because the conversation is deleted for it now.
fn forget_deletions_of(sql: Sql<'_>, user: UserKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
    sql.prepare("DELETE FROM message_deletions WHERE conversation = $1 AND user_key = $2")
        .run((conversation.key.number(), user.0))?;
    Ok(())
}

/// Deletes a conversation for a member, with all messages that are there now.
fn delete_for_member(sql: Sql<'_>, user: UserKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
    set_deleted(sql, user, conversation, true)?;
    sql.prepare(
        "UPDATE memberships SET deleted_position = COALESCE(left_position, $3), deleted_count = COALESCE(visible_count, $4),
             settled_count = COALESCE(visible_count, $4) WHERE user_key = $1 AND conversation = $2",
    )
    .run((
        user.0,
        conversation.key.number(),
        conversation.last_position,
        conversation.message_count.cast_signed(),
    ))?;
    Ok(())
}

/// Marks a membership as deleted or not, and keeps the number of the user's conversations. `true` when it was not so
/// before.
fn set_deleted(
    sql: Sql<'_>,
    user: UserKey,
    conversation: &ConversationRecord,
    is_deleted: bool,
) -> Result<bool, StoreError> {
    let changed = sql
        .prepare(
            "UPDATE memberships SET is_deleted = $3 WHERE user_key = $1 AND conversation = $2 AND is_deleted <> $3",
        )
        .run((user.0, conversation.key.number(), is_deleted))?;
    if changed > 0 {
        let by: i64 = if is_deleted { -1 } else { 1 };
        sql.prepare("UPDATE users SET conversation_count = conversation_count + $2::bigint WHERE key = $1")
            .run((user.0, by))?;
    }
    Ok(changed > 0)
}

/// Counts a message as no longer unread for a user, if it is one that the user can see.
pub fn settle(
    sql: Sql<'_>,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
    position: u32,
) -> Result<(), StoreError> {
    sql.prepare(
        "UPDATE memberships SET settled_count = settled_count + 1
         WHERE user_key = (SELECT key FROM users WHERE app = $1 AND id = $2) AND conversation = $3
         AND (left_position IS NULL OR left_position >= $4) AND deleted_position < $4",
    )
    .run((app.number(), user.as_str(), conversation.key.number(), position))?;
    Ok(())
}

/// The conversations among these that present members deleted for themselves.
pub fn of_deleted(conversations: Vec<i64>) -> Query<'static> {
    let sql = "SELECT DISTINCT conversation FROM memberships
         WHERE conversation = ANY($1) AND is_deleted AND left_position IS NULL";
    Query::new(sql, [conversations])
}

/// Holds memberships, in the order of their conversations and users: the number of each, counted from one, and the key
/// of its user.
pub fn hold_all<'v>(members: &[(AppKey, &'v UserId, i64)]) -> Query<'v> {
    let sql = "SELECT asked.number, memberships.user_key
         FROM unnest($1::bigint[], $2::text[], $3::bigint[]) WITH ORDINALITY AS asked (app, id, conversation, number)
         JOIN users ON users.app = asked.app AND users.id = asked.id
         JOIN memberships ON memberships.user_key = users.key AND memberships.conversation = asked.conversation
         ORDER BY memberships.conversation, memberships.user_key FOR NO KEY UPDATE OF memberships";
    Query::new(
        sql,
        (
            members.iter().map(|(app, ..)| app.number()).collect::<Vec<_>>(),
            members.iter().map(|(_, user, _)| user.as_str()).collect::<Vec<_>>(),
            members.iter().map(|(.., conversation)| *conversation).collect::<Vec<_>>(),
        ),
    )
}

/// Holds the memberships of users in the conversations of messages, likewise: the number of each, counted from one, the
/// key of its user, and the [`COLUMNS`].
pub fn hold_readers<'v>(readers: &[(AppKey, &'v UserId, Uuid)]) -> Query<'v> {
    let sql = format!(
        "SELECT asked.number, memberships.user_key, {COLUMNS}
         FROM unnest($1::bigint[], $2::text[], $3::uuid[]) WITH ORDINALITY AS asked (app, id, message, number)
         JOIN users ON users.app = asked.app AND users.id = asked.id
         JOIN ids ON ids.app = asked.app AND ids.uuid = asked.message
         JOIN memberships ON memberships.user_key = users.key AND memberships.conversation = ids.conversation
         ORDER BY memberships.conversation, memberships.user_key FOR NO KEY UPDATE OF memberships"
    );
    Query::new(
        sql,
        (
            readers.iter().map(|(app, ..)| app.number()).collect::<Vec<_>>(),
            readers.iter().map(|(_, user, _)| user.as_str()).collect::<Vec<_>>(),
            readers.iter().map(|(.., message)| *message).collect::<Vec<_>>(),
        ),
    )
}

/// Counts messages as no longer unread in memberships that are held: conversation, user, how many, the first of them.
pub fn settle_all(settled: impl Iterator<Item = (i64, i64, i64, u32)>) -> Query<'static> {
    let sql = "UPDATE memberships SET settled_count = settled_count + settled.count
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS settled (conversation, user_key, count, first)
         WHERE memberships.user_key = settled.user_key AND memberships.conversation = settled.conversation
         AND (left_position IS NULL OR left_position >= settled.first) AND deleted_position < settled.first";
    let (mut conversations, mut users, mut counts, mut first) = (vec![], vec![], vec![], vec![]);
    for (conversation, user, count, position) in settled {
        conversations.push(conversation);
        users.push(user);
        counts.push(count);
        first.push(i64::from(position));
    }
    Query::new(sql, (conversations, users, counts, first))
}

/// Counts so many messages more, or less, as deleted by a user for itself.
pub fn count_deleted(
    sql: Sql<'_>,
    user: UserKey,
    conversation: &ConversationRecord,
    by: i64,
) -> Result<(), StoreError> {
    sql.prepare("UPDATE memberships SET deleted_count = deleted_count + $3 WHERE user_key = $1 AND conversation = $2")
        .run((user.0, conversation.key.number(), by))?;
    Ok(())
}

/// Takes a message out of the counts of everyone who can see it, as if it were settled for all of them.
pub fn forget_message(sql: Sql<'_>, conversation: &ConversationRecord, position: u32) -> Result<(), StoreError> {
    sql.prepare(
        "UPDATE memberships SET settled_count = settled_count - 1, visible_count = visible_count - 1,
             deleted_count = deleted_count - (deleted_position >= $2)::integer
             WHERE conversation = $1 AND (left_position IS NULL OR left_position >= $2)",
    )
    .run((conversation.key.number(), position))?;
    Ok(())
}

/// Ends all memberships of a conversation, former ones included.
pub fn delete_all(sql: Sql<'_>, conversation: &ConversationRecord) -> Result<(), StoreError> {
    following::part_all(sql, conversation)?;
    sql.prepare(
        "WITH held AS MATERIALIZED (
             SELECT users.key FROM memberships JOIN users ON users.key = memberships.user_key
             WHERE memberships.conversation = $1 AND NOT memberships.is_deleted
             ORDER BY users.id FOR NO KEY UPDATE OF users)
         UPDATE users SET conversation_count = conversation_count - 1 WHERE key IN (SELECT key FROM held)",
    )
    .run([conversation.key.number()])?;
    sql.prepare("DELETE FROM memberships WHERE conversation = $1").run([conversation.key.number()])?;
    Ok(())
}
