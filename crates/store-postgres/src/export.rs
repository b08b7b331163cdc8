//! Exports, their schedule, and the events that wait for the next one.

use std::time::Duration;

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::claim::{ClaimId, Claimed, Claims};
use layer_store::export::{ArchiveRecord, ExportReads, ExportRecord, ExportSettings, ExportWrites};
use layer_store::file::FileName;
use layer_store::held::Held;
use layer_store::key::{AppKey, ExportEventKey};
use layer_wire::export::{ExportKind, Interval, NewSchedule};
use layer_wire::{AppId, ExportId, Timestamp, Version};
use uuid::Uuid;

use super::claim::Claim;
use super::sql::{self, Params, Query, Row};
use super::{Session, content};

/// The columns that [`read`] expects, in its order.
const COLUMNS: &str = "exports.uuid, apps.uuid, exports.app, exports.is_scheduled, exports.version, exports.public_key, \
     exports.created_at, exports.started_at, exports.completed_at, exports.size, \
     exports.encrypted_key, exports.iv";

fn read(row: &Row) -> Result<ExportRecord, StoreError> {
    let time = |column| row.optional_time(column);
    let archive = match time(8)? {
        None => None,
        Some(completed_at) => {
            Some(ArchiveRecord { completed_at, size: row.count(9)?, encrypted_key: row.get(10)?, iv: row.get(11)? })
        }
    };
    let version: String = row.get(4)?;
    Ok(ExportRecord {
        id: ExportId::new(row.uuid(0)?),
        app: AppId::new(row.uuid(1)?),
        app_key: AppKey::from_number(row.get(2)?),
        kind: if row.get(3)? { ExportKind::Scheduled } else { ExportKind::Historical },
        // Written by this program, which knows the versions that it writes.
        version: Version::parse(&version).unwrap_or(Version::V1_0),
        public_key: row.get(5)?,
        created_at: row.time(6)?,
        started_at: time(7)?,
        archive,
    })
}

impl Session<'_> {
    fn exports_where<'v>(&self, condition: &str, parameters: impl Params<'v>) -> Result<Vec<ExportRecord>, StoreError> {
        let found = self
            .sql
            .prepare(format!("SELECT {COLUMNS} FROM exports JOIN apps ON apps.key = exports.app WHERE {condition}"))
            .all(parameters, read)?;
        Ok(found)
    }
}

impl ExportReads for Session<'_> {
    fn export_settings(&self, app: AppKey) -> Result<ExportSettings, StoreError> {
        let found = self
            .sql
            .prepare(
                "SELECT public_key, requested_at, every, events, last_export_at, last_export, next_export_at
                 FROM export_settings WHERE app = $1",
            )
            .first([app.number()], |row| {
                let time = |column| row.optional_time(column);
                let last = row.get::<Option<Uuid>>(5)?.map(ExportId::new);
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
        let condition = "exports.app = $1 AND exports.uuid = $2";
        Ok(self.exports_where(condition, (app.number(), id.uuid()))?.pop())
    }

    fn exports(&self, app: AppKey) -> Result<Vec<ExportRecord>, StoreError> {
        self.exports_where("exports.app = $1 ORDER BY exports.key DESC", [app.number()])
    }

    fn due_export_schedules(&self, now: Timestamp) -> Result<Vec<(AppKey, AppId)>, StoreError> {
        self.sql
            .prepare(
                "SELECT apps.key, apps.uuid FROM export_settings JOIN apps ON apps.key = export_settings.app
                 WHERE export_settings.next_export_at <= $1",
            )
            .all([now.as_ms()], |row| Ok((AppKey::from_number(row.get(0)?), AppId::new(row.uuid(1)?))))
    }

    fn next_export_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.sql
            .prepare("SELECT min(next_export_at) FROM export_settings WHERE next_export_at IS NOT NULL")
            .one((), |row| row.optional_time(0))
    }

    fn export_events(
        &self,
        app: AppKey,
        export: ExportId,
        after: Option<ExportEventKey>,
        limit: usize,
    ) -> Result<Vec<(ExportEventKey, Vec<u8>)>, StoreError> {
        let after = after.map_or(0, ExportEventKey::number);
        let found = self
            .sql
            .prepare(
                "SELECT key, body FROM export_events
                 WHERE app = $1 AND export = (SELECT key FROM exports WHERE app = $1 AND uuid = $2) AND key > $3
                 ORDER BY key LIMIT $4",
            )
            .page((app.number(), export.uuid(), after, sql::limit(limit)), |row| {
                Ok((ExportEventKey::from_number(row.get(0)?), row.get(1)?))
            })?;
        Ok(found.into_items())
    }
}

