//! Conversations.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds, What};
use layer_store::conversation::{
    ConversationChange, ConversationReads, ConversationRecord, ConversationTaken, ConversationWrites,
    NewConversationRecord, distinct_key,
};
use layer_store::held::{Held, Inserted};
use layer_store::key::{AppKey, ConversationKey};
use layer_store::log::{ConversationChanges, Entry, metadata_changes};
use layer_wire::{ConversationId, UserId};

use super::row::{CONVERSATION_COLUMN_COUNT, CONVERSATION_COLUMNS as COLUMNS, read_conversation as read};
use super::sql::{self, Query, Row};
use super::{Session, app, content, membership, message, scheduled_message, user};

impl ConversationReads for Session<'_> {
    fn conversation(&self, app: AppKey, id: ConversationId) -> Result<Option<ConversationRecord>, StoreError> {
        self.sql
            .prepare(format!("SELECT {COLUMNS} FROM conversations WHERE app = $1 AND uuid = $2"))
            .first((app.number(), id.uuid()), read)
    }

    fn distinct_conversation(
        &self,
        app: AppKey,
        participants: &[UserId],
    ) -> Result<Option<ConversationRecord>, StoreError> {
        self.sql
            .prepare(format!("SELECT {COLUMNS} FROM conversations WHERE app = $1 AND distinct_key = $2"))
            .first((app.number(), distinct_key(participants)), read)
    }

    fn conversations(
        &self,
        app: AppKey,
        after: Option<&ConversationRecord>,
        limit: usize,
    ) -> Result<Vec<ConversationRecord>, StoreError> {
        let after = after.map_or(0, |after| after.key.number());
        let found = self
            .sql
            .prepare(format!(
                "SELECT {COLUMNS} FROM conversations WHERE key > $1 AND app = $2 AND NOT is_deleted ORDER BY key LIMIT $3"
            ))
            .page((after, app.number(), sql::limit(limit)), read)?;
        Ok(found.into_items())
    }
}

/// Users in the order in which all writes hold their rows: two that name the same ones do not wait for each other.
fn in_order(users: &[UserId]) -> impl Iterator<Item = &UserId> {
    let mut users: Vec<_> = users.iter().collect();
    users.sort_unstable();
    users.into_iter()
}

