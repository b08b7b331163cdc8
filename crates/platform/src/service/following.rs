//! Whom a user follows. Contract 2.8.
//!
//! Users who share a conversation follow each other, also after it ended. An explicit unfollow lasts until they come to
//! share another one. The store does that by itself, where memberships begin and end.

use std::sync::Arc;

use layer_store::key::AppKey;
use layer_store::{Reads, Writes};
use layer_wire::page::{Listing, Page};
use layer_wire::{ApiError, UserId, identity};

use super::core::Core;
use super::failure::Failure;

/// A page of the users whom a user follows.
fn list(reads: &dyn Reads, app: AppKey, user: &UserId, page: &Page<UserId>) -> Result<Listing<UserId>, Failure> {
    if let Some(from) = &page.from
        && !reads.is_following(app, user, from)?
    {
        return Err(ApiError::from_id_not_found().into());
    }
    let found = reads.following(app, user, page.from.as_ref(), page.size + 1)?;
    Ok(Listing::new(found, page.size, reads.following_count(app, user)?))
}

/// Who follows whom.
pub struct FollowingService {
    pub(super) core: Arc<Core>,
}

impl FollowingService {
    /// Makes a user follow others. All of them are created on the fly.
    pub async fn follow(&self, app: AppKey, user: UserId, followed: Vec<UserId>) -> Result<(), Failure> {
        let follow = move |writes: &mut dyn Writes| {
            followed.iter().try_for_each(|followed| writes.follow(app, &user, followed))?;
            Ok(())
        };
        self.core.store.write(follow).await
    }

    /// Makes a user no longer follow another one, who need not be followed (assumed).
    pub async fn unfollow(&self, app: AppKey, user: UserId, followed: UserId) -> Result<(), Failure> {
        self.core.store.write(move |writes| Ok(writes.unfollow(app, &user, &followed)?)).await
    }

    /// Checks that a user follows another one. Error: `not_found`.
    pub async fn check(&self, app: AppKey, user: UserId, followed: UserId) -> Result<(), Failure> {
        let read = move |reads: &dyn Reads| {
            if reads.is_following(app, &user, &followed)? { Ok(()) } else { Err(ApiError::not_following().into()) }
        };
        self.core.store.read(read).await
    }

    /// A page of the users whom a user follows, in the order in which the platform came to know them (assumed); none
    /// for an unknown user (assumed). Error: `not_found` for a `from_id` that is not in the list.
    pub async fn page(&self, app: AppKey, user: UserId, page: Page<UserId>) -> Result<Listing<UserId>, Failure> {
        self.core.store.read(move |reads| list(reads, app, &user, &page)).await
    }

    /// Like [`Self::page`], with the identities of those who have one.
    pub async fn page_of_identities(
        &self,
        app: AppKey,
        user: UserId,
        page: Page<UserId>,
    ) -> Result<Listing<(UserId, Option<identity::Fields>)>, Failure> {
        let read = move |reads: &dyn Reads| {
            let Listing { items, total, has_more } = list(reads, app, &user, &page)?;
            let identities = reads.identities(app, &items.iter().collect::<Vec<_>>())?;
            // Those for which there was room.
            let has_more = has_more || identities.len() < items.len();
            Ok(Listing { items: items.into_iter().zip(identities).collect(), total, has_more })
        };
        self.core.store.read(read).await
    }
}
