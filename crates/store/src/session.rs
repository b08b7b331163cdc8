//! Sessions: the devices of users that may ask for something, each with a token.

use layer_wire::{AppId, Timestamp, UserId};

use crate::StoreError;
use crate::key::AppKey;
use crate::token::TokenHash;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// The app.
    pub app: AppId,
    /// The app inside the store.
    pub key: AppKey,
    /// The user.
    pub user: UserId,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// What can be read of sessions.
pub trait SessionReads {
    /// The session with this token, also one that has expired and was not forgotten yet.
    fn session(&self, token: &TokenHash) -> Result<Option<SessionRecord>, StoreError>;

    /// How long sessions of an app last, if that was ever set. Unit: seconds.
    fn session_ttl(&self, app: AppKey) -> Result<Option<u32>, StoreError>;
}

/// What can be written of sessions.
pub trait SessionWrites {
    /// What nonces are signed with; `fresh` becomes it when there is none, which is so after a reset.
    fn nonce_key(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;

    /// Uses a nonce up; `false` when it was used before. It is remembered until `expires_at` at least.
    fn use_nonce(&mut self, nonce: &TokenHash, expires_at: Timestamp) -> Result<bool, StoreError>;

    /// Adds a session. The user is created on the fly.
    fn insert_session(
        &mut self,
        app: AppKey,
        user: &UserId,
        token: &TokenHash,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Ends a session; `false` when there is none with this token.
    fn end_session(&mut self, token: &TokenHash) -> Result<bool, StoreError>;

    /// Ends all sessions of a user.
    fn end_sessions_of(&mut self, app: AppKey, user: &UserId) -> Result<(), StoreError>;

    /// Forgets sessions and nonces that expired before `now`, at most `limit` of each.
    fn forget_expired(&mut self, now: Timestamp, limit: usize) -> Result<(), StoreError>;
}
