//! What any case leaves of an app can be taken out of the store and put in again, and is the same then.

use layer_wire::AppId;

use super::{APP, Fixture, uuid};
use crate::StoreError;
use crate::key::AppKey;
use crate::transfer::{KINDS, Record};

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

/// Moves the app of a case into another one of the same store.
pub fn assert_moves(fixture: &Fixture) {
    let find = |writes: &mut dyn crate::Writes| writes.app(APP);
    // A case may have closed the store, or put another content into it.
    let found: Result<_, StoreError> = fixture.store.write_blocking(find);
    let Ok(Some(app)) = found else { return };
    let before = records(fixture, app.key);
    let id = AppId::new(uuid(0xA99));
    // One that is broken off is found by nobody, goes with the deleted ones, and leaves the id free.
    let half = begin(fixture, id, &before);
    assert!(fixture.write(move |writes, _| writes.purge_deleted_apps(usize::MAX)));
    // But for the app itself, whose key an engine may keep from being given again.
    assert_eq!(records(fixture, half).iter().find(|record| record.kind.name != "app"), None);

    let key = begin(fixture, id, &before);
    let put = before.clone();
    fixture.write(move |writes, _| {
        // What is there already stays.
        for record in &put {
            writes.put_record(key, record)?;
        }
        writes.end_app(key)
    });
    assert_eq!(fixture.read(move |reads, _| reads.app(id)).map(|app| app.key), Some(key));
    assert!(fixture.write(move |writes, _| writes.purge_deleted_apps(usize::MAX)));
    assert_eq!(records(fixture, key), before);
    assert_eq!(records(fixture, app.key), before);
}

/// Puts an app together, without what acts.
fn begin(fixture: &Fixture, id: AppId, records: &[Record]) -> AppKey {
    let put = records.to_vec();
    let key = fixture.write(move |writes, _| {
        assert_eq!(writes.begin_app(APP)?, None);
        let key = writes.begin_app(id)?;
        assert_eq!(writes.begin_app(id)?, None);
        key.map_or(Ok(None), |key| {
            put.iter().filter(|record| !record.kind.acts).try_for_each(|record| writes.put_record(key, record))?;
            Ok(Some(key))
        })
    });
    assert!(fixture.read(move |reads, _| reads.app(id)).is_none());
    key.expect("the id is free")
}
