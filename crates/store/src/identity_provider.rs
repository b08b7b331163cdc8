//! Identity providers: who vouches for the users of an app, by identity tokens signed with one of its keys.

use layer_wire::Timestamp;
use uuid::Uuid;

use crate::StoreError;
use crate::key::AppKey;

/// An identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityProviderRecord {
    /// Its id.
    pub id: Uuid,
    /// The ids of its keys, the oldest first.
    pub keys: Vec<Uuid>,
}

/// What can be read of identity providers.
pub trait IdentityProviderReads {
    /// The identity providers of an app, the oldest first.
    fn identity_providers(&self, app: AppKey) -> Result<Vec<IdentityProviderRecord>, StoreError>;

    /// A public key of a provider of the app, as DER of PKCS#1.
    fn identity_key(&self, app: AppKey, provider: Uuid, key: Uuid) -> Result<Option<Vec<u8>>, StoreError>;
}

/// What can be written of identity providers.
pub trait IdentityProviderWrites {
    /// Adds a provider, without a key.
    fn insert_identity_provider(&mut self, app: AppKey, id: Uuid, created_at: Timestamp) -> Result<(), StoreError>;

    /// Adds a key to a provider; `false` when the app has no such provider. `public_key` is DER of PKCS#1.
    fn insert_identity_key(
        &mut self,
        app: AppKey,
        provider: Uuid,
        id: Uuid,
        public_key: &[u8],
        created_at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Removes a key; `false` when there is none. Sessions go on.
    fn delete_identity_key(&mut self, app: AppKey, provider: Uuid, key: Uuid) -> Result<bool, StoreError>;

    /// Removes a provider with its keys; `false` when there is none. Sessions go on.
    fn delete_identity_provider(&mut self, app: AppKey, provider: Uuid) -> Result<bool, StoreError>;
}
