//! Data exports: keys, requests, and the schedule. Contract 2.9. The archives are made in `archive.rs`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use layer_store::claim::{Claimed, Claims};
use layer_store::export::{ExportRecord, ExportSettings};
use layer_store::key::AppKey;
use layer_store::{Reads, StoreError, Writes};
use layer_wire::export::{ExportKind, Interval, NewSchedule};
use layer_wire::{ApiError, AppId, ExportId, Timestamp, Version};

use super::caller::Caller;
use super::core::Core;
use super::failure::Failure;
use super::public_key::PublicKey;

/// A day, in milliseconds: between two historical exports, and between two scheduled ones.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How long an export is claimed for at a time. Its maker goes on with the claim while it works; after this time
/// without a sign of it, another one begins anew.
pub const EXPORT_LEASE: Duration = Duration::from_secs(30);

fn a_day_after(time: Timestamp) -> Timestamp {
    Timestamp::from_ms(time.as_ms().saturating_add(DAY_MS))
}

/// Exports: asked for and scheduled here, made in `archive.rs`.
pub struct ExportService {
    pub(super) core: Arc<Core>,
    /// Whether they may be asked for more than once a day.
    are_unlimited: bool,
    /// How far the one is that is made now: one is made at a time.
    pub(super) progress: Mutex<Option<Progress>>,
}

/// How far an export is that this process makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The export.
    pub id: ExportId,
    /// Conversations, messages and events that are in it.
    pub done: u64,
    /// How many there were when it was begun; `None` where nobody counted.
    pub total: Option<u64>,
}

impl ExportService {
    /// Exports, which apps may ask for once a day or whenever they like.
    pub(super) fn new(core: Arc<Core>, are_unlimited: bool) -> Self {
        Self { core, are_unlimited, progress: Mutex::default() }
    }

    /// How far an export is, while this process makes it.
    pub fn progress_of(&self, id: ExportId) -> Option<Progress> {
        self.lock_progress().filter(|progress| progress.id == id)
    }

    /// Locks, also after a panic elsewhere: what is inside is whole at each step.
    pub(super) fn lock_progress(&self) -> MutexGuard<'_, Option<Progress>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the public key that exports are encrypted for. Error: `invalid_property` `public_key` when it is none
    /// (recorded status).
    pub async fn set_key(&self, app: AppKey, public_key: String) -> Result<(), Failure> {
        PublicKey::parse(&public_key)?;
        let set = move |writes: &mut dyn Writes| {
            let mut held = writes.hold_export_settings(app)?;
            let settings = ExportSettings { public_key: Some(public_key.clone()), ..held.clone().into_record() };
            Ok(writes.put_export_settings(app, &mut held, settings)?)
        };
        self.core.store.write(set).await
    }

    /// What an app has set for its exports.
    pub async fn settings(&self, app: AppKey) -> Result<ExportSettings, Failure> {
        self.core.store.read(move |reads: &dyn Reads| Ok(reads.export_settings(app)?)).await
    }

    /// Asks for an export of everything.
    ///
    /// Errors: `invalid_operation` without a public key (assumed), and within a day of the last one (recorded status)
    /// unless the platform was told otherwise.
    pub async fn request(&self, caller: Caller) -> Result<ExportRecord, Failure> {
        let now = self.core.clock.now();
        let id = ExportId::new(self.core.ids.resource(now));
        let is_unlimited = self.are_unlimited;
        let request = move |writes: &mut dyn Writes| {
            let mut settings = writes.hold_export_settings(caller.key)?;
            let public_key = settings.public_key.clone().ok_or_else(ApiError::export_without_key)?;
            if !is_unlimited && settings.requested_at.is_some_and(|at| now < a_day_after(at)) {
                return Err(ApiError::export_too_soon().into());
            }
            let changed = ExportSettings { requested_at: Some(now), ..settings.clone().into_record() };
            writes.put_export_settings(caller.key, &mut settings, changed)?;
            let export = ExportRecord {
                id,
                app: caller.app,
                app_key: caller.key,
                kind: ExportKind::Historical,
                version: caller.version,
                public_key,
                created_at: now,
                started_at: None,
                archive: None,
            };
            writes.insert_export(&export)?;
            Ok(export)
        };
        self.core.store.write(request).await
    }

