//! The database as a whole: emptied, copied, replaced.

use std::path::Path;

use layer_store::{OpenError, StoreError};
use rusqlite::backup::Backup;
use rusqlite::{Connection, MAIN_DB};

use super::open;
use super::sql::failed;

/// Tables that a reset leaves alone: clients go on with their app and token, links and identity tokens are signed as
/// before.
const KEPT: [&str; 5] = ["apps", "app_tokens", "secrets", "identity_providers", "identity_keys"];

/// Where the header of a file says how it is journalled, and the value for a rollback journal. A database in memory
/// cannot be opened while it says WAL, and a restored one goes back to WAL by itself.
const JOURNAL_VERSIONS: std::ops::Range<usize> = 18..20;
const ROLLBACK_JOURNAL: u8 = 1;

/// Deletes every row of every table but [`KEPT`].
pub fn reset(connection: &mut Connection) -> Result<(), StoreError> {
    let mut reset = || -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        // Rows refer to each other across tables, so the check waits for the end.
        transaction.pragma_update(None, "defer_foreign_keys", true)?;
        let tables: Vec<String> = transaction
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for table in tables.iter().filter(|table| !KEPT.contains(&table.as_str())) {
            // The names are our own, or those of SQLite.
            transaction.execute(&format!("DELETE FROM \"{table}\""), [])?;
        }
        transaction.commit()
    };
    reset().map_err(failed)
}

/// The database as the bytes of a file.
pub fn take(connection: &mut Connection) -> Result<Vec<u8>, StoreError> {
    let mut bytes = connection.serialize(MAIN_DB).map_err(failed)?.to_vec();
    if let Some(versions) = bytes.get_mut(JOURNAL_VERSIONS) {
        versions.fill(ROLLBACK_JOURNAL);
    }
    Ok(bytes)
}

/// Replaces the database by the bytes of a file.
pub fn restore(connection: &mut Connection, bytes: &[u8]) -> Result<(), StoreError> {
    let source = open_bytes(bytes)?;
    let backup = Backup::new(&source, connection).map_err(failed)?;
    backup.run_to_completion(i32::MAX, std::time::Duration::ZERO, None).map_err(failed)
}

/// Opens the bytes of a file in memory, checks that they are whole and ours, and brings the schema up to date.
fn open_bytes(bytes: &[u8]) -> Result<Connection, StoreError> {
    let refuse = |reason: &str| StoreError::BadSnapshot(reason.to_owned());
    let mut source = Connection::open_in_memory().map_err(failed)?;
    source.deserialize_read_exact(MAIN_DB, bytes, bytes.len(), false).map_err(|_| refuse("it is no database"))?;
    open::check_owner(&source, Path::new("the snapshot")).map_err(|error| match error {
        OpenError::Newer { found, known, .. } => {
            refuse(&format!("it has schema {found}, but this version knows up to {known} only"))
        }
        _ => refuse("it was not made by a platform"),
    })?;
    let verdict: String = source
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(|error| refuse(&format!("it is damaged: {error}")))?;
    if verdict != "ok" {
        return Err(refuse(&format!("it is damaged: {verdict}")));
    }
    open::migrate(&mut source).map_err(failed)?;
    Ok(source)
}
