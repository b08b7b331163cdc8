//! Push tokens. Client API 4.6. No push is ever sent: they are kept, for the application and its tests to see.

use std::sync::Arc;

use layer_store::key::AppKey;
use layer_wire::client_api::push_token::PushToken;
use layer_wire::{AppId, UserId};

use super::app::AppService;
use super::core::Core;
use super::failure::Failure;

/// How many tokens a user may have; those that were not registered for the longest time go (Client API 4.6).
const MAX_TOKENS: usize = 25;

/// Push tokens of the devices of users.
pub struct PushTokenService {
    pub(super) core: Arc<Core>,
    pub(super) apps: AppService,
}

impl PushTokenService {
    /// Registers the token of a device.
    pub async fn register(&self, app: AppKey, user: UserId, token: PushToken) -> Result<(), Failure> {
        self.core.store.write(move |writes| Ok(writes.put_push_token(app, &user, &token, MAX_TOKENS)?)).await
    }

    /// Forgets the token of a device, if there is one.
    pub async fn forget(&self, app: AppKey, user: UserId, device_id: String) -> Result<(), Failure> {
        self.core.store.write(move |writes| Ok(writes.delete_push_token(app, &user, &device_id).map(drop)?)).await
    }

    /// Those of a user; the one that was registered last comes first. Error: `invalid_app_id`.
    pub async fn all(&self, app: AppId, user: UserId) -> Result<Vec<PushToken>, Failure> {
        let app = self.apps.key(app).await?;
        self.core.store.read(move |reads| Ok(reads.push_tokens(app, &user)?)).await
    }
}