    /// The exports of an app, newest first.
    pub async fn list(&self, app: AppKey) -> Result<Vec<ExportRecord>, Failure> {
        self.core.store.read(move |reads: &dyn Reads| Ok(reads.exports(app)?)).await
    }

    /// An export. Error: `not_found` (recorded status).
    pub async fn find(&self, app: AppKey, id: ExportId) -> Result<ExportRecord, Failure> {
        let found = self.core.store.read::<_, Failure>(move |reads: &dyn Reads| Ok(reads.export(app, id)?)).await?;
        found.ok_or_else(|| ApiError::export_not_found().into())
    }

    /// Deletes an export and its archive. Error: `not_found` (recorded status).
    pub async fn delete(&self, app: AppKey, id: ExportId) -> Result<(), Failure> {
        let delete = move |writes: &mut dyn Writes| {
            if writes.delete_export(app, id)? { Ok(()) } else { Err(ApiError::export_not_found().into()) }
        };
        self.core.store.write(delete).await
    }

    /// Changes the schedule. The first export is due a day later (assumed); events are kept from now on.
    ///
    /// Error: `invalid_operation` without a public key (assumed).
    pub async fn set_schedule(&self, app: AppKey, new: NewSchedule) -> Result<ExportSettings, Failure> {
        let now = self.core.clock.now();
        let set = move |writes: &mut dyn Writes| {
            let mut before = writes.hold_export_settings(app)?;
            let is_on = new.interval == Interval::Daily;
            if is_on && before.public_key.is_none() {
                return Err(ApiError::export_without_key().into());
            }
            if !is_on {
                writes.delete_export_events(app)?;
            }
            let next_export_at = is_on.then(|| before.next_export_at.unwrap_or(a_day_after(now)));
            let settings = ExportSettings { schedule: new.clone(), next_export_at, ..before.clone().into_record() };
            writes.put_export_settings(app, &mut before, settings)?;
            Ok(before.into_record())
        };
        self.core.store.write(set).await
    }

    /// Queues the scheduled exports that are due, and claims the oldest export that is not made yet.
    pub async fn claim(&self) -> Result<Claims<Claimed<ExportRecord>>, StoreError> {
        let now = self.core.clock.now();
        let ids = Arc::clone(&self.core.ids);
        let claim = move |writes: &mut dyn Writes| {
            for (app, app_id) in writes.due_export_schedules(now)? {
                queue_scheduled(writes, app, app_id, ExportId::new(ids.resource(now)), now)?;
            }
            writes.claim_export(EXPORT_LEASE)
        };
        self.core.store.write(claim).await
    }
}

/// Queues the scheduled export of an app, if it is still due.
fn queue_scheduled(
    writes: &mut dyn Writes,
    app: AppKey,
    app_id: AppId,
    id: ExportId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut settings = writes.hold_export_settings(app)?;
    let is_due = settings.next_export_at.is_some_and(|at| at <= now);
    let Some(public_key) = settings.public_key.clone().filter(|_| is_due) else { return Ok(()) };
    let changed = ExportSettings {
        last_export: Some((now, id)),
        next_export_at: Some(a_day_after(now)),
        ..settings.clone().into_record()
    };
    writes.put_export_settings(app, &mut settings, changed)?;
    writes.insert_export(&ExportRecord {
        id,
        app: app_id,
        app_key: app,
        kind: ExportKind::Scheduled,
        version: Version::V1_0,
        public_key,
        created_at: now,
        started_at: None,
        archive: None,
    })
}
