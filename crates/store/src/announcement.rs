//! Announcements, and the copies that their recipients have.

pub use layer_wire::announcement::AnnouncementRecord;
use layer_wire::message::Status;
use layer_wire::{AnnouncementId, UserId};

use crate::StoreError;
use crate::app::IdUse;
use crate::held::{Held, Inserted};
use crate::key::{AnnouncementKey, AppKey};
use crate::page::{Weighed, weight_of_parts, weight_of_users};

/// The copy that a recipient has of an announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncementCopy {
    /// The announcement.
    pub announcement: AnnouncementRecord,
    /// Its name inside the store.
    pub key: AnnouncementKey,
    /// The number that recipients see as its position: later announcements have larger ones.
    pub position: u64,
    /// How far it got with the recipient.
    pub status: Status,
}

impl Weighed for AnnouncementCopy {
    fn weight(&self) -> usize {
        weight_of_parts(&self.announcement.parts) + weight_of_users(&self.announcement.recipients)
    }
}

/// What can be read of announcements.
pub trait AnnouncementReads {
    /// An announcement.
    fn announcement(&self, app: AppKey, id: AnnouncementId) -> Result<Option<AnnouncementRecord>, StoreError>;

    /// An announcement that a user got and did not delete.
    fn announcement_of(
        &self,
        app: AppKey,
        user: &UserId,
        id: AnnouncementId,
    ) -> Result<Option<AnnouncementCopy>, StoreError>;

    /// The announcements that a user got and did not delete, newest first: at most `limit`, beginning after the copy
    /// `from`.
    fn announcements_of(
        &self,
        app: AppKey,
        user: &UserId,
        from: Option<&AnnouncementCopy>,
        limit: usize,
    ) -> Result<Vec<AnnouncementCopy>, StoreError>;

    /// How many announcements [`Self::announcements_of`] has in all.
    fn announcement_count_of(&self, app: AppKey, user: &UserId) -> Result<u64, StoreError>;
}

/// What can be written of announcements.
pub trait AnnouncementWrites {
    /// Adds an announcement; each recipient gets a copy.
    fn insert_announcement(&mut self, app: AppKey, new: &AnnouncementRecord)
    -> Result<Inserted<(), IdUse>, StoreError>;

    /// The copy of a recipient that nobody else changes until the end of the write.
    fn hold_announcement_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        id: AnnouncementId,
    ) -> Result<Option<Held<AnnouncementCopy>>, StoreError>;

    /// Keeps how far an announcement got with a recipient.
    fn put_announcement_status(
        &mut self,
        app: AppKey,
        user: &UserId,
        copy: &mut Held<AnnouncementCopy>,
        status: Status,
    ) -> Result<(), StoreError>;

    /// Deletes the copy of a recipient. The others keep theirs.
    fn delete_announcement_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        copy: &Held<AnnouncementCopy>,
    ) -> Result<(), StoreError>;
}
