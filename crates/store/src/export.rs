//! What is stored of exports. Their archives are files: [`crate::file`].

use layer_wire::export::{ExportKind, ExportStatus, Interval, NewSchedule, Schedule};
use layer_wire::{AppId, ExportId, Timestamp, Version};

use crate::StoreError;
use crate::model::{AppKey, ConversationRecord};
use crate::webhook::Subscription;

/// What an app has set for its exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSettings {
    /// The public key, as it was given.
    pub public_key: Option<String>,
    /// When the latest historical export was asked for.
    pub requested_at: Option<Timestamp>,
    /// How often, and which events.
    pub schedule: NewSchedule,
    /// When the latest scheduled export was made, and which it was.
    pub last_export: Option<(Timestamp, ExportId)>,
    /// When the next one is due.
    pub next_export_at: Option<Timestamp>,
}

impl Default for ExportSettings {
    fn default() -> Self {
        Self {
            public_key: None,
            requested_at: None,
            schedule: NewSchedule { interval: Interval::Disabled, events: vec![] },
            last_export: None,
            next_export_at: None,
        }
    }
}

impl From<ExportSettings> for Schedule {
    fn from(settings: ExportSettings) -> Self {
        Self {
            interval: settings.schedule.interval,
            events: settings.schedule.events,
            last_export_at: settings.last_export.map(|(at, _)| at),
            last_export_id: settings.last_export.map(|(_, id)| id),
            next_export_at: settings.next_export_at,
        }
    }
}

/// An export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRecord {
    /// Its id.
    pub id: ExportId,
    /// The app.
    pub app: AppId,
    /// The app inside the store.
    pub app_key: AppKey,
    /// What it holds.
    pub kind: ExportKind,
    /// The version of the objects in it.
    pub version: Version,
    /// The public key that it is for.
    pub public_key: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The key of the latest event in it, if it is a scheduled one.
    pub last_event: Option<i64>,
    /// When it was begun.
    pub started_at: Option<Timestamp>,
    /// The archive, once it is on disk.
    pub archive: Option<ArchiveRecord>,
}

impl ExportRecord {
    /// How far it is.
    pub fn status(&self) -> ExportStatus {
        match (self.started_at, &self.archive) {
            (_, Some(_)) => ExportStatus::Completed,
            (Some(_), None) => ExportStatus::Executing,
            (None, None) => ExportStatus::Pending,
        }
    }
}

/// A finished archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveRecord {
    /// When it was ready.
    pub completed_at: Timestamp,
    /// In bytes.
    pub size: u64,
    /// The key of the archive, encrypted with the public key.
    pub encrypted_key: Vec<u8>,
    /// The initialisation vector.
    pub iv: [u8; 16],
}

/// What can be read of exports.
pub trait ExportReads {
    /// What an app has set.
    fn export_settings(&self, app: AppKey) -> Result<ExportSettings, StoreError>;

    /// An export of an app.
    fn export(&self, app: AppKey, id: ExportId) -> Result<Option<ExportRecord>, StoreError>;

    /// The exports of an app, newest first.
    fn exports(&self, app: AppKey) -> Result<Vec<ExportRecord>, StoreError>;

    /// The oldest export of any app that is not completed.
    fn next_open_export(&self) -> Result<Option<ExportRecord>, StoreError>;

    /// The apps whose next scheduled export is due at `now`.
    fn due_export_schedules(&self, now: Timestamp) -> Result<Vec<AppKey>, StoreError>;

    /// When the next scheduled export of any app is due.
    fn next_export_at(&self) -> Result<Option<Timestamp>, StoreError>;

    /// The events that an app wants in its next scheduled export, as if it were a webhook; `None` without a schedule. Every write that
    /// makes an event asks.
    fn export_subscription(&self, app: AppKey) -> Result<Option<Subscription>, StoreError>;

    /// Events of an app with keys above `after`, up to `up_to`, oldest first, at most `limit`, each with its key.
    fn export_events(
        &self,
        app: AppKey,
        after: i64,
        up_to: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError>;

    /// Conversations of an app that are not deleted, with keys above `after`, oldest first, at most `limit`.
    fn conversations_after(&self, app: AppKey, after: i64, limit: usize)
    -> Result<Vec<ConversationRecord>, StoreError>;
}

/// What can be written of exports.
pub trait ExportWrites {
    /// Replaces what an app has set.
    fn put_export_settings(&mut self, app: AppKey, settings: &ExportSettings) -> Result<(), StoreError>;

    /// Adds an export that waits. A scheduled one gets all events so far.
    fn insert_export(&mut self, new: &ExportRecord) -> Result<(), StoreError>;

    /// Says that an export was begun.
    fn start_export(&mut self, app: AppKey, id: ExportId, started_at: Timestamp) -> Result<(), StoreError>;

    /// Says that an archive is on disk, and forgets the events in it. `false` when the export is gone meanwhile.
    fn complete_export(&mut self, export: &ExportRecord, archive: &ArchiveRecord) -> Result<bool, StoreError>;

    /// Deletes an export and gives up its files; `false` when there is none.
    fn delete_export(&mut self, app: AppKey, id: ExportId) -> Result<bool, StoreError>;

    /// Keeps an event for the next scheduled export. When very many wait already, it is dropped: something must be wrong with exports.
    fn insert_export_event(&mut self, app: AppKey, body: &[u8]) -> Result<(), StoreError>;

    /// Forgets all events of an app that wait.
    fn delete_export_events(&mut self, app: AppKey) -> Result<(), StoreError>;
}
