//! The upkeep of a database: looked into and copied over a connection beside those of a platform that may use it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use layer_store::changes::{Changes, Feed, Kinds};
use layer_store::file::FileName;
use layer_store::upkeep::{FileState, Findings, Step, Told, Upkeep, WholeFile};
use layer_store::{OpenError, ReadJob, Store, StoreError, WriteJob};
use layer_wire::{AppId, ContentId, ExportId};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use super::file::Lock;
use super::readers::Readers;
use super::sql::{Sql, failed};
use super::{check, file, open};

/// The step since which files have the names that they have now.
const NAMES_STEP: i64 = 14;

/// How many pages are copied at a time.
const PAGES: i32 = 1024;

/// How long to wait before a page that someone holds is asked for again.
const PAUSE: Duration = Duration::from_millis(5);

/// A database that is looked after.
struct Looked {
    path: PathBuf,
    connection: Connection,
    version: i64,
}

/// Opens a database for its upkeep, which a platform may use meanwhile.
///
/// Error: why the database cannot be opened.
pub fn open_beside(path: &Path) -> Result<Box<dyn Upkeep>, OpenError> {
    let connection = open_connection(path)?;
    let version = open::schema_version(&connection).map_err(|source| file::failed(path, source))?;
    if version < NAMES_STEP {
        return Err(OpenError::Older { path: path.to_owned(), found: version, needed: NAMES_STEP });
    }
    Ok(Box::new(Looked { path: path.to_owned(), connection, version }))
}

/// A connection to a database that is there and ours, which changes nothing.
pub fn open_connection(path: &Path) -> Result<Connection, OpenError> {
    open::check_path(path)?;
    if !path.exists() {
        return Err(OpenError::Missing(path.to_owned()));
    }
    // Not for reading only: then the last one who closes a database that nobody uses would leave its log behind.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |source| file::failed(path, source);
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    open::check_owner(&connection, path)?;
    open::set_reader_pragmas(&connection).map_err(failed)?;
    Ok(connection)
}

