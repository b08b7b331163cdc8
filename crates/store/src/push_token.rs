//! Push tokens: where a push network would find the devices of a user.

use layer_wire::UserId;
use layer_wire::client_api::push_token::PushToken;

use crate::StoreError;
use crate::key::AppKey;

/// What can be read of push tokens.
pub trait PushTokenReads {
    /// Those of a user; the one that was registered last comes first.
    fn push_tokens(&self, app: AppKey, user: &UserId) -> Result<Vec<PushToken>, StoreError>;
}

/// What can be written of push tokens.
pub trait PushTokenWrites {
    /// Registers the token of a device, in place of what was known of the device. Of more than `limit`, those that were
    /// not registered for the longest time go. The user is created on the fly.
    fn put_push_token(&mut self, app: AppKey, user: &UserId, token: &PushToken, limit: usize)
    -> Result<(), StoreError>;

    /// Forgets the token of a device; `false` when there is none.
    fn delete_push_token(&mut self, app: AppKey, user: &UserId, device_id: &str) -> Result<bool, StoreError>;
}
