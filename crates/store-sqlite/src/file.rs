//! The file of the database: kept to its owner, used by one platform at a time, and looked at before it is used.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use layer_store::OpenError;
use rusqlite::{Connection, ErrorCode};

use super::sql;

/// A file up to this size is checked as a whole: that takes a tenth of a second. Unit: bytes.
const WHOLLY_CHECKED: i64 = 64 * 1024 * 1024;

/// Into how many places of each table of a larger one the check looks.
const PLACES: i64 = 200;

/// The right to use a database, as long as it is held. The system takes it back when the process ends, however it ends.
pub struct Lock {
    /// Dropped, it is unlocked.
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the right. Error: `InUse` when another platform has it.
    pub fn take(data: &Path) -> Result<Self, OpenError> {
        let path = beside(data, "-lock");
        let failed = |source: io::Error| refused(data, &path, source);
        loop {
            let file =
                private(OpenOptions::new().write(true).create(true).truncate(false)).open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => return Err(OpenError::InUse(data.to_owned())),
                Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
            // The one who had it may have deleted the file between the two.
            if is_at(&file, &path) {
                return Ok(Self { _file: file, path });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is locked still. Elsewhere it cannot be told whether a locked file is the one that is there now, so
        // it stays.
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let number = |metadata: io::Result<fs::Metadata>| metadata.map(|metadata| (metadata.dev(), metadata.ino())).ok();
    let found = number(file.metadata());
    found.is_some() && found == number(fs::metadata(path))
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// What is said of a database when the system refuses a file of it.
pub fn refused(data: &Path, file: &Path, source: io::Error) -> OpenError {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OpenError::NoRoom(data.to_owned()),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly(data.to_owned()),
        _ => OpenError::Engine { path: file.to_owned(), source: Box::new(source) },
    }
}

/// A file beside the database, by its ending.
pub fn beside(data: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(data);
    name.push(ending);
    name.into()
}

/// Writes the names of files in the folder of a database to disk.
pub fn sync_folder_of(data: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened like a file, nor does it need to be.
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = data.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Creates files that only their owner can read: the database holds secrets of webhooks and the key of links.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Creates the database, empty, if it is not there; SQLite gives the files beside it the same mode. One that is there
/// is closed to all but its owner and its group, if it is ours: releases before 3.1 made it readable for everyone.
pub fn prepare(data: &Path) -> io::Result<()> {
    match private(OpenOptions::new().write(true).create_new(true)).open(data) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            for ending in ["", "-wal", "-shm"] {
                close_to_others(&beside(data, ending));
            }
            Ok(())
        }
        opened => opened.map(drop),
    }
}

#[cfg(unix)]
fn close_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(metadata) = fs::metadata(path) else { return };
    let mode = metadata.permissions().mode();
    if mode & 0o007 != 0 {
        // Only its owner can; for others it stays as it is.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7770));
    }
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) {}

/// What is to be said of an error of SQLite.
pub fn failed(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        _ if sql::is_no_room(&source) => OpenError::NoRoom(path),
        Some(ErrorCode::ReadOnly) => OpenError::ReadOnly(path),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse(path),
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, reason: source.to_string() },
        _ => OpenError::Engine { path, source: Box::new(source) },
    }
}

/// Looks whether a database is whole: a small one throughout, of a larger one some places of each table. Error:
/// `Damaged`.
pub fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let damaged = |reason: String| OpenError::Damaged { path: path.to_owned(), reason };
    match look(connection, WHOLLY_CHECKED) {
        Ok(verdict) => verdict.map_or(Ok(()), |reason| Err(damaged(reason))),
        Err(error) => Err(match failed(path, error) {
            OpenError::Engine { source, .. } => damaged(source.to_string()),
            other => other,
        }),
    }
}

/// What is wrong, if something is.
fn look(connection: &Connection, wholly_checked: i64) -> rusqlite::Result<Option<String>> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let size = number("page_count")? * number("page_size")?;
    if size <= wholly_checked {
        // Of a list, the first says enough.
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        // Its first line names the database.
        return Ok((verdict != "ok").then(|| verdict.lines().last().unwrap_or_default().to_owned()));
    }
    let mut tables =
        connection.prepare("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")?;
    let tables: Vec<(String, bool)> =
        tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for (table, is_without_rowid) in tables {
        if is_without_rowid {
            read_all(connection, &format!("SELECT * FROM \"{table}\" LIMIT {PLACES}"), [])?;
            continue;
        }
        let (first, last): (Option<i64>, Option<i64>) = connection.query_row(
            &format!("SELECT (SELECT min(rowid) FROM \"{table}\"), (SELECT max(rowid) FROM \"{table}\")"),
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (Some(first), Some(last)) = (first, last) else { continue };
        let step = (last.saturating_sub(first) / PLACES).max(1);
        let mut place = first;
        while place <= last {
            let sql = format!("SELECT * FROM \"{table}\" WHERE rowid >= ?1 ORDER BY rowid LIMIT 1");
            read_all(connection, &sql, [place])?;
            place = place.saturating_add(step);
            if place == i64::MAX {
                break;
            }
        }
    }
    Ok(None)
}

fn read_all(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let count = statement.column_count();
    let mut rows = statement.query(parameters)?;
    while let Some(row) = rows.next()? {
        for column in 0..count {
            row.get_ref(column)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a check of places says of a file.
    fn places(path: &Path) -> rusqlite::Result<Option<String>> {
        look(&Connection::open(path)?, 0)
    }

    #[test]
    fn a_look_into_some_places_of_a_large_file_finds_what_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE messages (key INTEGER PRIMARY KEY, parts BLOB);
                 CREATE TABLE users (id TEXT PRIMARY KEY) WITHOUT ROWID;
                 CREATE TABLE announcements (key INTEGER PRIMARY KEY);
                 WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)
                 INSERT INTO messages SELECT (n / 100) << 32 | n % 100, zeroblob(2000) FROM numbers;",
            )
            .unwrap();
        connection.close().unwrap();
        assert_eq!(places(&path), Ok(None));
        let whole = fs::read(&path).unwrap();
        let third = whole.len() / 3;
        for filler in [0, 0xAA] {
            let mut damaged = whole.clone();
            damaged[third..2 * third].fill(filler);
            fs::write(&path, damaged).unwrap();
            assert_ne!(places(&path), Ok(None), "{filler}");
        }
        // Cut short: the header tells of pages that are not there.
        fs::write(&path, &whole[..2 * third]).unwrap();
        assert_ne!(places(&path), Ok(None));
    }

    #[test]
    fn a_lock_is_held_once_and_goes_with_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer.db");
        let lock = Lock::take(&path).unwrap();
        assert!(matches!(Lock::take(&path), Err(OpenError::InUse(_))));
        drop(lock);
        drop(Lock::take(&path).unwrap());
        // A file that a killed process left behind locks nobody out.
        fs::write(beside(&path, "-lock"), "").unwrap();
        drop(Lock::take(&path).unwrap());
    }
}
