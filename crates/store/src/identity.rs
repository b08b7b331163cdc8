//! Identities: who the users are.

use layer_wire::UserId;
use layer_wire::identity::Fields;

use crate::StoreError;
use crate::held::{Held, Inserted};
use crate::key::AppKey;
use crate::page::Gathered;

/// What can be read of identities.
pub trait IdentityReads {
    /// The identity of a user.
    fn identity(&self, app: AppKey, user: &UserId) -> Result<Option<Fields>, StoreError>;

    /// The identities of several users, in their order: those of a page in one question, for engines that are far away.
    /// Only as many of the first as there is room for, at least one.
    fn identities(&self, app: AppKey, users: &[&UserId]) -> Result<Vec<Option<Fields>>, StoreError> {
        let mut found = Gathered::default();
        for user in users {
            if !found.add(self.identity(app, user)?) {
                break;
            }
        }
        Ok(found.into_items())
    }
}

/// What can be written of identities.
pub trait IdentityWrites {
    /// The identity of a user that nobody else changes until the end of the write.
    fn hold_identity(&mut self, app: AppKey, user: &UserId) -> Result<Option<Held<Fields>>, StoreError>;

    /// Gives a user an identity, unless it has one.
    fn insert_identity(
        &mut self,
        app: AppKey,
        user: &UserId,
        fields: &Fields,
    ) -> Result<Inserted<(), Fields>, StoreError>;

    /// Creates or replaces the identity of a user.
    fn put_identity(&mut self, app: AppKey, user: &UserId, fields: &Fields) -> Result<(), StoreError>;

    /// Deletes the identity of a user; `false` when there was none.
    fn delete_identity(&mut self, app: AppKey, user: &UserId) -> Result<bool, StoreError>;
}
