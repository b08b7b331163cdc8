//! The storage engine for a place where data is, and what keeps the blobs beside it.

use std::sync::Arc;

use layer_store::clock::{Now, machine_time};
use layer_store::{DataLocation, NatsUrls, OpenError, Store};

use super::blobs::{Blobs, FilesLocation};
use super::files::Files;
use super::memory::Memory;

/// Opens a store. `now` is the clock of its log of changes, `nats` carries hints to other platforms.
pub fn open(data: &DataLocation, now: Now, nats: Option<NatsUrls>) -> Result<Arc<dyn Store>, OpenError> {
    check(data)?;
    match data {
        #[cfg(feature = "postgres")]
        DataLocation::Postgres(url) => layer_store_postgres::open_with(url, &now, nats),
        _ => {
            // The settings have it for data in PostgreSQL alone.
            let _ = nats;
            layer_store_sqlite::open_with_clock(data, now)
        }
    }
}

/// Opens what keeps the blobs. Blocks until that answers. Error: a sentence that says how to mend it.
pub fn open_blobs(
    location: Option<FilesLocation>,
    data: &DataLocation,
    memory: &Memory,
) -> Result<Arc<dyn Blobs>, String> {
    match location {
        None => Ok(Arc::new(Files::beside(data))),
        Some(FilesLocation::Folder(folder)) => Ok(Arc::new(Files::in_folder(folder))),
        #[cfg(feature = "postgres")]
        Some(FilesLocation::Bucket(place)) => Ok(Arc::new(super::bucket::Bucket::open(&place, memory.clone())?)),
        // It goes with data in PostgreSQL alone, which `check` refuses.
        #[cfg(not(feature = "postgres"))]
        Some(FilesLocation::Bucket(place)) => {
            let _ = memory;
            Err(format!("{place} needs the program layer-platform"))
        }
    }
}

/// Opens a store that no other process opens meanwhile, and that none has open.
pub fn open_alone(data: &DataLocation) -> Result<Arc<dyn Store>, OpenError> {
    match data {
        #[cfg(feature = "postgres")]
        DataLocation::Postgres(url) => layer_store_postgres::open_alone(url),
        // That of a file is always so.
        _ => open(data, Arc::new(machine_time), None),
    }
}

/// Opens a store that is there, to be read while platforms may use it.
pub fn open_to_read(data: &DataLocation) -> Result<Arc<dyn Store>, OpenError> {
    match data {
        DataLocation::File(path) => layer_store_sqlite::open_to_read(path),
        _ => open(data, Arc::new(machine_time), None),
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