/// Puts an event into the next export, unless so many wait for it.
///
/// How far the oldest and the newest are apart is found at once. There are gaps between them, of writes that were
/// undone, so before one is dropped they are counted.
pub fn insert_event(app: AppKey, body: &[u8], most: u64) -> Query<'_> {
    let sql = "INSERT INTO export_events (app, body) SELECT $1::bigint, $2::bytea
         WHERE coalesce((SELECT max(key) FROM export_events WHERE app = $1 AND export IS NULL) + 1
             - (SELECT min(key) FROM export_events WHERE app = $1 AND export IS NULL), 0) < $3
         OR (SELECT count(*) FROM export_events WHERE app = $1 AND export IS NULL) < $3";
    Query::new(sql, (app.number(), body, i64::try_from(most).unwrap_or(i64::MAX)))
}

impl ExportWrites for Session<'_> {
    fn hold_export_settings(&mut self, app: AppKey) -> Result<Held<ExportSettings>, StoreError> {
        // The row is made so that there is one to hold.
        self.sql.prepare("INSERT INTO export_settings (app) VALUES ($1) ON CONFLICT DO NOTHING").run([app.number()])?;
        self.sql
            .prepare("SELECT 1 FROM export_settings WHERE app = $1 FOR NO KEY UPDATE")
            .first([app.number()], |_| Ok(()))?;
        Ok(Held::by_engine(self.export_settings(app)?))
    }

    fn put_export_settings(
        &mut self,
        app: AppKey,
        held: &mut Held<ExportSettings>,
        settings: ExportSettings,
    ) -> Result<(), StoreError> {
        let interval = match settings.schedule.interval {
            Interval::Daily => "daily",
            Interval::Disabled => "disabled",
        };
        let last_export = settings.last_export.map(|(_, id)| id.uuid());
        self.sql
            .prepare(
                "UPDATE export_settings SET public_key = $2, requested_at = $3, every = $4, events = $5, last_export_at = $6,
                 last_export = $7, next_export_at = $8 WHERE app = $1",
            )
            .run((
                app.number(),
                &settings.public_key,
                settings.requested_at.map(Timestamp::as_ms),
                interval,
                serde_json::to_string(&settings.schedule.events)?,
                settings.last_export.map(|(at, _)| at.as_ms()),
                last_export,
                settings.next_export_at.map(Timestamp::as_ms),
            ))?;
        *held.in_engine() = settings;
        self.tell(Kinds::EXPORTS, || Change::Exports);
        Ok(())
    }

    fn insert_export(&mut self, new: &ExportRecord) -> Result<(), StoreError> {
        self.sql
            .prepare(
                "INSERT INTO exports (app, uuid, is_scheduled, version, public_key, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .run((
                new.app_key.number(),
                new.id.uuid(),
                new.kind == ExportKind::Scheduled,
                new.version.to_string(),
                &new.public_key,
                new.created_at.as_ms(),
            ))?;
        self.tell(Kinds::EXPORTS, || Change::Exports);
        Ok(())
    }

    fn claim_export(&mut self, lease: Duration) -> Result<Claims<Claimed<ExportRecord>>, StoreError> {
        let claim = Claim::new(self.sql, lease)?;
        let condition = "exports.completed_at IS NULL AND (exports.claim IS NULL OR exports.claimed_until <= $1)
             ORDER BY exports.key LIMIT 1 FOR UPDATE OF exports SKIP LOCKED";
        let found = self.exports_where(condition, [claim.now])?.pop();
        if let Some(export) = &found {
            self.sql
                .prepare("UPDATE exports SET claim = $3, claimed_until = $4 WHERE app = $1 AND uuid = $2")
                .run((export.app_key.number(), export.id.uuid(), claim.id.uuid(), claim.until))?;
        }
        Ok(Claims {
            taken: found.into_iter().map(|record| Claimed { claim: claim.id, record }).collect(),
            next: self.next_export_at()?,
            lapses_in: claim.lapses_in(self.sql, "exports")?,
        })
    }

    fn renew_export(&mut self, export: &ExportRecord, claim: ClaimId, lease: Duration) -> Result<bool, StoreError> {
        let until = Claim::new(self.sql, lease)?.until;
        let renewed = self
            .sql
            .prepare("UPDATE exports SET claimed_until = $4 WHERE app = $1 AND uuid = $2 AND claim = $3")
            .run((export.app_key.number(), export.id.uuid(), claim.uuid(), until))?;
        Ok(renewed > 0)
    }

    fn release_export(&mut self, export: &ExportRecord, claim: ClaimId) -> Result<(), StoreError> {
        self.sql
            .prepare(
                "UPDATE exports SET claim = NULL, claimed_until = NULL WHERE app = $1 AND uuid = $2 AND claim = $3",
            )
            .run((export.app_key.number(), export.id.uuid(), claim.uuid()))?;
        Ok(())
    }

    fn start_export(&mut self, app: AppKey, id: ExportId, started_at: Timestamp) -> Result<(), StoreError> {
        self.sql.prepare("UPDATE exports SET started_at = $3 WHERE app = $1 AND uuid = $2").run((
            app.number(),
            id.uuid(),
            started_at.as_ms(),
        ))?;
        Ok(())
    }

    fn give_events_to(&mut self, export: &ExportRecord, limit: usize) -> Result<bool, StoreError> {
        let given = self
            .sql
            .prepare(
                "UPDATE export_events SET export = (SELECT key FROM exports WHERE app = $1 AND uuid = $2)
                 WHERE key IN (SELECT key FROM export_events WHERE app = $1 AND export IS NULL ORDER BY key LIMIT $3)",
            )
            .run((export.app_key.number(), export.id.uuid(), sql::limit(limit)))?;
        Ok(given < limit)
    }

    fn complete_export(
        &mut self,
        export: &ExportRecord,
        claim: ClaimId,
        archive: &ArchiveRecord,
    ) -> Result<bool, StoreError> {
        let (app, id) = (export.app_key.number(), export.id.uuid());
        let completed = self
            .sql
            .prepare(
                "UPDATE exports SET completed_at = $4, size = $5, encrypted_key = $6, iv = $7, claim = NULL,
                 claimed_until = NULL WHERE app = $1 AND uuid = $2 AND claim = $3",
            )
            .run((
                app,
                id,
                claim.uuid(),
                archive.completed_at.as_ms(),
                i64::try_from(archive.size).unwrap_or(i64::MAX),
                &archive.encrypted_key,
                archive.iv,
            ))?;
        if completed > 0 {
            self.sql
                .prepare(
                    "DELETE FROM export_events
                     WHERE app = $1 AND export = (SELECT key FROM exports WHERE app = $1 AND uuid = $2)",
                )
                .run((app, id))?;
            content::note_unused(self.sql, &FileName::draft(export.app, export.id).to_string())?;
            self.tell_unused_files();
        }
        Ok(completed > 0)
    }

    fn delete_export(&mut self, app: AppKey, id: ExportId) -> Result<bool, StoreError> {
        let deleted = self
            .sql
            .prepare("DELETE FROM exports WHERE app = $1 AND uuid = $2 RETURNING key, (SELECT uuid FROM apps WHERE key = $1)")
            .first((app.number(), id.uuid()), |row| Ok((row.get::<i64>(0)?, AppId::new(row.uuid(1)?))))?;
        let Some((key, app_id)) = deleted else { return Ok(false) };
        self.sql
            .prepare("UPDATE export_events SET export = NULL WHERE app = $1 AND export = $2")
            .run((app.number(), key))?;
        for name in [FileName::archive(app_id, id), FileName::draft(app_id, id)] {
            content::note_unused(self.sql, &name.to_string())?;
        }
        self.tell_unused_files();
        Ok(true)
    }

    fn insert_export_event(&mut self, app: AppKey, body: &[u8], most: u64) -> Result<(), StoreError> {
        self.sql.rows(insert_event(app, body, most))?;
        Ok(())
    }

    fn delete_export_events(&mut self, app: AppKey) -> Result<(), StoreError> {
        self.sql.prepare("DELETE FROM export_events WHERE app = $1 AND export IS NULL").run([app.number()])?;
        Ok(())
    }
}
