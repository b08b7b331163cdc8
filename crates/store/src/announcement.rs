//! Announcements as their recipients see them.

use layer_wire::message::Status;
use layer_wire::{AnnouncementId, UserId};

use crate::StoreError;
use crate::model::{AnnouncementRecord, AppKey};

/// The copy that a recipient has of an announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncementCopy {
    /// The announcement.
    pub announcement: AnnouncementRecord,
    /// Its place among all announcements: later ones have larger numbers.
    pub position: u64,
    /// How far it got with the recipient.
    pub status: Status,
}

/// What recipients see.
pub trait AnnouncementReads {
    /// An announcement that a user got and did not delete.
    fn announcement_of(
        &self,
        app: AppKey,
        user: &UserId,
        id: AnnouncementId,
    ) -> Result<Option<AnnouncementCopy>, StoreError>;

    /// The announcements that a user got and did not delete, newest first: at most `limit`, beginning after the position `after`.
    fn announcements_of(
        &self,
        app: AppKey,
        user: &UserId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AnnouncementCopy>, StoreError>;

    /// How many announcements [`Self::announcements_of`] has in all.
    fn announcement_count_of(&self, app: AppKey, user: &UserId) -> Result<u64, StoreError>;
}

/// What recipients change.
pub trait AnnouncementWrites {
    /// Keeps how far an announcement got with a recipient.
    fn put_announcement_status(
        &mut self,
        app: AppKey,
        user: &UserId,
        copy: &AnnouncementCopy,
        status: Status,
    ) -> Result<(), StoreError>;

    /// Deletes the copy of a recipient. The others keep theirs.
    fn delete_announcement_of(&mut self, app: AppKey, user: &UserId, copy: &AnnouncementCopy)
    -> Result<(), StoreError>;
}
