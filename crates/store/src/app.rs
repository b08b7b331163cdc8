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
    /// The hashes of its tokens.
    pub tokens: Vec<TokenHash>,
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
    /// The app with this id.
    fn app(&self, id: AppId) -> Result<Option<AppRecord>, StoreError>;

    /// What an id is used for, if it is: no two resources of an app have the same one, not even after deletion.
    fn id_use(&self, app: AppKey, id: Uuid) -> Result<Option<IdUse>, StoreError>;
}

/// What can be written of apps.
pub trait AppWrites {
    /// Adds an app.
    fn insert_app(&mut self, id: AppId, token: &TokenHash, created_at: Timestamp) -> Result<(), StoreError>;

    /// Sets how long sessions of users of an app last. Unit: seconds.
    fn set_session_ttl(&mut self, app: AppKey, seconds: u32) -> Result<(), StoreError>;

    /// The key of this database that links are signed with; `fresh` becomes it when there is none.
    fn link_key(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;
}
