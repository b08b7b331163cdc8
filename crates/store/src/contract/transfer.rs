//! What any case leaves of an app can be taken out of the store and put in again, and is the same then.

use layer_wire::AppId;

use super::{APP, Fixture, uuid};
use crate::StoreError;
use crate::key::AppKey;
use crate::transfer::{KINDS, Record, draft_id};

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
    let (id, draft) = (AppId::new(uuid(0xA99)), draft_id(AppId::new(uuid(0xA99)), uuid(0xE0)));
    let put = before.clone();
    let key = fixture.write(move |writes, _| {
        let key = writes.begin_app(draft)?;
        for record in put.iter().filter(|record| !record.kind.acts) {
            writes.put_record(key, record)?;
        }
        Ok(key)
    });
    let put = before.clone();
    fixture.write(move |writes, _| {
        assert_eq!(writes.begin_app(draft)?, key);
        // What is there already stays.
        for record in &put {
            writes.put_record(key, record)?;
        }
        assert!(!writes.end_app(key, APP)?);
        assert!(writes.end_app(key, id)?);
        Ok(())
    });
    assert_eq!(records(fixture, key), before);
    assert_eq!(records(fixture, app.key), before);
    assert!(fixture.read(move |reads, _| reads.app(draft)).is_none());
}
