//! What one process commits, another one hears of; and where it cannot hear, it knows that it missed something.

use std::sync::Arc;
use std::time::{Duration, Instant};

use layer_store::changes::{Change, Changes, Kinds};
use layer_store::{Store, StoreError};
use layer_store_postgres::testing::{Database, is_there};
use layer_wire::{AppId, Timestamp};
use uuid::Uuid;

/// How long to wait for what must come. Only a test that has failed waits so long.
const PATIENCE: Duration = Duration::from_secs(240);

fn wait_for(changes: &Changes, what: &Change) {
    let deadline = Instant::now() + PATIENCE;
    while changes.try_next().as_ref() != Some(what) {
        assert!(Instant::now() < deadline, "waited in vain for {what:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn insert_app(store: &dyn Store, number: u128) -> Change {
    let id = AppId::new(Uuid::from_u128(number));
    store.write_blocking(move |writes| writes.insert_app(id, None, Timestamp::from_ms(0))).unwrap();
    Change::App(id)
}

fn pair(database: &Database) -> (Arc<dyn Store>, Arc<dyn Store>) {
    let open = || layer_store_postgres::open(&database.url()).unwrap();
    (open(), open())
}

#[test]
fn a_commit_is_heard_by_another_process_and_again_after_a_broken_connection() {
    if !is_there() {
        return;
    }
    let database = Database::empty();
    let (one, other) = pair(&database);
    let changes = other.changes(Kinds::APPS);
    let change = insert_app(&*one, 1);
    wait_for(&changes, &change);

    // The connections of both that listen: what is told until they are back is lost, and that is what they hear.
    database.run(
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
         WHERE locktype = 'advisory' AND datname = current_database()",
    );
    wait_for(&changes, &Change::Unknown);
    let deadline = Instant::now() + PATIENCE;
    for number in 2.. {
        assert!(Instant::now() < deadline, "nothing is heard any more");
        let change = insert_app(&*one, number);
        std::thread::sleep(Duration::from_millis(100));
        if std::iter::from_fn(|| changes.try_next()).any(|heard| heard == change) {
            break;
        }
    }
    one.close().unwrap();
    other.close().unwrap();
}

/// What it told last may be lost.
#[test]
fn a_process_that_is_gone_is_noticed() {
    if !is_there() {
        return;
    }
    let database = Database::empty();
    let (one, other) = pair(&database);
    let changes = other.changes(Kinds::APPS);
    // It has been seen once what it told was heard and looked at; the look comes every two seconds.
    let change = insert_app(&*one, 1);
    wait_for(&changes, &change);
    let deadline = Instant::now() + PATIENCE;
    while other.check_alone() != Err(StoreError::Shared) {
        assert!(Instant::now() < deadline, "the other process does not count");
    }
    std::thread::sleep(Duration::from_secs(5));
    one.close().unwrap();
    wait_for(&changes, &Change::Unknown);
    let deadline = Instant::now() + PATIENCE;
    while other.check_alone().is_err() {
        assert!(Instant::now() < deadline, "a process that is gone still counts");
    }
    other.close().unwrap();
}

#[test]
fn what_is_for_tests_is_refused_while_others_have_the_database_open() {
    if !is_there() {
        return;
    }
    let database = Database::empty();
    let (one, other) = pair(&database);
    let images = one.images().unwrap();
    assert_eq!(one.reset(), Err(StoreError::Shared));
    assert_eq!(images.snapshot(), Err(StoreError::Shared));
    other.close().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while one.check_alone().is_err() {
        assert!(Instant::now() < deadline, "a process that is gone still counts");
    }
    let snapshot = images.snapshot().unwrap();
    let other = layer_store_postgres::open(&database.url()).unwrap();
    assert_eq!(images.restore(snapshot, Box::new(|| Ok(()))), Err(StoreError::Shared));
    one.close().unwrap();
    other.close().unwrap();
}
