//! Conversations.

use layer_wire::body::Object;
use layer_wire::{ConversationId, Timestamp, UserId};
use sha2::{Digest as _, Sha256};

use crate::StoreError;
use crate::app::IdUse;
use crate::held::{Held, Inserted};
use crate::key::{AppKey, ConversationKey};
use crate::page::{Weighed, weight_of_object, weight_of_users};

/// A conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRecord {
    /// Its name inside the store.
    pub key: ConversationKey,
    /// Its id.
    pub id: ConversationId,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its participants, in the order sent.
    pub participants: Vec<UserId>,
    /// Whether it is the only one among exactly these participants.
    pub is_distinct: bool,
    /// Its metadata.
    pub metadata: Object,
    /// Whether it was deleted; then participants and metadata are gone.
    pub is_deleted: bool,
    /// How many messages it has.
    pub message_count: u64,
    /// The position of its newest message ever, 0 before the first.
    pub last_position: u32,
    /// When its newest message was sent, or when it was created, if it has none.
    pub active_at: Timestamp,
    /// Grows whenever its participants, its distinctness or its metadata change, and when it is deleted, but not with
    /// its messages: a plan that was made with a record holds as long as this is the same.
    pub revision: u64,
}

impl ConversationRecord {
    /// For engines: the position of the next message. Error: `Failed` when there is none.
    pub fn next_position(&self) -> Result<u32, StoreError> {
        self.last_position.checked_add(1).ok_or_else(|| StoreError::Failed("the conversation is full".into()))
    }
}

/// A conversation to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewConversationRecord {
    /// Its id.
    pub id: ConversationId,
    /// When it is created.
    pub created_at: Timestamp,
    /// Its participants, in the order sent.
    pub participants: Vec<UserId>,
    /// Whether it is the only one among exactly these participants.
    pub is_distinct: bool,
    /// Its metadata.
    pub metadata: Object,
}

/// What is in the way of a new conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum ConversationTaken {
    /// Something has its id.
    Id(IdUse),
    /// There is a distinct conversation among its participants.
    Distinct(ConversationRecord),
}

/// What a conversation is to become.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationChange {
    /// Its participants, in the order sent.
    pub participants: Vec<UserId>,
    /// Whether it is the only one among exactly these participants.
    pub is_distinct: bool,
    /// Its metadata.
    pub metadata: Object,
}

impl From<&ConversationRecord> for ConversationChange {
    /// What changes nothing.
    fn from(record: &ConversationRecord) -> Self {
        Self {
            participants: record.participants.clone(),
            is_distinct: record.is_distinct,
            metadata: record.metadata.clone(),
        }
    }
}

/// A hash of the set of participants, which names the distinct conversation among them: the same for every order.
pub fn distinct_key(participants: &[UserId]) -> [u8; 32] {
    let mut sorted: Vec<&str> = participants.iter().map(UserId::as_str).collect();
    sorted.sort_unstable();
    let mut hash = Sha256::new();
    for user in sorted {
        // A user id holds no NUL, so this separates one from the next.
        hash.update(user.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

impl Weighed for ConversationRecord {
    fn weight(&self) -> usize {
        weight_of_users(&self.participants) + weight_of_object(&self.metadata)
    }
}

/// What can be read of conversations.
pub trait ConversationReads {
    /// A conversation, also a deleted one.
    fn conversation(&self, app: AppKey, id: ConversationId) -> Result<Option<ConversationRecord>, StoreError>;

    /// The distinct conversation among exactly these participants, in whatever order.
    fn distinct_conversation(
        &self,
        app: AppKey,
        participants: &[UserId],
    ) -> Result<Option<ConversationRecord>, StoreError>;

    /// The conversations of an app that are not deleted, in an order of the engine that never changes: at most `limit`,
    /// beginning after the conversation `after`. One that is created meanwhile may come or not.
    fn conversations(
        &self,
        app: AppKey,
        after: Option<&ConversationRecord>,
        limit: usize,
    ) -> Result<Vec<ConversationRecord>, StoreError>;
}

/// What can be written of conversations.
pub trait ConversationWrites {
    /// A conversation, also a deleted one, that nobody else changes until the end of the write.
    fn hold_conversation(
        &mut self,
        app: AppKey,
        id: ConversationId,
    ) -> Result<Option<Held<ConversationRecord>>, StoreError>;

    /// Adds a conversation and makes its participants members.
    fn insert_conversation(
        &mut self,
        app: AppKey,
        new: NewConversationRecord,
    ) -> Result<Inserted<Held<ConversationRecord>, ConversationTaken>, StoreError>;

    /// Replaces participants, distinctness and metadata of a conversation. Members come and go with the participants,
    /// and with a member goes what it had scheduled. Not for making a conversation distinct.
    fn change_conversation(
        &mut self,
        app: AppKey,
        conversation: &mut Held<ConversationRecord>,
        change: ConversationChange,
    ) -> Result<(), StoreError>;

    /// Deletes a conversation with its messages and all that belongs to it. Its id, and theirs, stay in use.
    fn delete_conversation(&mut self, app: AppKey, conversation: &Held<ConversationRecord>) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(users: &[&str]) -> [u8; 32] {
        distinct_key(&users.iter().map(|user| UserId::parse(*user).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn the_distinct_key_depends_on_the_set_of_participants_only() {
        assert_eq!(key(&["a", "b"]), key(&["b", "a"]));
        assert_ne!(key(&["a", "b"]), key(&["a", "b", "c"]));
        assert_ne!(key(&["ab"]), key(&["a", "b"]));
    }
}
