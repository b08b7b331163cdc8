//! Apps, their tokens, and the ids that are in use.

use layer_wire::{AppId, Timestamp};
use uuid::Uuid;

use crate::StoreError;
use crate::key::AppKey;
use crate::token::TokenHash;

/// An app.
#[derive(Debug, Clone)]
pub struct AppRecord {
    /// Its name inside the store.
    pub key: AppKey,
    /// What its operator calls it.
    pub name: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its tokens, the oldest first.
    pub tokens: Vec<TokenRecord>,
}

/// A token of an app.
#[derive(Debug, Clone)]
pub struct TokenRecord {
    /// Its id, which is no secret.
    pub id: Uuid,
    /// The hash of the token.
    pub hash: TokenHash,
    /// What its operator calls it.
    pub name: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// From when on it is refused, if it is to end by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, as far as that was noted.
    pub used_at: Option<Timestamp>,
}

/// What an id is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdUse {
    /// A conversation, perhaps a deleted one.
    Conversation,
    /// A message.
    Message,
    /// An announcement.
    Announcement,
    /// A message that is to be sent later.
    ScheduledMessage,
    /// A message that was deleted, or that was to be sent and no longer is.
    DeletedMessage,
}

/// What can be read of apps.
pub trait AppReads {
    /// The app with this id, unless it is deleted.
    fn app(&self, id: AppId) -> Result<Option<AppRecord>, StoreError>;

    /// What an id is used for, if it is: no two resources of an app have the same one, not even after deletion.
    fn id_use(&self, app: AppKey, id: Uuid) -> Result<Option<IdUse>, StoreError>;
}

/// What can be written of apps.
pub trait AppWrites {
    /// Adds an app without tokens.
    fn insert_app(&mut self, id: AppId, name: Option<&str>, created_at: Timestamp) -> Result<AppKey, StoreError>;

    /// Deletes an app and its tokens: nothing of it is found by its id, by a token or by a session any more. What it
    /// has goes with [`Self::purge_deleted_apps`]. Answers with whether there was one.
    fn delete_app(&mut self, id: AppId) -> Result<bool, StoreError>;

    /// Removes up to about `limit` rows of apps that are deleted, and notes their files as unused. Answers with whether
    /// nothing is left.
    fn purge_deleted_apps(&mut self, limit: usize) -> Result<bool, StoreError>;

    /// Adds a token to an app.
    fn insert_token(&mut self, app: AppKey, token: &TokenRecord) -> Result<(), StoreError>;

    /// Has a token end by itself. Answers with whether there is one.
    fn expire_token(&mut self, app: AppKey, id: Uuid, at: Timestamp) -> Result<bool, StoreError>;

    /// Notes that a token was used. It is no change that anyone hears of.
    fn note_token_use(&mut self, app: AppKey, id: Uuid, at: Timestamp) -> Result<(), StoreError>;

    /// Deletes a token. Answers with whether there was one.
    fn delete_token(&mut self, app: AppKey, id: Uuid) -> Result<bool, StoreError>;

    /// Sets how long sessions of users of an app last. Unit: seconds.
    fn set_session_ttl(&mut self, app: AppKey, seconds: u32) -> Result<(), StoreError>;

    /// The key of this database that links are signed with; `fresh` becomes it when there is none.
    fn link_key(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;
}
