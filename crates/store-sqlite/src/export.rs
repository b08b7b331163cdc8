//! Exports, their schedule, and the events that wait for the next one.

use layer_store::StoreError;
use layer_store::export::{ArchiveRecord, ExportReads, ExportRecord, ExportSettings, ExportWrites};
use layer_store::file::FileName;
use layer_store::model::{AppKey, ConversationRecord};
use layer_store::webhook::{Subscription, WebhookKey};
use layer_wire::body::Object;
use layer_wire::export::{ExportKind, Interval, NewSchedule};
use layer_wire::{AppId, ExportId, Timestamp, Version};
use rusqlite::Params;
use uuid::Uuid;

use super::sql::{self, Row};
use super::{Session, content, conversation};

/// The most events that wait for a scheduled export of one app.
const MAX_EVENTS: i64 = 5_000_000;

/// The columns that [`read`] expects, in its order.
const COLUMNS: &str = "exports.uuid, apps.uuid, exports.app, exports.is_scheduled, exports.version, exports.public_key, \
     exports.created_at, exports.last_event, exports.started_at, exports.completed_at, exports.size, \
     exports.encrypted_key, exports.iv";

fn read(row: &Row<'_>) -> Result<ExportRecord, StoreError> {
    let time = |column| row.optional_time(column);
    let archive = match time(9)? {
        None => None,
        Some(completed_at) => {
            Some(ArchiveRecord { completed_at, size: row.count(10)?, encrypted_key: row.get(11)?, iv: row.get(12)? })
        }
    };
    let version: String = row.get(4)?;
    Ok(ExportRecord {
        id: ExportId::new(row.uuid(0)?),
        app: AppId::new(row.uuid(1)?),
        app_key: AppKey(row.get(2)?),
        kind: if row.get(3)? { ExportKind::Scheduled } else { ExportKind::Historical },
        // Written by this program, which knows the versions that it writes.
        version: Version::parse(&version).unwrap_or(Version::V1_0),
        public_key: row.get(5)?,
        created_at: row.time(6)?,
        last_event: row.get(7)?,
        started_at: time(8)?,
        archive,
    })
}

impl Session<'_> {
    fn exports_where(&self, condition: &str, parameters: impl Params) -> Result<Vec<ExportRecord>, StoreError> {
        let found = self
            .sql
            .prepare(&format!("SELECT {COLUMNS} FROM exports JOIN apps ON apps.key = exports.app WHERE {condition}"))?
            .all(parameters, read)?;
        Ok(found)
    }
}

