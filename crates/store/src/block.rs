//! Block lists.

use layer_wire::UserId;

use crate::StoreError;
use crate::key::AppKey;

/// What can be read of block lists.
pub trait BlockReads {
    /// The users whom `owner` blocks.
    fn block_list(&self, app: AppKey, owner: &UserId) -> Result<Vec<UserId>, StoreError>;

    /// Whether a user of the one list blocks a user of the other or the other way round. Blocking oneself does not
    /// count.
    fn has_block_between(&self, app: AppKey, one: &[UserId], other: &[UserId]) -> Result<bool, StoreError>;
}

/// What can be written of block lists.
pub trait BlockWrites {
    /// Makes `owner` block a user; nothing happens when it does already.
    fn block(&mut self, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError>;

    /// Makes `owner` no longer block a user; nothing happens when it does not.
    fn unblock(&mut self, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError>;
}
