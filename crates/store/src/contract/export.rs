//! Exports, their schedule, and the events in them.

use std::time::Duration;

use layer_wire::export::{ExportKind, ExportStatus, Interval, NewSchedule};
use layer_wire::{AppId, ExportId, Version};

use super::{Case, Fixture, time, uuid};
use crate::claim::{ClaimId, Claimed};
use crate::export::{ArchiveRecord, ExportRecord, ExportSettings, MAX_WAITING_EVENTS};
use crate::file::FileName;

pub const CASES: &[Case] = &[
    ("settings are kept, and say what is due", settings),
    ("an export is claimed by one worker, the oldest first", an_export_is_claimed_once),
    ("a claim goes on as long as its worker says so", a_claim_goes_on),
    ("an export is completed by the worker who has claimed it", an_export_is_completed),
    ("events are given to an export once, and later ones wait for the next", events_are_given_once),
    ("no more events wait than the limit allows", too_many_events),
    ("a deleted export gives its events back", a_deleted_export),
];

const LEASE: Duration = Duration::from_secs(3600);

fn put(fixture: &Fixture, settings: ExportSettings) {
    fixture.write(move |writes, app| {
        let mut held = writes.hold_export_settings(app)?;
        writes.put_export_settings(app, &mut held, settings.clone())?;
        assert_eq!(*held, settings);
        Ok(())
    });
}

/// Has the app's events exported every day, the first time at 100.
pub fn set_schedule(fixture: &Fixture, events: &[&str]) {
    let events = events.iter().map(ToString::to_string).collect();
    put(
        fixture,
        ExportSettings {
            public_key: Some("key".into()),
            schedule: NewSchedule { interval: Interval::Daily, events },
            next_export_at: Some(time(100)),
            ..ExportSettings::default()
        },
    );
}

fn insert(fixture: &Fixture, id: u128, kind: ExportKind) -> ExportRecord {
    fixture.write(move |writes, app| {
        let export = ExportRecord {
            id: ExportId::new(uuid(id)),
            app: AppId::new(uuid(1)),
            app_key: app,
            kind,
            version: Version::V2_0,
            public_key: "key".into(),
            created_at: time(5),
            started_at: None,
            archive: None,
        };
        writes.insert_export(&export)?;
        Ok(export)
    })
}

fn claim(fixture: &Fixture, lease: Duration) -> Option<Claimed<ExportRecord>> {
    fixture.write(move |writes, _| writes.claim_export(lease)).taken.pop()
}

fn complete(fixture: &Fixture, claimed: &Claimed<ExportRecord>) -> bool {
    let Claimed { claim, record } = claimed.clone();
    let archive = ArchiveRecord { completed_at: time(9), size: 3, encrypted_key: vec![1, 2], iv: [7; 16] };
    fixture.write(move |writes, _| writes.complete_export(&record, claim, &archive))
}

fn settings(fixture: &Fixture) {
    let look = || fixture.read(|reads, app| reads.export_settings(app));
    assert_eq!(look(), ExportSettings::default());
    assert_eq!(fixture.read(|reads, _| reads.next_export_at()), None);
    set_schedule(fixture, &["message.sent"]);
    assert_eq!(look().schedule.events, ["message.sent"]);
    let due = |at| fixture.read(move |reads, _| reads.due_export_schedules(time(at)));
    assert_eq!((due(99), due(100)), (vec![], vec![(fixture.app, AppId::new(uuid(1)))]));
    assert_eq!(fixture.read(|reads, _| reads.next_export_at()), Some(time(100)));
    let last_export = Some((time(7), ExportId::new(uuid(8))));
    let changed = ExportSettings { last_export, requested_at: Some(time(6)), next_export_at: None, ..look() };
    put(fixture, changed.clone());
    assert_eq!((look(), due(100)), (changed, vec![]));
}

fn an_export_is_claimed_once(fixture: &Fixture) {
    assert_eq!(claim(fixture, LEASE), None);
    let first = insert(fixture, 10, ExportKind::Historical);
    let second = insert(fixture, 11, ExportKind::Scheduled);
    assert_eq!(fixture.read(|reads, app| reads.exports(app)), [second.clone(), first.clone()]);
    let taken = [0; 3].map(|_| claim(fixture, LEASE).map(|claimed| claimed.record));
    assert_eq!(taken, [Some(first.clone()), Some(second), None]);
    let id = first.id;
    fixture.write(move |writes, app| writes.start_export(app, id, time(6)));
    let started = fixture.read(move |reads, app| reads.export(app, id)).unwrap();
    assert_eq!((started.started_at, started.status()), (Some(time(6)), ExportStatus::Executing));
}

