//! Deletions for one user alone. The messages stay for the others; the counts of the membership tell them apart.

use layer_store::StoreError;
use layer_store::deletion::{DeletionReads, DeletionWrites};
use layer_store::model::{AppKey, ConversationRecord, Membership, MessageRecord};
use layer_wire::UserId;

use super::sql::Sql;
use super::user::{self, UserKey};
use super::{Session, membership, message};

impl DeletionReads for Session<'_> {
    fn has_deleted_message(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        position: u32,
    ) -> Result<bool, StoreError> {
        self.sql
            .prepare(
                "SELECT 1 FROM message_deletions
                 WHERE message = ?1 AND user = (SELECT key FROM users WHERE app = ?2 AND id = ?3)",
            )?
            .exists((message::key(conversation, position), app.0, user.as_str()))
    }

    fn messages_of(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        membership: Membership,
        after: Option<u32>,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError> {
        // Most users never deleted a message, and then their own table need not be asked about each one.
        let reader = if membership.deleted_count > 0 { user::find(self.sql, app, user)? } else { None };
        message::list_of(self.sql, conversation, reader, membership.visible(after), limit)
    }
}

impl DeletionWrites for Session<'_> {
    fn delete_message_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        message: &MessageRecord,
    ) -> Result<(), StoreError> {
        let user_key = user::find_or_insert(self.sql, app, user)?;
        let added = self
            .sql
            .prepare("INSERT OR IGNORE INTO message_deletions (message, user) VALUES (?1, ?2)")?
            .run((message::key(conversation, message.position), user_key.0))?;
        if added == 0 {
            return Ok(());
        }
        if message.recipient_status.is_unread_for(user) {
            membership::settle(self.sql, app, user, conversation, message.position, 1)?;
        }
        count(self.sql, user_key, conversation, 1)
    }

    fn delete_conversation_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<(), StoreError> {
        let user_key = user::find_or_insert(self.sql, app, user)?;
        self.sql.prepare("DELETE FROM message_deletions WHERE message BETWEEN ?1 AND ?2 AND user = ?3")?.run((
            message::key(conversation, 1),
            message::key(conversation, u32::MAX),
            user_key.0,
        ))?;
        membership::delete_for_member(self.sql, user_key, conversation)
    }

    fn revive_conversation_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<(), StoreError> {
        let user = user::find_or_insert(self.sql, app, user)?;
        membership::revive(self.sql, user, conversation)
    }
}

fn count(sql: Sql<'_>, user: UserKey, conversation: &ConversationRecord, by: i64) -> Result<(), StoreError> {
    sql.prepare("UPDATE memberships SET deleted_count = deleted_count + ?3 WHERE user = ?1 AND conversation = ?2")?
        .run((user.0, conversation.key.0, by))?;
    Ok(())
}

/// Forgets who deleted a message for itself, because it is deleted for everyone now, and tells who it was.
pub fn forget(sql: Sql<'_>, conversation: &ConversationRecord, position: u32) -> Result<Vec<UserKey>, StoreError> {
    let users: Vec<UserKey> = sql
        .prepare("DELETE FROM message_deletions WHERE message = ?1 RETURNING user")?
        .all([message::key(conversation, position)], |row| row.get(0).map(UserKey))?;
    for user in &users {
        count(sql, *user, conversation, -1)?;
    }
    Ok(users)
}

/// The same for all messages of a conversation.
pub fn forget_all(sql: Sql<'_>, conversation: &ConversationRecord) -> Result<(), StoreError> {
    sql.prepare("DELETE FROM message_deletions WHERE message BETWEEN ?1 AND ?2")?
        .run((message::key(conversation, 1), message::key(conversation, u32::MAX)))?;
    Ok(())
}
