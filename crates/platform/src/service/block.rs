//! Block lists. Contract 2.6.

use std::slice;
use std::sync::Arc;

use layer_store::key::AppKey;
use layer_store::{Reads, StoreError};
use layer_wire::UserId;

use super::caller::Caller;
use super::core::Core;
use super::failure::Failure;
use super::named::Named;

/// Whether one of two users blocks the other one: neither sees messages of the other then (documented, in the vendor's
/// answers on blocks).
pub fn is_blocked_between(reads: &dyn Reads, app: AppKey, one: &UserId, other: &UserId) -> Result<bool, StoreError> {
    reads.has_block_between(app, slice::from_ref(one), slice::from_ref(other))
}

/// Those of some users whom a user blocks, or who block it.
pub fn blocked_between(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    others: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    // One question is enough where nobody blocks anybody.
    if !reads.has_block_between(app, slice::from_ref(user), others)? {
        return Ok(vec![]);
    }
    let mut blocked = vec![];
    for other in others.iter().filter(|other| *other != user) {
        if is_blocked_between(reads, app, user, other)? {
            blocked.push(other.clone());
        }
    }
    Ok(blocked)
}

/// Block lists.
pub struct BlockService {
    pub(super) core: Arc<Core>,
}

impl BlockService {
    /// The users whom `owner` blocks; none for an unknown owner (recorded).
    pub async fn list(&self, caller: Caller, owner: UserId) -> Result<Named<Vec<UserId>>, Failure> {
        let app = caller.key;
        self.core.read_named(caller, move |reads| Ok(reads.block_list(app, &owner)?)).await
    }

    /// Makes `owner` block a user. Repeating it is fine, and so is blocking oneself (recorded).
    pub async fn add(&self, app: AppKey, owner: UserId, blocked: UserId) -> Result<(), Failure> {
        self.core.store.write(move |writes| Ok(writes.block(app, &owner, &blocked)?)).await
    }

    /// Makes `owner` no longer block a user, who need not be blocked (recorded).
    pub async fn remove(&self, app: AppKey, owner: UserId, blocked: UserId) -> Result<(), Failure> {
        self.core.store.write(move |writes| Ok(writes.unblock(app, &owner, &blocked)?)).await
    }
}
