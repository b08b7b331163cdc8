//! Identities. Contract 2.7.

use std::sync::Arc;

use layer_store::held::Inserted;
use layer_store::key::AppKey;
use layer_store::{Reads, Writes};
use layer_wire::identity::{Fields, IdentityPatch};
use layer_wire::{ApiError, UserId};

use super::caller::Caller;
use super::core::Core;
use super::failure::Failure;

/// The outcome of a request to create an identity.
#[derive(Debug, Clone, PartialEq)]
pub enum CreatedIdentity {
    /// It was created.
    Done,
    /// The user has one already.
    Existing(Fields),
}

/// Identities.
pub struct IdentityService {
    pub(super) core: Arc<Core>,
}

impl IdentityService {
    /// Creates the identity of a user.
    pub async fn create(&self, app: AppKey, user: UserId, fields: Fields) -> Result<CreatedIdentity, Failure> {
        let create = move |writes: &mut dyn Writes| {
            Ok(match writes.insert_identity(app, &user, &fields)? {
                Inserted::Done(()) => CreatedIdentity::Done,
                Inserted::Taken(existing) => CreatedIdentity::Existing(existing),
            })
        };
        self.core.store.write(create).await
    }

    /// The identity of a user. Error: `not_found`.
    ///
    /// A user whom others named, but who has no identity, is not found in 1.x and has an empty identity from 2.0 on
    /// (assumed).
    pub async fn find(&self, caller: Caller, user: UserId) -> Result<Fields, Failure> {
        let read = move |reads: &dyn Reads| {
            if let Some(fields) = reads.identity(caller.key, &user)? {
                return Ok(fields);
            }
            if caller.version.has_identities() && reads.user_exists(caller.key, &user)? {
                return Ok(Fields::unset());
            }
            Err(ApiError::identity_not_found().into())
        };
        self.core.store.read(read).await
    }

    /// Patches the identity of a user, all operations or none. Errors: `not_found`, `invalid_property`.
    pub async fn edit(&self, app: AppKey, user: UserId, patch: IdentityPatch) -> Result<(), Failure> {
        let edit = move |writes: &mut dyn Writes| {
            let before = writes.hold_identity(app, &user)?.ok_or_else(ApiError::identity_not_found)?;
            let after = patch.apply(&before)?;
            Ok(writes.put_identity(app, &user, &after)?)
        };
        self.core.store.write(edit).await
    }

    /// Replaces the identity of a user, or creates it (assumed). A bot stays one when 1.x replaces it, which knows no
    /// bots.
    pub async fn replace(&self, caller: Caller, user: UserId, fields: Fields) -> Result<(), Failure> {
        let replace = move |writes: &mut dyn Writes| {
            let before =
                if caller.version.has_identities() { None } else { writes.hold_identity(caller.key, &user)? };
            let fields = before.map_or_else(|| fields.clone(), |before| fields.clone().with_type_of(&before));
            Ok(writes.put_identity(caller.key, &user, &fields)?)
        };
        self.core.store.write(replace).await
    }

    /// Deletes the identity of a user. Error: `not_found` when there is none (recorded).
    pub async fn delete(&self, app: AppKey, user: UserId) -> Result<(), Failure> {
        let delete = move |writes: &mut dyn Writes| {
            if writes.delete_identity(app, &user)? { Ok(()) } else { Err(ApiError::identity_not_found().into()) }
        };
        self.core.store.write(delete).await
    }
}
