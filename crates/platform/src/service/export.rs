//! Data exports: keys, requests, and the schedule. Contract 2.9. The archives are made in `archive.rs`.

use layer_store::export::{ExportRecord, ExportSettings};
use layer_store::model::AppKey;
use layer_store::{Reads, StoreError, Writes};
use layer_wire::export::{ExportKind, Interval, NewSchedule};
use layer_wire::{ApiError, ExportId, Timestamp, Version};

use super::Services;
use super::archive::PublicKey;
use super::caller::Caller;
use super::failure::Failure;

/// A day, in milliseconds: between two historical exports, and between two scheduled ones.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn a_day_after(time: Timestamp) -> Timestamp {
    Timestamp::from_ms(time.as_ms().saturating_add(DAY_MS))
}

impl Services {
    /// Sets the public key that exports are encrypted for. Error: `invalid_property` `public_key` when it is none (recorded status).
    pub async fn set_export_key(&self, app: AppKey, public_key: String) -> Result<(), Failure> {
        PublicKey::parse(&public_key)?;
        let set = move |writes: &mut dyn Writes| {
            let settings = ExportSettings { public_key: Some(public_key), ..writes.export_settings(app)? };
            Ok(writes.put_export_settings(app, &settings)?)
        };
        self.store.write(set).await
    }

    /// What an app has set for its exports.
    pub async fn export_settings(&self, app: AppKey) -> Result<ExportSettings, Failure> {
        self.store.read(move |reads: &dyn Reads| Ok(reads.export_settings(app)?)).await
    }

    /// Asks for an export of everything.
    ///
    /// Errors: `invalid_operation` without a public key (assumed), and within a day of the last one (recorded status) unless the
    /// platform was told otherwise.
    pub async fn request_export(&self, caller: Caller) -> Result<ExportRecord, Failure> {
        let now = self.clock.now();
        let id = ExportId::new(self.ids.resource(now));
        let is_unlimited = self.unlimited_exports;
        let request = move |writes: &mut dyn Writes| {
            let settings = writes.export_settings(caller.key)?;
            let public_key = settings.public_key.clone().ok_or_else(ApiError::export_without_key)?;
            if !is_unlimited && settings.requested_at.is_some_and(|at| now < a_day_after(at)) {
                return Err(ApiError::export_too_soon().into());
            }
            writes.put_export_settings(caller.key, &ExportSettings { requested_at: Some(now), ..settings })?;
            let export = ExportRecord {
                id,
                app: caller.app,
                app_key: caller.key,
                kind: ExportKind::Historical,
                version: caller.version,
                public_key,
                created_at: now,
                last_event: None,
                started_at: None,
                archive: None,
            };
            writes.insert_export(&export)?;
            Ok(export)
        };
        let export = self.store.write::<_, Failure>(request).await?;
        self.exports_wanted.notify_one();
        Ok(export)
    }

    /// The exports of an app, newest first.
    pub async fn exports(&self, app: AppKey) -> Result<Vec<ExportRecord>, Failure> {
        self.store.read(move |reads: &dyn Reads| Ok(reads.exports(app)?)).await
    }

    /// An export. Error: `not_found` (recorded status).
    pub async fn export(&self, app: AppKey, id: ExportId) -> Result<ExportRecord, Failure> {
        let found = self.store.read::<_, Failure>(move |reads: &dyn Reads| Ok(reads.export(app, id)?)).await?;
        found.ok_or_else(|| ApiError::export_not_found().into())
    }

    /// Deletes an export and its archive. Error: `not_found` (recorded status).
    pub async fn delete_export(&self, app: AppKey, id: ExportId) -> Result<(), Failure> {
        let delete = move |writes: &mut dyn Writes| {
            if writes.delete_export(app, id)? { Ok(()) } else { Err(ApiError::export_not_found().into()) }
        };
        self.giving_up_files(self.store.write(delete)).await
    }

    /// Changes the schedule. The first export is due a day later (assumed); events are kept from now on.
    ///
    /// Error: `invalid_operation` without a public key (assumed).
    pub async fn set_export_schedule(&self, app: AppKey, new: NewSchedule) -> Result<ExportSettings, Failure> {
        let now = self.clock.now();
        let set = move |writes: &mut dyn Writes| {
            let before = writes.export_settings(app)?;
            let is_on = new.interval == Interval::Daily;
            if is_on && before.public_key.is_none() {
                return Err(ApiError::export_without_key().into());
            }
            if !is_on {
                writes.delete_export_events(app)?;
            }
            let next_export_at = is_on.then(|| before.next_export_at.unwrap_or(a_day_after(now)));
            let settings = ExportSettings { schedule: new, next_export_at, ..before };
            writes.put_export_settings(app, &settings)?;
            Ok(settings)
        };
        let settings = self.store.write::<_, Failure>(set).await?;
        self.exports_wanted.notify_one();
        Ok(settings)
    }

    /// Queues the scheduled exports that are due, and finds the oldest export that is not made yet. Answers with the latter, or else
    /// with when the next one is due.
    pub async fn next_export(&self) -> Result<Result<ExportRecord, Option<Timestamp>>, StoreError> {
        let now = self.clock.now();
        let ids = std::sync::Arc::clone(&self.ids);
        let next = move |writes: &mut dyn Writes| {
            for app in writes.due_export_schedules(now)? {
                let settings = writes.export_settings(app)?;
                let (Some(public_key), Some(subscription)) =
                    (settings.public_key.clone(), writes.export_subscription(app)?)
                else {
                    continue;
                };
                let id = ExportId::new(ids.resource(now));
                let last_export = Some((now, id));
                let next_export_at = Some(a_day_after(now));
                writes.put_export_settings(app, &ExportSettings { last_export, next_export_at, ..settings })?;
                writes.insert_export(&ExportRecord {
                    id,
                    app: subscription.app,
                    app_key: app,
                    kind: ExportKind::Scheduled,
                    version: Version::V1_0,
                    public_key,
                    created_at: now,
                    last_event: None,
                    started_at: None,
                    archive: None,
                })?;
            }
            match writes.next_open_export()? {
                Some(export) => Ok(Ok(export)),
                None => Ok(Err(writes.next_export_at()?)),
            }
        };
        self.store.write(next).await
    }
}