fn a_claim_goes_on(fixture: &Fixture) {
    insert(fixture, 10, ExportKind::Historical);
    let first = claim(fixture, Duration::ZERO).unwrap();
    let renew = |claimed: &Claimed<ExportRecord>| {
        let Claimed { claim, record } = claimed.clone();
        fixture.write(move |writes, _| writes.renew_export(&record, claim, LEASE))
    };
    assert!(renew(&first));
    assert_eq!(claim(fixture, LEASE), None);
    let Claimed { claim: id, record } = first.clone();
    fixture.write(move |writes, _| writes.release_export(&record, id));
    let second = claim(fixture, LEASE).unwrap();
    assert!(!renew(&first) && renew(&second));
}

fn an_export_is_completed(fixture: &Fixture) {
    let export = insert(fixture, 10, ExportKind::Historical);
    let claimed = claim(fixture, LEASE).unwrap();
    let foreign = Claimed { claim: ClaimId::new(uuid(99)), ..claimed.clone() };
    assert!(!complete(fixture, &foreign));
    assert!(complete(fixture, &claimed));
    let id = export.id;
    let completed = fixture.read(move |reads, app| reads.export(app, id)).unwrap();
    assert_eq!(completed.archive.unwrap().size, 3);
    assert_eq!(claim(fixture, LEASE), None);
    // The draft is of no more use.
    let unused = fixture.read(|reads, _| reads.unused_files(10));
    assert_eq!(unused, [FileName::draft(super::APP, id).to_string()]);
}

fn record(fixture: &Fixture, bodies: &'static [&str]) {
    fixture.write(move |writes, app| {
        bodies.iter().try_for_each(|body| writes.insert_export_event(app, body.as_bytes(), MAX_WAITING_EVENTS))
    });
}

fn events(fixture: &Fixture, id: u128) -> Vec<String> {
    let (mut found, mut after) = (vec![], None);
    loop {
        let page = fixture.read(move |reads, app| reads.export_events(app, ExportId::new(uuid(id)), after, 2));
        let Some((last, _)) = page.last() else { return found };
        after = Some(*last);
        found.extend(page.into_iter().map(|(_, body)| String::from_utf8(body).unwrap()));
    }
}

fn events_are_given_once(fixture: &Fixture) {
    record(fixture, &["a", "b", "c"]);
    let first = insert(fixture, 10, ExportKind::Scheduled);
    let give = |export: &ExportRecord, limit| {
        let export = export.clone();
        fixture.write(move |writes, _| writes.give_events_to(&export, limit))
    };
    assert!(!give(&first, 2));
    assert!(give(&first, 2));
    record(fixture, &["d"]);
    assert_eq!(events(fixture, 10), ["a", "b", "c"]);
    let claimed = claim(fixture, LEASE).unwrap();
    assert!(complete(fixture, &claimed));
    assert_eq!(events(fixture, 10), [""; 0]);
    let second = insert(fixture, 11, ExportKind::Scheduled);
    assert!(give(&second, 2));
    assert_eq!(events(fixture, 11), ["d"]);
    // What waits is forgotten, what is in an export is not.
    record(fixture, &["e"]);
    fixture.write(|writes, app| writes.delete_export_events(app));
    assert!(give(&second, 2));
    assert_eq!(events(fixture, 11), ["d"]);
}

fn too_many_events(fixture: &Fixture) {
    for body in ["a", "b", "c", "d"] {
        fixture.write(move |writes, app| writes.insert_export_event(app, body.as_bytes(), 3));
    }
    let export = insert(fixture, 10, ExportKind::Scheduled);
    assert!(fixture.write(move |writes, _| writes.give_events_to(&export, 9)));
    assert_eq!(events(fixture, 10), ["a", "b", "c"]);
    // Those that were given away wait no more.
    fixture.write(|writes, app| writes.insert_export_event(app, b"e", 1));
    let export = insert(fixture, 11, ExportKind::Scheduled);
    assert!(fixture.write(move |writes, _| writes.give_events_to(&export, 9)));
    assert_eq!(events(fixture, 11), ["e"]);
}

fn a_deleted_export(fixture: &Fixture) {
    record(fixture, &["a"]);
    let first = insert(fixture, 10, ExportKind::Scheduled);
    let second = insert(fixture, 11, ExportKind::Scheduled);
    fixture.write(move |writes, _| writes.give_events_to(&first, 9));
    let claimed = claim(fixture, LEASE).unwrap();
    let delete = || fixture.write(|writes, app| writes.delete_export(app, ExportId::new(uuid(10))));
    assert_eq!((delete(), delete()), (true, false));
    assert!(!complete(fixture, &claimed));
    assert_eq!(fixture.read(|reads, _| reads.unused_files(10)).len(), 2);
    fixture.write(move |writes, _| writes.give_events_to(&second, 9));
    assert_eq!(events(fixture, 11), ["a"]);
}