/// Opens a database to be read only, which a platform may use meanwhile.
///
/// Error: why the database cannot be opened; also when it has to be brought up to date first.
pub fn open_to_read(path: &Path) -> Result<Arc<dyn Store>, OpenError> {
    let connection = open_connection(path)?;
    let found = open::schema_version(&connection).map_err(|source| file::failed(path, source))?;
    let needed = i64::try_from(open::MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found < needed {
        return Err(OpenError::Older { path: path.to_owned(), found, needed });
    }
    let readers = Readers::start(vec![connection]).map_err(OpenError::Thread)?;
    Ok(Arc::new(ReadOnly { readers: Mutex::new(Some(readers)), feed: Arc::default() }))
}

/// A store that takes no writes.
struct ReadOnly {
    readers: Mutex<Option<Readers>>,
    feed: Arc<Feed>,
}

fn read_only() -> StoreError {
    StoreError::Unavailable("the database was opened to be read only".into())
}

impl Store for ReadOnly {
    fn enqueue_read(&self, job: Box<dyn ReadJob>) -> Result<(), StoreError> {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.as_ref().ok_or(StoreError::Closed)?.enqueue(job)
    }

    fn enqueue_write(&self, _: Box<dyn WriteJob>) -> Result<(), StoreError> {
        Err(read_only())
    }

    fn changes(&self, kinds: Kinds) -> Changes {
        self.feed.subscribe(kinds)
    }

    fn reset(&self) -> Result<(), StoreError> {
        Err(read_only())
    }

    fn close(&self) -> Result<(), StoreError> {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(readers) = readers {
            readers.close();
        }
        Ok(())
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

impl Looked {
    /// Refuses a database that does not have the tables of today.
    fn check_version(&self) -> Result<(), StoreError> {
        let known = i64::try_from(open::MIGRATIONS.len()).unwrap_or(i64::MAX);
        if self.version < known {
            let error = OpenError::Older { path: self.path.clone(), found: self.version, needed: known };
            return Err(StoreError::Unavailable(error.to_string()));
        }
        Ok(())
    }
}

impl Upkeep for Looked {
    fn check(&self, mend: bool, told: Told<'_>) -> Result<Findings, StoreError> {
        self.check_version()?;
        let locked = |error: OpenError| StoreError::Unavailable(error.to_string());
        let _lock = if mend { Some(Lock::take(&self.path).map_err(locked)?) } else { None };
        self.connection.pragma_update(None, "query_only", !mend).map_err(failed)?;
        // One transaction: everything is looked at as it is at one moment.
        self.connection.execute_batch(if mend { "BEGIN IMMEDIATE" } else { "BEGIN" }).map_err(failed)?;
        let found = check::check(&self.connection, mend, told);
        let end = if mend && found.is_ok() { "COMMIT" } else { "ROLLBACK" };
        self.connection.execute_batch(end).map_err(failed)?;
        found
    }

    fn check_file(&self, told: Told<'_>) -> Result<Findings, StoreError> {
        check::check_file(&self.connection, told)
    }

    fn copy_to(&self, target: &Path, told: Told<'_>) -> Result<(), StoreError> {
        super::file::prepare(target)
            .map_err(|error| StoreError::Unavailable(format!("{} cannot be created: {error}", target.display())))?;
        let mut copy = Connection::open(target).map_err(failed)?;
        // The transaction holds the moment that is copied: without it the copy would begin again with every write of
        // another process. In a WAL, writers do not wait for it.
        let transaction = self.connection.unchecked_transaction().map_err(failed)?;
        transaction.query_row("SELECT count(*) FROM apps", [], |_| Ok(())).map_err(failed)?;
        let backup = Backup::new(&transaction, &mut copy).map_err(failed)?;
        loop {
            let step = backup.step(PAGES).map_err(failed)?;
            let progress = backup.progress();
            let count = |pages: i32| u64::from(pages.unsigned_abs());
            let total = count(progress.pagecount);
            told(Step { name: "pages of the database", done: total - count(progress.remaining), total });
            match step {
                StepResult::Done => break,
                StepResult::Busy | StepResult::Locked => std::thread::sleep(PAUSE),
                _ => {}
            }
        }
        drop(backup);
        drop(transaction);
        // A single file, which can be read where nothing can be written.
        copy.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(())).map_err(failed)?;
        copy.close().map_err(|(_, error)| failed(error))
    }

    fn for_each_file(&self, each: &mut dyn FnMut(WholeFile) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let (sql, size) = (Sql(&self.connection), |size: i64| size.unsigned_abs());
        sql.prepare(
            "SELECT apps.uuid, contents.uuid, contents.size, contents.md5 FROM contents
             JOIN apps ON apps.key = contents.app WHERE uploaded_at IS NOT NULL AND is_deleted = 0",
        )?
        .each([], |row| {
            let (app, id) = (AppId::new(row.uuid(0)?), ContentId::new(row.uuid(1)?));
            let name = FileName::content(app, id).to_string();
            each(WholeFile { name, size: size(row.get(2)?), md5: row.get(3)? })
        })?;
        sql.prepare(
            "SELECT apps.uuid, exports.uuid, exports.size FROM exports
             JOIN apps ON apps.key = exports.app WHERE completed_at IS NOT NULL AND is_deleted = 0",
        )?
        .each([], |row| {
            let (app, id) = (AppId::new(row.uuid(0)?), ExportId::new(row.uuid(1)?));
            let name = FileName::archive(app, id).to_string();
            each(WholeFile { name, size: size(row.get(2)?), md5: None })
        })
    }

    fn file_state(&self, name: &str) -> Result<FileState, StoreError> {
        let sql = Sql(&self.connection);
        if sql.prepare("SELECT 1 FROM unused_files WHERE name = ?1")?.exists([name])? {
            return Ok(FileState::Unfinished);
        }
        let Some(File { table, whole, app, id }) = File::parse(name) else { return Ok(FileState::Unknown) };
        let is_whole = sql
            .prepare(&format!(
                "SELECT {whole} IS NOT NULL FROM {table} JOIN apps ON apps.key = {table}.app
                 WHERE apps.uuid = ?1 AND {table}.uuid = ?2"
            ))?
            .first((app.as_bytes(), id.as_bytes()), |row| row.get(0))?;
        Ok(match is_whole {
            Some(true) => FileState::Whole,
            Some(false) => FileState::Unfinished,
            None => FileState::Unknown,
        })
    }
}

/// What a file is named after: the row of its app and id in a table, and the column that says when it was whole.
struct File {
    table: &'static str,
    whole: &'static str,
    app: Uuid,
    id: Uuid,
}

impl File {
    fn parse(name: &str) -> Option<Self> {
        let (table, whole, rest) = match name.split_once('-')? {
            ("content", rest) => ("contents", "uploaded_at", rest),
            ("export", rest) => ("exports", "completed_at", rest),
            _ => return None,
        };
        let (app, rest) = rest.split_at_checked(36)?;
        let (id, rest) = rest.strip_prefix('-')?.split_at_checked(36)?;
        let is_name = rest == if table == "exports" { ".tar.gz.enc" } else { "" };
        // What an archive is made of goes with it.
        let whole = if is_name { whole } else { "NULL" };
        Some(Self { table, whole, app: Uuid::try_parse(app).ok()?, id: Uuid::try_parse(id).ok()? })
    }
}

/// Takes the right to use a database, as a platform has it while it runs.
///
/// Error: `InUse`.
pub fn lock(path: &Path) -> Result<Lock, OpenError> {
    open::check_path(path)?;
    Lock::take(path)
}

/// Puts a database in the place of another one, which may be there, in one step. The caller has the lock.
pub fn replace(path: &Path, fresh: &Path) -> Result<(), StoreError> {
    let refused =
        |error: std::io::Error| StoreError::Unavailable(format!("{} cannot be replaced: {error}", path.display()));
    if path.exists() {
        // Its log must not be taken for one of the new database. Where it cannot be read, neither can the database.
        if let Ok(old) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE) {
            let _ = old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            let _ = old.close();
        }
    }
    for ending in ["-wal", "-shm", "-journal"] {
        match std::fs::remove_file(super::file::beside(path, ending)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(refused(error)),
            _ => {}
        }
    }
    std::fs::rename(fresh, path).map_err(refused)?;
    super::file::sync_folder_of(path).map_err(refused)
}
