//! Opening the database: pragmas, the check that the file is ours, migrations.

use std::path::Path;
use std::time::Duration;

use layer_store::{DataLocation, OpenError};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{claim, file, rewrite};

/// Marks a file as ours, in the header of the file: "LAYR".
const APPLICATION_ID: i32 = 0x4C41_5952;

/// The schema, step by step. A step that was ever released is never changed again.
pub const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/001_initial.sql"),
    include_str!("../migrations/002_message.sql"),
    include_str!("../migrations/003_receipt_and_deletion.sql"),
    include_str!("../migrations/004_webhook.sql"),
    include_str!("../migrations/005_scheduled_message.sql"),
    include_str!("../migrations/006_announcement_copy.sql"),
    include_str!("../migrations/007_user.sql"),
    include_str!("../migrations/008_content.sql"),
    include_str!("../migrations/009_export.sql"),
    include_str!("../migrations/010_webhook_contract.sql"),
    include_str!("../migrations/011_claim.sql"),
    include_str!("../migrations/012_log.sql"),
    include_str!("../migrations/013_session.sql"),
    include_str!("../migrations/014_file.sql"),
    include_str!("../migrations/015_front_end.sql"),
    include_str!("../migrations/016_revision.sql"),
    include_str!("../migrations/017_app.sql"),
];

/// How long to wait for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The same at the start: someone who holds it for longer should be told of.
const OPEN_TIMEOUT: Duration = Duration::from_millis(500);

/// How many prepared statements a connection keeps.
const STATEMENT_CACHE: usize = 256;

/// Opens the connection of the writer, and creates or migrates the schema.
pub fn open_writer(data: &DataLocation) -> Result<Connection, OpenError> {
    let path = match data.file() {
        None => Path::new(":memory:"),
        Some(path) => {
            file::prepare(path).map_err(|source| file::refused(path, path, source))?;
            path
        }
    };
    let failed = |source| file::failed(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(OPEN_TIMEOUT).map_err(failed)?;
    check_owner(&connection, path)?;
    file::check(&connection, path)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    set_writer_pragmas(&connection).map_err(failed)?;
    migrate(&mut connection).map_err(failed)?;
    Ok(connection)
}

/// Opens the connection that copies the log into the file while the writer goes on. The writer must have been opened
/// first.
pub fn open_beside_writer(path: &Path) -> Result<Connection, OpenError> {
    open_another(path, OpenFlags::SQLITE_OPEN_READ_WRITE, |connection| {
        // What is copied is on the disk before the log may begin anew.
        connection.pragma_update(None, "synchronous", "full")
    })
}

/// Opens the connection of a reader. The writer must have been opened first.
pub fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    open_another(path, OpenFlags::SQLITE_OPEN_READ_ONLY, set_reader_pragmas)
}

/// Opens one more connection to a database, and sets it up.
fn open_another(
    path: &Path,
    access: OpenFlags,
    set_up: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<Connection, OpenError> {
    let open = || {
        let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        set_up(&connection)?;
        Ok(connection)
    };
    open().map_err(|source| file::failed(path, source))
}

/// Makes a connection one that changes nothing.
pub fn set_reader_pragmas(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    set_planning_and_cache(connection)
}

/// Checks that there can be a file at a path.
pub fn check_path(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Err(OpenError::IsDirectory(path.to_owned()));
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            Err(OpenError::NoDirectory(path.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Refuses a file of someone else, before a single byte of it is changed.
pub fn check_owner(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let read = || -> rusqlite::Result<(i32, i64, i64)> {
        let application_id = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let objects = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application_id, schema_version(connection)?, objects))
    };
    let (application_id, version, objects) = read().map_err(|source| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::NotOurs(path.to_owned()),
        _ => file::failed(path, source),
    })?;
    let is_new = application_id == 0 && version == 0 && objects == 0;
    if !is_new && application_id != APPLICATION_ID {
        return Err(OpenError::NotOurs(path.to_owned()));
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(OpenError::Newer { path: path.to_owned(), found: version, known });
    }
    Ok(())
}

/// The number of the latest step that a database has.
pub fn schema_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn set_writer_pragmas(connection: &Connection) -> rusqlite::Result<()> {
    // Answers "memory" for a database in memory, where there is nothing to log.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    // Every commit reaches the disk before it is answered.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    set_planning_and_cache(connection)
}

fn set_planning_and_cache(connection: &Connection) -> rusqlite::Result<()> {
    // Plans do not depend on bound values. Without this SQLite compiles a statement again whenever a limit is bound to
    // it, and whenever the key of the app is 1, as it is in most databases: a third of the CPU of a send.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // Unit: KiB when negative.
    connection.pragma_update(None, "cache_size", -8192)
}

/// Brings the schema up to date, one transaction per step, and makes the queues ready for the workers of this process.
pub fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    for (version, migration) in (0_i64..).zip(MIGRATIONS) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read again inside the transaction: another process may have been faster.
        if schema_version(&transaction)? == version {
            transaction.execute_batch(migration)?;
            match version + 1 {
                6 => rewrite::copy_announcements(&transaction)?,
                10 => rewrite::correct_webhooks(&transaction)?,
                _ => {}
            }
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", version + 1)?;
            transaction.commit()?;
        }
    }
    forget_claims(connection)
}

/// Forgets all claims: one process opens the database at a time, so the workers that had them are gone.
fn forget_claims(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for table in claim::TABLES {
        transaction
            .execute(&format!("UPDATE {table} SET claim = NULL, claimed_until = NULL WHERE claim IS NOT NULL"), [])?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn statements_are_compiled_once_whatever_is_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer.db");
        let writer = open_writer(&DataLocation::File(path.clone())).unwrap();
        let reader = open_reader(&path).unwrap();
        for (name, connection) in [("writer", &writer), ("reader", &reader)] {
            let mut statement =
                connection.prepare("SELECT uuid FROM messages WHERE app = ?1 ORDER BY key LIMIT ?2").unwrap();
            for limit in [100, 1, 0] {
                assert!(statement.query((1, limit)).unwrap().next().unwrap().is_none());
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{name}");
        }
    }
}
