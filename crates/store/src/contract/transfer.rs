//! What any case leaves of an app can be taken out of the store and put in again, and is the same then.

use layer_wire::AppId;

use super::{APP, Fixture, uuid};
use crate::StoreError;
use crate::key::AppKey;
use crate::transfer::{Field, KINDS, Kind, Record, Tally};

/// All records of an app, each by way of its line; those that have no order are sorted.
fn records(fixture: &Fixture, app: AppKey) -> Vec<Record> {
    fixture.read(move |reads, _| {
        let mut all = vec![];
        for kind in &KINDS {
            let from = all.len();
            reads.for_each_record(app, kind, &mut |record| {
                let line = record.to_json()?;
                let read = Record::from_json(line.clone());
                assert_eq!(read.as_ref(), Ok(&record), "{line:?}");
                all.push(record);
                Ok(())
            })?;
            if !matches!(kind.name, "conversation" | "message" | "announcement" | "delivery" | "webhook") {
                all[from..].sort_by_key(|record: &Record| format!("{:?}", record.fields));
            }
        }
        Ok(all)
    })
}

/// What would tell the records apart.
fn tallies(records: &[Record]) -> Vec<Tally> {
    let of_kind = |kind: &Kind| {
        let mut tally = Tally::default();
        records.iter().filter(|record| record.kind == kind).for_each(|record| tally.add(record));
        tally
    };
    KINDS.iter().map(of_kind).collect()
}

/// Moves the app of a case into another one of the same store.
pub fn assert_moves(fixture: &Fixture) {
    let find = |writes: &mut dyn crate::Writes| writes.app(APP);
    // A case may have closed the store, or put another content into it.
    let found: Result<_, StoreError> = fixture.store.write_blocking(find);
    let Ok(Some(app)) = found else { return };
    let before = records(fixture, app.key);
    let counts = |app| -> Vec<u64> {
        fixture.read(move |reads, _| KINDS.iter().map(|kind| reads.record_count(app, kind)).collect())
    };
    let told = tallies(&before);
    assert_eq!(counts(app.key), told.iter().map(|tally| tally.count).collect::<Vec<_>>());
    let id = AppId::new(uuid(0xA99));
    // One that is broken off is found by nobody, goes with the deleted ones, and leaves the id free.
    let half = begin(fixture, id, &before);
    assert!(fixture.write(move |writes, _| writes.purge_deleted_apps(usize::MAX)));
    // But for the app itself, whose key an engine may keep from being given again.
    assert_eq!(records(fixture, half).iter().find(|record| record.kind.name != "app"), None);
    // It cannot be ended any more, nor one that is not put together.
    for gone in [half, app.key] {
        fixture.write(move |writes, _| {
            assert!(matches!(writes.end_app(gone), Err(StoreError::Failed(_))));
            assert!(matches!(writes.keep_unfinished_app(gone, true), Err(StoreError::Failed(_))));
            Ok(())
        });
    }

    let key = begin(fixture, id, &before);
    let put = before.clone();
    // One that is kept goes on where it was broken off.
    fixture.write(move |writes, _| {
        assert_eq!(writes.unfinished_app(id)?, None);
        writes.keep_unfinished_app(key, true)
    });
    assert!(fixture.write(move |writes, _| writes.purge_deleted_apps(usize::MAX)));
    assert!(fixture.read(move |reads, _| reads.app(id)).is_none());
    fixture.write(move |writes, _| {
        assert_eq!(writes.unfinished_app(id)?, Some(key));
        assert_eq!(writes.begin_app(id)?, None);
        // What is there already stays.
        writes.put_records(key, &put)?;
        writes.end_app(key)?;
        assert_eq!(writes.unfinished_app(id)?, None);
        Ok(())
    });
    assert_eq!(fixture.read(move |reads, _| reads.app(id)).map(|app| app.key), Some(key));
    assert!(fixture.write(move |writes, _| writes.purge_deleted_apps(usize::MAX)));
    let after = records(fixture, key);
    assert_eq!(after, before);
    assert_eq!(records(fixture, app.key), before);
    let mut other: Vec<Record> = after.into_iter().rev().collect();
    assert_eq!(tallies(&other), told);
    let of_app = other.iter_mut().find(|record| record.kind.name == "app");
    of_app.expect("an app").fields[0] = Field::Whole(-1);
    assert_ne!(tallies(&other), told);

    // One that is no longer kept goes as those that never were.
    let kept = begin(fixture, AppId::new(uuid(0xA98)), &before);
    fixture.write(move |writes, _| writes.keep_unfinished_app(kept, true));
    fixture.write(move |writes, _| writes.keep_unfinished_app(kept, false));
    assert!(fixture.write(move |writes, _| writes.purge_deleted_apps(usize::MAX)));
    assert_eq!(records(fixture, kept).iter().find(|record| record.kind.name != "app"), None);
}

/// Puts an app together, without what acts.
fn begin(fixture: &Fixture, id: AppId, records: &[Record]) -> AppKey {
    let put = records.to_vec();
    let key = fixture.write(move |writes, _| {
        assert_eq!(writes.begin_app(APP)?, None);
        let key = writes.begin_app(id)?;
        assert_eq!(writes.begin_app(id)?, None);
        key.map_or(Ok(None), |key| {
            let put: Vec<Record> = put.iter().filter(|record| !record.kind.acts).cloned().collect();
            writes.put_records(key, &put)?;
            Ok(Some(key))
        })
    });
    assert!(fixture.read(move |reads, _| reads.app(id)).is_none());
    key.expect("the id is free")
}