impl ExportReads for Session<'_> {
    fn export_settings(&self, app: AppKey) -> Result<ExportSettings, StoreError> {
        let found = self
            .sql
            .prepare(
                "SELECT public_key, requested_at, interval, events, last_export_at, last_export, next_export_at
                 FROM export_settings WHERE app = ?1",
            )?
            .first([app.0], |row| {
                let time = |column| row.optional_time(column);
                let last = row.get::<Option<[u8; 16]>>(5)?.map(|id| ExportId::new(Uuid::from_bytes(id)));
                let interval: String = row.get(2)?;
                let events: String = row.get(3)?;
                let settings = ExportSettings {
                    public_key: row.get(0)?,
                    requested_at: time(1)?,
                    schedule: NewSchedule {
                        interval: if interval == "daily" { Interval::Daily } else { Interval::Disabled },
                        events: vec![],
                    },
                    last_export: time(4)?.zip(last),
                    next_export_at: time(6)?,
                };
                Ok((settings, events))
            })?;
        let Some((mut settings, events)) = found else { return Ok(ExportSettings::default()) };
        settings.schedule.events = serde_json::from_str(&events)?;
        Ok(settings)
    }

    fn export(&self, app: AppKey, id: ExportId) -> Result<Option<ExportRecord>, StoreError> {
        let condition = "exports.app = ?1 AND exports.uuid = ?2";
        Ok(self.exports_where(condition, (app.0, id.uuid().as_bytes()))?.pop())
    }

    fn exports(&self, app: AppKey) -> Result<Vec<ExportRecord>, StoreError> {
        self.exports_where("exports.app = ?1 ORDER BY exports.key DESC", [app.0])
    }

    fn next_open_export(&self) -> Result<Option<ExportRecord>, StoreError> {
        Ok(self.exports_where("exports.completed_at IS NULL ORDER BY exports.key LIMIT 1", [])?.pop())
    }

    fn due_export_schedules(&self, now: Timestamp) -> Result<Vec<AppKey>, StoreError> {
        let found = self
            .sql
            .prepare("SELECT app FROM export_settings WHERE next_export_at <= ?1")?
            .all([now.as_ms()], |row| row.get(0).map(AppKey))?;
        Ok(found)
    }

    fn next_export_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.sql
            .prepare("SELECT min(next_export_at) FROM export_settings WHERE next_export_at IS NOT NULL")?
            .one([], |row| row.optional_time(0))
    }

    fn export_subscription(&self, app: AppKey) -> Result<Option<Subscription>, StoreError> {
        let found = self
            .sql
            .prepare(
                "SELECT apps.uuid, export_settings.events FROM export_settings
                 JOIN apps ON apps.key = export_settings.app
                 WHERE export_settings.app = ?1 AND export_settings.interval = 'daily'",
            )?
            .first([app.0], |row| Ok((row.get(0)?, row.get::<String>(1)?)))?;
        let Some((uuid, events)) = found else { return Ok(None) };
        Ok(Some(Subscription {
            // The key of no webhook.
            webhook: WebhookKey(0),
            app: AppId::new(Uuid::from_bytes(uuid)),
            version: Version::V1_0,
            events: serde_json::from_str(&events)?,
            config: Object::new(),
        }))
    }

    fn export_events(
        &self,
        app: AppKey,
        after: i64,
        up_to: i64,
        limit: usize,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        let limit = sql::limit(limit);
        let found = self
            .sql
            .prepare(
                "SELECT key, body FROM export_events WHERE app = ?1 AND key > ?2 AND key <= ?3 ORDER BY key LIMIT ?4",
            )?
            .page((app.0, after, up_to, limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.into_items())
    }

    fn conversations_after(
        &self,
        app: AppKey,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ConversationRecord>, StoreError> {
        let mut statement = self.sql.prepare(&format!(
            "SELECT {} FROM conversations WHERE key > ?1 AND app = ?2 AND is_deleted = 0 ORDER BY key LIMIT ?3",
            conversation::COLUMNS
        ))?;
        Ok(statement.page((after, app.0, sql::limit(limit)), conversation::read)?.into_items())
    }
}

impl ExportWrites for Session<'_> {
    fn put_export_settings(&mut self, app: AppKey, settings: &ExportSettings) -> Result<(), StoreError> {
        let interval = match settings.schedule.interval {
            Interval::Daily => "daily",
            Interval::Disabled => "disabled",
        };
        let last_export = settings.last_export.map(|(_, id)| *id.uuid().as_bytes());
        self.sql
            .prepare(
                "INSERT OR REPLACE INTO export_settings
                 (app, public_key, requested_at, interval, events, last_export_at, last_export, next_export_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .run((
                app.0,
                &settings.public_key,
                settings.requested_at.map(Timestamp::as_ms),
                interval,
                serde_json::to_string(&settings.schedule.events)?,
                settings.last_export.map(|(at, _)| at.as_ms()),
                last_export,
                settings.next_export_at.map(Timestamp::as_ms),
            ))?;
        Ok(())
    }

    fn insert_export(&mut self, new: &ExportRecord) -> Result<(), StoreError> {
        let is_scheduled = new.kind == ExportKind::Scheduled;
        self.sql
            .prepare(
                "INSERT INTO exports (app, uuid, is_scheduled, version, public_key, created_at, last_event)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6,
                     CASE WHEN ?3 THEN (SELECT coalesce(max(key), 0) FROM export_events WHERE app = ?1) END)",
            )?
            .run((
                new.app_key.0,
                new.id.uuid().as_bytes(),
                is_scheduled,
                new.version.to_string(),
                &new.public_key,
                new.created_at.as_ms(),
            ))?;
        Ok(())
    }

    fn start_export(&mut self, app: AppKey, id: ExportId, started_at: Timestamp) -> Result<(), StoreError> {
        self.sql.prepare("UPDATE exports SET started_at = ?3 WHERE app = ?1 AND uuid = ?2")?.run((
            app.0,
            id.uuid().as_bytes(),
            started_at.as_ms(),
        ))?;
        Ok(())
    }

    fn complete_export(&mut self, export: &ExportRecord, archive: &ArchiveRecord) -> Result<bool, StoreError> {
        let size = i64::try_from(archive.size).unwrap_or(i64::MAX);
        let changed = self
            .sql
            .prepare(
                "UPDATE exports SET completed_at = ?3, size = ?4, encrypted_key = ?5, iv = ?6
                 WHERE app = ?1 AND uuid = ?2",
            )?
            .run((
                export.app_key.0,
                export.id.uuid().as_bytes(),
                archive.completed_at.as_ms(),
                size,
                &archive.encrypted_key,
                archive.iv,
            ))?;
        if let Some(last_event) = export.last_event {
            self.sql
                .prepare("DELETE FROM export_events WHERE app = ?1 AND key <= ?2")?
                .run((export.app_key.0, last_event))?;
        }
        content::note_unused(self.sql, &FileName::draft(export.app_key, export.id).to_string())?;
        Ok(changed > 0)
    }

    fn delete_export(&mut self, app: AppKey, id: ExportId) -> Result<bool, StoreError> {
        let deleted =
            self.sql.prepare("DELETE FROM exports WHERE app = ?1 AND uuid = ?2")?.run((app.0, id.uuid().as_bytes()))?;
        if deleted > 0 {
            for name in [FileName::archive(app, id), FileName::draft(app, id)] {
                content::note_unused(self.sql, &name.to_string())?;
            }
        }
        Ok(deleted > 0)
    }

    fn insert_export_event(&mut self, app: AppKey, body: &[u8]) -> Result<(), StoreError> {
        self.sql
            .prepare(
                "INSERT INTO export_events (app, body) SELECT ?1, ?2
                 WHERE coalesce((SELECT max(key) FROM export_events WHERE app = ?1), 0)
                     - coalesce((SELECT min(key) FROM export_events WHERE app = ?1), 0) < ?3",
            )?
            .run((app.0, body, MAX_EVENTS))?;
        Ok(())
    }

    fn delete_export_events(&mut self, app: AppKey) -> Result<(), StoreError> {
        self.sql.prepare("DELETE FROM export_events WHERE app = ?1")?.run([app.0])?;
        Ok(())
    }
}
