//! Whom a user follows, as the store keeps it.

use layer_wire::UserId;

use crate::StoreError;
use crate::key::AppKey;

/// What can be read about following.
pub trait FollowingReads {
    /// Whether a user follows another one.
    fn is_following(&self, app: AppKey, user: &UserId, followed: &UserId) -> Result<bool, StoreError>;

    /// Whom a user follows, in the order in which the store came to know them: at most `limit`, beginning after `from`.
    fn following(
        &self,
        app: AppKey,
        user: &UserId,
        from: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;

    /// Who follows a user, in any order.
    fn followers(&self, app: AppKey, user: &UserId) -> Result<Vec<UserId>, StoreError>;

    /// How many users [`Self::following`] has in all.
    fn following_count(&self, app: AppKey, user: &UserId) -> Result<u64, StoreError>;
}

/// What can be written about following. Conversations make their participants follow each other without being told.
pub trait FollowingWrites {
    /// Makes a user follow another one. Both are created on the fly.
    fn follow(&mut self, app: AppKey, user: &UserId, followed: &UserId) -> Result<(), StoreError>;

    /// Makes a user no longer follow another one, until they come to share one more conversation.
    fn unfollow(&mut self, app: AppKey, user: &UserId, followed: &UserId) -> Result<(), StoreError>;
}
