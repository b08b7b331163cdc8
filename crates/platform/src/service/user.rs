//! Users, as the application manages them: badge, suspension, sessions. Contract 2.8.

use std::collections::HashSet;
use std::sync::Arc;

use layer_store::key::AppKey;
use layer_store::user::UnreadCounts;
use layer_store::{Reads, StoreError, Writes};
use layer_wire::user::UserChange;
use layer_wire::{ApiError, UserId, identity};

use super::cached::Cached;
use super::core::Core;
use super::failure::Failure;

/// A user that something named before.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownUser {
    /// The fields of its identity, if it has one.
    pub identity: Option<identity::Fields>,
    /// Whether it is suspended.
    pub is_suspended: bool,
}

fn set_blocks(writes: &mut dyn Writes, app: AppKey, owner: &UserId, blocks: &[UserId]) -> Result<(), StoreError> {
    let kept: HashSet<&UserId> = blocks.iter().collect();
    for blocked in writes.block_list(app, owner)?.iter().filter(|blocked| !kept.contains(blocked)) {
        writes.unblock(app, owner, blocked)?;
    }
    blocks.iter().try_for_each(|blocked| writes.block(app, owner, blocked))
}

/// Users, as the application manages them.
pub struct UserService {
    pub(super) core: Arc<Core>,
    /// Whether anyone is suspended, if that is known: while nobody is, requests need no lookup.
    pub(super) is_anyone_suspended: Cached<Option<bool>>,
}

impl UserService {
    /// A user. Error: `not_found` for one that nothing ever named (assumed).
    pub async fn find(&self, app: AppKey, user: UserId) -> Result<KnownUser, Failure> {
        let read = move |reads: &dyn Reads| {
            let is_suspended = reads.is_suspended(app, &user)?.ok_or_else(ApiError::user_not_found)?;
            Ok(KnownUser { identity: reads.identity(app, &user)?, is_suspended })
        };
        self.core.store.read(read).await
    }

    /// Changes a user, who is created on the fly (assumed): all changes in order, or none.
    pub async fn edit(&self, app: AppKey, user: UserId, changes: Vec<UserChange>) -> Result<(), Failure> {
        let edit = move |writes: &mut dyn Writes| {
            for change in &changes {
                match change {
                    UserChange::SetSuspended(is_suspended) => {
                        writes.set_suspended(app, &user, *is_suspended)?;
                        if *is_suspended {
                            writes.end_sessions_of(app, &user)?;
                        }
                    }
                    UserChange::Block(blocked) => writes.block(app, &user, blocked)?,
                    UserChange::Unblock(blocked) => writes.unblock(app, &user, blocked)?,
                    UserChange::SetBlocks(blocks) => set_blocks(writes, app, &user, blocks)?,
                }
            }
            Ok(())
        };
        self.core.store.write(edit).await
    }

    /// Refuses what a suspended user does. Error: `user_suspended`.
    ///
    /// As long as nobody is suspended, this costs nothing.
    pub async fn check_not_suspended(&self, app: AppKey, user: UserId) -> Result<(), Failure> {
        let (is_any, since) = self.is_anyone_suspended.read(|is_any| *is_any);
        if is_any == Some(false) {
            return Ok(());
        }
        let read = move |reads: &dyn Reads| {
            let is_any = is_any.map_or_else(|| reads.is_anyone_suspended(), Ok)?;
            let is_suspended = is_any && reads.is_suspended(app, &user)? == Some(true);
            Ok::<_, StoreError>((is_any, is_suspended))
        };
        let (is_any, is_suspended) = self.core.store.read(read).await?;
        self.is_anyone_suspended.update(since, |known| *known = Some(is_any));
        if is_suspended { Err(ApiError::user_suspended().into()) } else { Ok(()) }
    }

    /// Ends all sessions of a user. Error: `not_found` for one that nothing ever named (recorded).
    pub async fn delete_sessions(&self, app: AppKey, user: UserId) -> Result<(), Failure> {
        let end = move |writes: &mut dyn Writes| {
            if writes.user_exists(app, &user)? {
                Ok(writes.end_sessions_of(app, &user)?)
            } else {
                Err(ApiError::user_not_found().into())
            }
        };
        self.core.store.write(end).await
    }

    /// Checks that a user exists. Error: `not_found` for one that nothing ever named.
    pub async fn check_known(&self, app: AppKey, user: UserId) -> Result<(), Failure> {
        let read = move |reads: &dyn Reads| {
            if reads.user_exists(app, &user)? { Ok(()) } else { Err(ApiError::user_not_found().into()) }
        };
        self.core.store.read(read).await
    }

    /// Sets what the application counts as unread elsewhere for a user, who is created on the fly (assumed).
    pub async fn set_external_unread_count(&self, app: AppKey, user: UserId, count: u32) -> Result<(), Failure> {
        self.core.store.write(move |writes| Ok(writes.set_external_unread_count(app, &user, count)?)).await
    }

    /// What a user has not read; nothing for an unknown one (assumed).
    pub async fn unread_counts(&self, app: AppKey, user: UserId) -> Result<UnreadCounts, Failure> {
        self.core.store.read(move |reads| Ok(reads.unread_counts(app, &user)?)).await
    }
}
