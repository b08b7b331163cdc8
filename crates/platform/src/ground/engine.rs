//! The storage engine for a place where data is.

use std::sync::Arc;

use layer_store::clock::Now;
use layer_store::{DataLocation, OpenError, Store};

/// Opens a store. `now` is the clock of its log of changes.
pub fn open(data: &DataLocation, now: Now) -> Result<Arc<dyn Store>, OpenError> {
    check(data)?;
    match data {
        #[cfg(feature = "postgres")]
        DataLocation::Postgres(url) => layer_store_postgres::open_with_clock(url, &now),
        _ => layer_store_sqlite::open_with_clock(data, now),
    }
}

/// Whether this program has the engine for a place.
pub fn check(data: &DataLocation) -> Result<(), OpenError> {
    match data {
        DataLocation::Postgres(url) if cfg!(not(feature = "postgres")) => Err(OpenError::Database {
            database: url.to_string(),
            reason:
                "PostgreSQL is left out of this package to keep it small; run the program layer-platform, which takes \
                     the same options (in the source of layer-api, `cargo build --release -p layer-platform` makes \
                     target/release/layer-platform)"
                    .into(),
        }),
        _ => Ok(()),
    }
}
