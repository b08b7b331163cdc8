//! Memberships: who is or was in a conversation, and the conversations of a user.

use layer_wire::UserId;
use layer_wire::body::Object;
use layer_wire::page::SortBy;

use crate::StoreError;
use crate::conversation::ConversationRecord;
use crate::held::Held;
use crate::key::AppKey;
use crate::page::{PositionRange, Weighed};

/// How a user is or was a member of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// For a former member, the position of the last message that it can see.
    pub left_position: Option<u32>,
    /// Whether the user deleted the conversation for itself, and no message has brought it back since.
    pub is_deleted: bool,
    /// Messages up to this position are gone for the user, because it deleted the conversation for itself.
    pub deleted_position: u32,
    /// How many messages that are still there the user deleted for itself, with the conversation or one by one.
    pub deleted_count: u64,
    /// No message up to this position is unread.
    pub read_position: u32,
    /// How many messages of the conversation the user can see.
    pub visible_count: u64,
    /// How many of these are unread.
    pub unread_count: u64,
}

/// What an engine keeps of a membership. What a user has not read is counted backwards, so that a message that is sent
/// touches no row of its recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptMembership {
    /// For a former member, the position of the last message that it can see.
    pub left_position: Option<u32>,
    /// For a former member, how many messages were there when it left, less those deleted since.
    pub left_count: Option<u64>,
    /// How many messages that are there are not unread: own, read, deleted, or older than the membership.
    pub settled_count: u64,
    /// See [`Membership::is_deleted`].
    pub is_deleted: bool,
    /// See [`Membership::deleted_position`].
    pub deleted_position: u32,
    /// See [`Membership::deleted_count`].
    pub deleted_count: u64,
    /// See [`Membership::read_position`].
    pub read_position: u32,
}

impl Membership {
    /// What follows from what is kept of it.
    pub fn counted(conversation: &ConversationRecord, kept: KeptMembership) -> Self {
        let there = kept.left_count.unwrap_or(conversation.message_count);
        Self {
            left_position: kept.left_position,
            is_deleted: kept.is_deleted,
            deleted_position: kept.deleted_position,
            deleted_count: kept.deleted_count,
            read_position: kept.read_position,
            visible_count: there.saturating_sub(kept.deleted_count),
            unread_count: there.saturating_sub(kept.settled_count),
        }
    }

    /// Whether the user is a participant now.
    pub fn is_current(self) -> bool {
        self.left_position.is_none()
    }

    /// Where the messages are that the user can see, beginning after `after` in the order of lists. Those that it
    /// deleted one by one lie among them.
    pub fn visible(self, after: Option<u32>) -> PositionRange {
        PositionRange { after, up_to: self.left_position, above: self.deleted_position }
    }

    /// Whether the message at this position is where the user can see it.
    pub fn can_see(self, position: u32) -> bool {
        position > self.deleted_position && self.left_position.is_none_or(|left| position <= left)
    }
}

impl Weighed for (ConversationRecord, Membership) {
    fn weight(&self) -> usize {
        self.0.weight()
    }
}

/// What can be read of memberships.
pub trait MembershipReads {
    /// How a user is or was a member of a conversation.
    fn membership(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<Option<Membership>, StoreError>;

    /// The conversations that a user is or was a member of, without those deleted for all or for the user, newest
    /// first: at most `limit`, beginning after the conversation `from`. One that the user left has the metadata of that
    /// time.
    fn conversations_of(
        &self,
        app: AppKey,
        user: &UserId,
        sort_by: SortBy,
        from: Option<&ConversationRecord>,
        limit: usize,
    ) -> Result<Vec<(ConversationRecord, Membership)>, StoreError>;

    /// The metadata that a conversation had when a former member left it; `None` for a participant, and where that was
    /// not kept.
    fn metadata_left_with(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<Option<Object>, StoreError>;

    /// How many conversations [`Self::conversations_of`] has in all.
    fn conversation_count_of(&self, app: AppKey, user: &UserId) -> Result<u64, StoreError>;
}

/// What members change of a conversation for themselves. Others do not notice.
pub trait MembershipWrites {
    /// Deletes a conversation, with all messages up to now, for a member. The next message brings it back to a
    /// participant.
    fn delete_conversation_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &Held<ConversationRecord>,
    ) -> Result<(), StoreError>;

    /// Brings a conversation back to a member who deleted it for itself. What it deleted with it stays deleted.
    fn revive_conversation_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<(), StoreError>;
}
