//! Block lists. Contract 2.6.

use layer_store::key::AppKey;
use layer_wire::UserId;

use super::Services;
use super::caller::Caller;
use super::failure::Failure;
use super::named::Named;

impl Services {
    /// The users whom `owner` blocks; none for an unknown owner (recorded).
    pub async fn block_list(&self, caller: Caller, owner: UserId) -> Result<Named<Vec<UserId>>, Failure> {
        let app = caller.key;
        self.read_named(caller, move |reads| Ok(reads.block_list(app, &owner)?)).await
    }

    /// Makes `owner` block a user. Repeating it is fine, and so is blocking oneself (recorded).
    pub async fn block(&self, app: AppKey, owner: UserId, blocked: UserId) -> Result<(), Failure> {
        self.store.write(move |writes| Ok(writes.block(app, &owner, &blocked)?)).await
    }

    /// Makes `owner` no longer block a user, who need not be blocked (recorded).
    pub async fn unblock(&self, app: AppKey, owner: UserId, blocked: UserId) -> Result<(), Failure> {
        self.store.write(move |writes| Ok(writes.unblock(app, &owner, &blocked)?)).await
    }
}
