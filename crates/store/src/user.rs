//! Users: what the store keeps of them besides identity and block list.

use layer_wire::UserId;

use crate::StoreError;
use crate::key::AppKey;

/// What a user has not read. Contract 2.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnreadCounts {
    /// What the application counts elsewhere, as it said last.
    pub external: u32,
    /// Conversations with unread messages.
    pub conversations: u64,
    /// Unread messages of all conversations.
    pub messages: u64,
}

/// What can be read about users.
pub trait UserReads {
    /// Whether a user exists: some write has mentioned the user, if only as a participant. A user with nothing but
    /// an identity ends with it.
    fn user_exists(&self, app: AppKey, user: &UserId) -> Result<bool, StoreError>;

    /// Whether a user is suspended; `None` for one who was never named by a write.
    fn is_suspended(&self, app: AppKey, user: &UserId) -> Result<Option<bool>, StoreError>;

    /// Whether any user of any app is suspended.
    fn is_anyone_suspended(&self) -> Result<bool, StoreError>;

    /// What a user has not read; all zero for an unknown one.
    fn unread_counts(&self, app: AppKey, user: &UserId) -> Result<UnreadCounts, StoreError>;
}

/// What can be written about users, who are created on the fly.
pub trait UserWrites {
    /// Suspends a user or ends that.
    fn set_suspended(&mut self, app: AppKey, user: &UserId, is_suspended: bool) -> Result<(), StoreError>;

    /// Sets what the application counts as unread for a user elsewhere.
    fn set_external_unread_count(&mut self, app: AppKey, user: &UserId, count: u32) -> Result<(), StoreError>;
}
