//! Identity providers: whose signatures an app trusts to say who its users are. For the operator; Client API 2.4.

use std::sync::Arc;

use layer_store::identity_provider::IdentityProviderRecord;
use layer_store::{Reads, StoreError, Writes};
use layer_wire::{ApiError, AppId, ErrorKind};
use uuid::Uuid;

use super::app::AppService;
use super::core::Core;
use super::failure::Failure;
use crate::ground::rsa_key;

/// The shortest key that is taken. Unit: bits (assumed).
const MIN_BITS: u32 = 2048;

/// A key that was added.
pub struct NewKey {
    /// Its id.
    pub id: Uuid,
    /// The private key, PEM of PKCS#8, when the platform made the pair. This is the only time it is seen: the platform
    /// keeps the public key.
    pub private_pem: Option<String>,
}

/// `not_found` for a provider or a key.
fn not_found(what: &'static str) -> Failure {
    ApiError::new(ErrorKind::NotFound, what).into()
}

/// A public key as DER, and the private one where the pair is made here. Error: `invalid_property` `public_key`.
fn public_key(given: Option<&str>) -> Result<(Vec<u8>, Option<String>), Failure> {
    if let Some(given) = given {
        let der = rsa_key::verifying_key(given, MIN_BITS).ok_or_else(|| {
            let rule =
                format_args!("must be an RSA public key of {MIN_BITS} bits or more, or a certificate, in PEM form");
            ApiError::invalid_property("public_key", rule)
        })?;
        return Ok((der, None));
    }
    let pair = rsa_key::new_pair();
    let pair = pair.ok_or_else(|| StoreError::Failed("a pair of keys cannot be made".into()))?;
    Ok((pair.public_der, Some(pair.private_pem)))
}

/// Identity providers of apps.
pub struct IdentityProviderService {
    pub(super) core: Arc<Core>,
    pub(super) apps: AppService,
}

impl IdentityProviderService {
    /// The identity providers of an app. Error: `invalid_app_id`.
    pub async fn all(&self, app: AppId) -> Result<Vec<IdentityProviderRecord>, Failure> {
        let app = self.apps.key(app).await?;
        self.core.store.read(move |reads: &dyn Reads| Ok(reads.identity_providers(app)?)).await
    }

    /// Adds an identity provider with a key: PEM of an RSA public key or of a certificate; without it, a pair is made.
    /// Waits for the store and for the pair: not for the threads that serve requests.
    ///
    /// Errors: `invalid_app_id`; `invalid_property` `public_key`.
    pub fn create(&self, app: AppId, given: Option<&str>) -> Result<(Uuid, NewKey), Failure> {
        let (public_key, private_pem) = public_key(given)?;
        let (provider, key, now) = (self.core.ids.app(), self.core.ids.app(), self.core.clock.now());
        let create = move |writes: &mut dyn Writes| {
            let app = writes.app(app)?.ok_or_else(ApiError::invalid_app_id)?.key;
            writes.insert_identity_provider(app, provider, now)?;
            writes.insert_identity_key(app, provider, key, &public_key, now)?;
            Ok::<_, Failure>(())
        };
        self.core.store.write_blocking(create)?;
        Ok((provider, NewKey { id: key, private_pem }))
    }

    /// Adds a key to a provider, beside those that it has: tokens may be signed with any of them. Waits like
    /// [`Self::create`].
    ///
    /// Errors: the same, and `not_found` for the provider.
    pub fn add_key(&self, app: AppId, provider: Uuid, given: Option<&str>) -> Result<NewKey, Failure> {
        let (public_key, private_pem) = public_key(given)?;
        let (key, now) = (self.core.ids.app(), self.core.clock.now());
        let add = move |writes: &mut dyn Writes| {
            let app = writes.app(app)?.ok_or_else(ApiError::invalid_app_id)?.key;
            if writes.insert_identity_key(app, provider, key, &public_key, now)? {
                Ok(())
            } else {
                Err(not_found("The app has no such identity provider."))
            }
        };
        self.core.store.write_blocking(add)?;
        Ok(NewKey { id: key, private_pem })
    }

    /// Removes a key: no session is opened with it any more, and those that were go on. Errors: `invalid_app_id`;
    /// `not_found`.
    pub async fn remove_key(&self, app: AppId, provider: Uuid, key: Uuid) -> Result<(), Failure> {
        let app = self.apps.key(app).await?;
        let remove = move |writes: &mut dyn Writes| {
            let is_removed = writes.delete_identity_key(app, provider, key)?;
            if is_removed { Ok(()) } else { Err(not_found("The identity provider has no such key.")) }
        };
        self.core.store.write(remove).await
    }

    /// Removes a provider with its keys, as [`Self::remove_key`] does. Errors: the same.
    pub async fn remove(&self, app: AppId, provider: Uuid) -> Result<(), Failure> {
        let app = self.apps.key(app).await?;
        let remove = move |writes: &mut dyn Writes| {
            let is_removed = writes.delete_identity_provider(app, provider)?;
            if is_removed { Ok(()) } else { Err(not_found("The app has no such identity provider.")) }
        };
        self.core.store.write(remove).await
    }
}
