//! A database that one process has for itself.

use std::time::{Duration, Instant};

use layer_store::{OpenError, StoreError};
use layer_store_postgres::testing::{Database, is_there};
use layer_wire::{AppId, Timestamp};
use uuid::Uuid;

/// How long to wait for what must come. Only a test that has failed waits so long.
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn who_has_a_database_alone_has_it_alone_and_writes_nothing_once_that_cannot_be_said() {
    if !is_there() {
        return;
    }
    let database = Database::with_schema();
    let refused = |outcome: Result<_, OpenError>| match outcome {
        Err(OpenError::Database { reason, .. }) => reason,
        other => panic!("{:?}", other.map(|_| "it is open")),
    };
    let shared = layer_store_postgres::open(&database.url()).unwrap();
    let another = layer_store_postgres::open(&database.url()).unwrap();
    assert!(refused(layer_store_postgres::open_alone(&database.url())).contains("in use by a platform"));
    shared.close().unwrap();
    another.close().unwrap();

    let alone = layer_store_postgres::open_alone(&database.url()).unwrap();
    assert!(refused(layer_store_postgres::open_alone(&database.url())).contains("in use by"));
    assert!(refused(layer_store_postgres::open(&database.url())).contains("has it for itself"));
    let insert = |number| {
        let id = AppId::new(Uuid::from_u128(number));
        alone.write_blocking::<_, StoreError>(move |writes| writes.insert_app(id, None, Timestamp::from_ms(0)))
    };
    insert(1).unwrap();
    database.run(
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
         WHERE locktype = 'advisory' AND datname = current_database()",
    );
    let deadline = Instant::now() + PATIENCE;
    let end = (2..)
        .find_map(|number| insert(number).err().or_else(|| (Instant::now() > deadline).then_some(StoreError::Lost)));
    assert_eq!(end, Some(StoreError::Closed));
    let shared = layer_store_postgres::open(&database.url()).unwrap();
    shared.close().unwrap();
    alone.close().unwrap();
}
