//! What is stored of exports. Their archives are files: [`crate::file`].

use std::time::Duration;

use layer_wire::export::{ExportKind, ExportStatus, Interval, NewSchedule, Schedule};
use layer_wire::{AppId, ExportId, Timestamp, Version};

use crate::StoreError;
use crate::claim::{ClaimId, Claimed, Claims};
use crate::held::Held;
use crate::key::{AppKey, ExportEventKey};
use crate::page::Weighed;

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

impl Weighed for (ExportEventKey, Vec<u8>) {
    fn weight(&self) -> usize {
        self.1.len()
    }
}

/// What can be read of exports.
pub trait ExportReads {
    /// What an app has set.
    fn export_settings(&self, app: AppKey) -> Result<ExportSettings, StoreError>;

    /// An export of an app.
    fn export(&self, app: AppKey, id: ExportId) -> Result<Option<ExportRecord>, StoreError>;

    /// The exports of an app, newest first.
    fn exports(&self, app: AppKey) -> Result<Vec<ExportRecord>, StoreError>;

    /// The apps whose next scheduled export is due at `now`.
    fn due_export_schedules(&self, now: Timestamp) -> Result<Vec<(AppKey, AppId)>, StoreError>;

    /// When the next scheduled export of any app is due.
    fn next_export_at(&self) -> Result<Option<Timestamp>, StoreError>;

    /// The events that were given to an export, in the order in which they happened: at most `limit`, beginning after
    /// the event `after`, each with its key.
    fn export_events(
        &self,
        app: AppKey,
        export: ExportId,
        after: Option<ExportEventKey>,
        limit: usize,
    ) -> Result<Vec<(ExportEventKey, Vec<u8>)>, StoreError>;
}

/// About how many events of an app may wait for its next scheduled export. When more do, something must be wrong with
/// exports.
pub const MAX_WAITING_EVENTS: u64 = 5_000_000;

/// What can be written of exports.
pub trait ExportWrites {
    /// What an app has set, which nobody else changes until the end of the write.
    fn hold_export_settings(&mut self, app: AppKey) -> Result<Held<ExportSettings>, StoreError>;

    /// Replaces what an app has set.
    fn put_export_settings(
        &mut self,
        app: AppKey,
        held: &mut Held<ExportSettings>,
        settings: ExportSettings,
    ) -> Result<(), StoreError>;

    /// Adds an export that waits.
    fn insert_export(&mut self, new: &ExportRecord) -> Result<(), StoreError>;

    /// Claims the oldest export of any app that is not completed and that nobody works on.
    fn claim_export(&mut self, lease: Duration) -> Result<Claims<Claimed<ExportRecord>>, StoreError>;

    /// Goes on with an export: the claim lapses after `lease` from now. `false` when it has lapsed, or the export is
    /// gone.
    fn renew_export(&mut self, export: &ExportRecord, claim: ClaimId, lease: Duration) -> Result<bool, StoreError>;

    /// Gives an export back that could not be made.
    fn release_export(&mut self, export: &ExportRecord, claim: ClaimId) -> Result<(), StoreError>;

    /// Says that an export was begun.
    fn start_export(&mut self, app: AppKey, id: ExportId, started_at: Timestamp) -> Result<(), StoreError>;

    /// Gives the events of an app that wait to an export, at most `limit` of them; `true` when none is left. An event
    /// that is committed later waits for the next export.
    fn give_events_to(&mut self, export: &ExportRecord, limit: usize) -> Result<bool, StoreError>;

    /// Says that an archive is on disk, and forgets the events in it. `false` when the claim has lapsed, or the export
    /// is gone.
    fn complete_export(
        &mut self,
        export: &ExportRecord,
        claim: ClaimId,
        archive: &ArchiveRecord,
    ) -> Result<bool, StoreError>;

    /// Deletes an export and gives up its files; `false` when there is none. Events that it was given wait again.
    fn delete_export(&mut self, app: AppKey, id: ExportId) -> Result<bool, StoreError>;

    /// Keeps an event for the next scheduled export. It is dropped when about `most` wait already; an engine may count
    /// those of other apps that came in between.
    fn insert_export_event(&mut self, app: AppKey, body: &[u8], most: u64) -> Result<(), StoreError>;

    /// Forgets all events of an app that wait.
    fn delete_export_events(&mut self, app: AppKey) -> Result<(), StoreError>;
}