impl ConversationWrites for Session<'_> {
    fn hold_conversation(
        &mut self,
        app: AppKey,
        id: ConversationId,
    ) -> Result<Option<Held<ConversationRecord>>, StoreError> {
        let found = self
            .sql
            .prepare(format!("SELECT {COLUMNS} FROM conversations WHERE app = $1 AND uuid = $2 FOR NO KEY UPDATE"))
            .first((app.number(), id.uuid()), read)?;
        Ok(found.map(Held::by_engine))
    }

    fn insert_conversation(
        &mut self,
        app: AppKey,
        new: NewConversationRecord,
    ) -> Result<Inserted<Held<ConversationRecord>, ConversationTaken>, StoreError> {
        if let Some(id_use) = app::use_id(self, app, new.id.uuid(), app::CONVERSATION, None)? {
            return Ok(Inserted::Taken(ConversationTaken::Id(id_use)));
        }
        let key: Option<i64> = self
            .sql
            .prepare(
                "INSERT INTO conversations (app, uuid, created_at, active_at, participants, metadata, distinct_key)
                 VALUES ($1, $2, $3, $3, $4, $5, $6)
                 ON CONFLICT (app, distinct_key) WHERE distinct_key IS NOT NULL DO NOTHING RETURNING key",
            )
            .first(
                (
                    app.number(),
                    new.id.uuid(),
                    new.created_at.as_ms(),
                    serde_json::to_string(&new.participants)?,
                    serde_json::to_string(&new.metadata)?,
                    new.is_distinct.then(|| distinct_key(&new.participants)),
                ),
                |row| row.get(0),
            )?;
        let Some(key) = key else {
            self.sql.prepare("DELETE FROM ids WHERE app = $1 AND uuid = $2").run((app.number(), new.id.uuid()))?;
            // The other one has committed by now. It may be distinct no more.
            let existing = self.distinct_conversation(app, &new.participants)?;
            return match existing {
                Some(existing) => Ok(Inserted::Taken(ConversationTaken::Distinct(existing))),
                None => Err(self.sql.conflict()),
            };
        };
        let record = ConversationRecord {
            key: ConversationKey::from_number(key),
            id: new.id,
            created_at: new.created_at,
            active_at: new.created_at,
            participants: new.participants,
            is_distinct: new.is_distinct,
            metadata: new.metadata,
            is_deleted: false,
            message_count: 0,
            last_position: 0,
            revision: 0,
        };
        let moment = self.moment(app)?;
        for user in in_order(&record.participants) {
            membership::join(self.sql, app, user, &record, moment)?;
        }
        self.log_in_conversation_at(&record, moment, || Entry::ConversationCreated)?;
        self.tell_conversation(app, record.id, What::Created);
        Ok(Inserted::Done(Held::by_engine(record)))
    }

    fn change_conversation(
        &mut self,
        app: AppKey,
        conversation: &mut Held<ConversationRecord>,
        change: ConversationChange,
    ) -> Result<(), StoreError> {
        let ConversationChange { participants, is_distinct, metadata } = change;
        let moment = self.moment(app)?;
        // Leavers first: joiners must not start to follow them.
        for user in in_order(&conversation.participants).filter(|user| !participants.contains(user)) {
            membership::leave(self.sql, app, user, conversation, moment)?;
            scheduled_message::cancel(self.sql, conversation, Some(user))?;
            self.tell_unused_files();
        }
        for user in in_order(&participants).filter(|user| !conversation.participants.contains(user)) {
            membership::join(self.sql, app, user, conversation, moment)?;
        }
        self.sql
            .prepare("UPDATE conversations SET participants = $2, metadata = $3, distinct_key = $4, revision = revision + 1 WHERE key = $1")
            .run((
                conversation.key.number(),
                serde_json::to_string(&participants)?,
                serde_json::to_string(&metadata)?,
                is_distinct.then(|| distinct_key(&participants)),
            ))?;
        self.log_in_conversation_at(conversation, moment, || {
            let others = |these: &[UserId], those: &[UserId]| -> Vec<UserId> {
                these.iter().filter(|user| !those.contains(user)).cloned().collect()
            };
            Entry::ConversationChanged(ConversationChanges {
                joined: others(&participants, &conversation.participants),
                left: others(&conversation.participants, &participants),
                is_no_longer_distinct: conversation.is_distinct && !is_distinct,
                metadata: metadata_changes(&conversation.metadata, &metadata),
            })
        })?;
        let record = conversation.in_engine();
        (record.participants, record.is_distinct, record.metadata) = (participants, is_distinct, metadata);
        record.revision += 1;
        self.tell_conversation(app, conversation.id, What::Changed);
        Ok(())
    }

    /// The row stays, without content: the id stays in use, and reads can answer that the conversation is gone.
    fn delete_conversation(&mut self, app: AppKey, conversation: &Held<ConversationRecord>) -> Result<(), StoreError> {
        for user in in_order(&conversation.participants) {
            let key = user::find_or_insert(self.sql, app, user)?;
            self.log_for_user(app, key, || Entry::ConversationDeleted { id: conversation.id })?;
        }
        message::delete_all(self.sql, app, conversation)?;
        content::delete_all(self.sql, conversation)?;
        scheduled_message::cancel(self.sql, conversation, None)?;
        membership::delete_all(self.sql, conversation)?;
        self.sql
            .prepare(
                "UPDATE conversations SET is_deleted = true, participants = '[]', metadata = '{}', distinct_key = NULL,
                 message_count = 0, revision = revision + 1 WHERE key = $1",
            )
            .run([conversation.key.number()])?;
        self.tell_unused_files();
        self.tell_conversation(app, conversation.id, What::Deleted);
        Ok(())
    }
}

/// Finds conversations of apps by their ids: rows for [`read_of_ids`].
pub fn of_ids(ids: impl Iterator<Item = (AppKey, ConversationId)>) -> Query<'static> {
    let sql = format!(
        "SELECT {COLUMNS}, conversations.app FROM unnest($1::bigint[], $2::uuid[]) AS asked (app, uuid)
         JOIN conversations ON conversations.app = asked.app AND conversations.uuid = asked.uuid"
    );
    let (apps, ids) = ids.map(|(app, id)| (app.number(), id.uuid())).collect::<(Vec<_>, Vec<_>)>();
    Query::new(sql, (apps, ids))
}

/// Reads a conversation with its app.
pub fn read_of_ids(row: &Row) -> Result<(AppKey, ConversationRecord), StoreError> {
    Ok((AppKey::from_number(row.get(CONVERSATION_COLUMN_COUNT)?), read(row)?))
}

/// Holds conversations, in the order of their keys: key, last position, revision, whether it is deleted.
pub fn hold_all(keys: Vec<i64>) -> Query<'static> {
    let sql = "SELECT key, last_position, revision, is_deleted FROM conversations WHERE key = ANY($1)
         ORDER BY key FOR NO KEY UPDATE";
    Query::new(sql, [keys])
}

/// Says what conversations that are held have now: key, last position, how many messages more, when the newest was
/// sent.
pub fn grow_all(growing: impl Iterator<Item = (i64, u32, i64, i64)>) -> Query<'static> {
    let sql = "UPDATE conversations SET last_position = growing.last_position,
         message_count = message_count + growing.added, active_at = growing.active_at
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS growing (key, last_position, added, active_at)
         WHERE conversations.key = growing.key";
    let (mut keys, mut positions, mut added, mut times) = (vec![], vec![], vec![], vec![]);
    for (key, position, more, active_at) in growing {
        keys.push(key);
        positions.push(i64::from(position));
        added.push(more);
        times.push(active_at);
    }
    Query::new(sql, (keys, positions, added, times))
}

impl Session<'_> {
    fn tell_conversation(&mut self, app: AppKey, id: ConversationId, what: What) {
        self.tell(Kinds::CONVERSATIONS, || Change::Conversation { app, id, what });
    }
}
