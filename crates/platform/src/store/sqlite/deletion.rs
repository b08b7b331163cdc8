//! Deletions for one user alone. The messages stay for the others; the counts of the membership tell them apart.

use layer_wire::UserId;
use rusqlite::{Connection, OptionalExtension as _};

use super::user::{self, UserKey};
use super::{Session, membership, message};
use crate::store::StoreError;
use crate::store::deletion::{DeletionReads, DeletionWrites};
use crate::store::model::{AppKey, ConversationRecord, Membership, MessageRecord};

impl DeletionReads for Session<'_> {
    fn has_deleted_message(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        position: u32,
    ) -> Result<bool, StoreError> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT 1 FROM message_deletions
                 WHERE message = ?1 AND user = (SELECT key FROM users WHERE app = ?2 AND id = ?3)",
            )?
            .query_row((message::key(conversation, position), app.0, user.as_str()), |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
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
        let reader = if membership.deleted_count > 0 { user::find(self.connection, app, user)? } else { None };
        message::list_of(self.connection, conversation, reader, membership.visible(after), limit)
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
        let user_key = user::find_or_insert(self.connection, app, user)?;
        let added = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO message_deletions (message, user) VALUES (?1, ?2)")?
            .execute((message::key(conversation, message.position), user_key.0))?;
        if added == 0 {
            return Ok(());
        }
        if message.recipient_status.is_unread_for(user) {
            membership::settle(self.connection, app, user, conversation, message.position, 1)?;
        }
        count(self.connection, user_key, conversation, 1)
    }

    fn delete_conversation_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<(), StoreError> {
        let user_key = user::find_or_insert(self.connection, app, user)?;
        self.connection
            .prepare_cached("DELETE FROM message_deletions WHERE message BETWEEN ?1 AND ?2 AND user = ?3")?
            .execute((message::key(conversation, 1), message::key(conversation, u32::MAX), user_key.0))?;
        membership::delete_for_member(self.connection, user_key, conversation)
    }

    fn revive_conversation_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<(), StoreError> {
        let user = user::find_or_insert(self.connection, app, user)?;
        membership::revive(self.connection, user, conversation)
    }
}

fn count(connection: &Connection, user: UserKey, conversation: &ConversationRecord, by: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE memberships SET deleted_count = deleted_count + ?3 WHERE user = ?1 AND conversation = ?2",
        )?
        .execute((user.0, conversation.key.0, by))?;
    Ok(())
}

/// Forgets who deleted a message for itself, because it is deleted for everyone now, and tells who it was.
pub fn forget(
    connection: &Connection,
    conversation: &ConversationRecord,
    position: u32,
) -> Result<Vec<UserKey>, StoreError> {
    let users: Vec<UserKey> = connection
        .prepare_cached("DELETE FROM message_deletions WHERE message = ?1 RETURNING user")?
        .query_map([message::key(conversation, position)], |row| row.get(0).map(UserKey))?
        .collect::<Result<_, _>>()?;
    for user in &users {
        count(connection, *user, conversation, -1)?;
    }
    Ok(users)
}

/// The same for all messages of a conversation.
pub fn forget_all(connection: &Connection, conversation: &ConversationRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM message_deletions WHERE message BETWEEN ?1 AND ?2")?
        .execute((message::key(conversation, 1), message::key(conversation, u32::MAX)))?;
    Ok(())
}
