//! Block lists. Contract 2.6.

use std::sync::Arc;

use layer_store::key::AppKey;
use layer_wire::UserId;

use super::caller::Caller;
use super::core::Core;
use super::failure::Failure;
use super::named::Named;

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
