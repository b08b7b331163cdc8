//! The SQLite engine: one file in WAL mode, one writer thread, a few reader threads.
//!
//! A database in memory has a single connection, so there the writer does the reads too, between batches.
//!
//! A thread beside the writer copies the log into the file: see `checkpoint.rs`.

mod announcement;
mod app;
mod block;
mod check;
mod checkpoint;
mod claim;
mod content;
mod conversation;
mod delivery;
mod export;
mod file;
mod following;
mod identity;
mod identity_provider;
mod log;
mod membership;
mod message;
mod open;
mod overview;
mod purge;
mod push_token;
mod readers;
mod receipt;
mod rewrite;
mod row;
mod scheduled_message;
mod session;
mod snapshot;
mod sql;
mod transfer;
mod upkeep;
mod user;
mod webhook;
mod writer;

use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, TrySendError, bounded};
use layer_store::changes::{Change, Changes, Feed, Kinds};
use layer_store::clock::{Now, machine_time};
use layer_store::{
    Beside, Counts, DataLocation, Images, OpenError, ReadJob, Reads, State, Store, StoreError, WriteJob, Writes,
};
use rusqlite::Connection;

use self::checkpoint::Checkpoints;
use self::file::Lock;
use self::log::Places;
use self::readers::Readers;
use self::sql::Sql;
use self::writer::Job;

pub use self::upkeep::{lock, open_beside, open_to_read, replace};

/// How many writes may wait.
const WRITE_QUEUE_LENGTH: usize = 4096;

/// The most reader threads; more gain nothing.
const MAX_READERS: usize = 4;

/// The SQLite engine.
struct SqliteStore {
    running: RwLock<Option<Running>>,
    feed: Arc<Feed>,
    counts: Arc<Counts>,
    data: DataLocation,
}

struct Running {
    jobs: Sender<Job>,
    writer: JoinHandle<Result<(), StoreError>>,
    /// `None` for a database in memory.
    readers: Option<Readers>,
    /// `None` for a database in memory.
    lock: Option<Lock>,
}

/// Opens or creates a database and starts its threads.
///
/// Error: why the database cannot be opened, or that no thread can be started.
pub fn open(data: &DataLocation) -> Result<Arc<dyn Store>, OpenError> {
    open_with_clock(data, Arc::new(machine_time))
}

/// The same, with a clock of its own for the log of changes.
pub fn open_with_clock(data: &DataLocation, now: Now) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(SqliteStore::open(data, now, checkpoint::LOG_PAGES)?))
}

/// The same as [`open`], with a log that is copied into the file from a length on, so that a test needs to write less.
/// Unit: pages.
#[doc(hidden)]
pub fn open_with_log(data: &DataLocation, pages: usize) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(SqliteStore::open(data, Arc::new(machine_time), pages)?))
}

impl SqliteStore {
    fn open(data: &DataLocation, now: Now, log_pages: usize) -> Result<Self, OpenError> {
        let lock = match data {
            DataLocation::Memory => None,
            DataLocation::File(path) => {
                open::check_path(path)?;
                Some(Lock::take(path)?)
            }
            DataLocation::Postgres(url) => {
                let reason = "SQLite keeps its data in a file; name one".into();
                return Err(OpenError::Database { database: url.to_string(), reason });
            }
        };
        let mut connection = open::open_writer(data)?;
        let (readers, checkpoints) = match data.file() {
            None => (None, None),
            Some(path) => {
                let connections = (0..reader_count()).map(|_| open::open_reader(path)).collect::<Result<_, _>>()?;
                let readers = Readers::start(connections).map_err(OpenError::Thread)?;
                (Some(readers), Some(Checkpoints::start(&mut connection, path, log_pages)?))
            }
        };
        let (jobs, receiver) = bounded(WRITE_QUEUE_LENGTH);
        let (feed, counts) = (Arc::<Feed>::default(), Arc::<Counts>::default());
        let writer = std::thread::Builder::new()
            .name("layer-writer".into())
            .spawn({
                let (feed, counts) = (Arc::clone(&feed), Arc::clone(&counts));
                move || writer::run(connection, checkpoints, &receiver, &feed, &counts, now)
            })
            .map_err(OpenError::Thread)?;
        let running = RwLock::new(Some(Running { jobs, writer, readers, lock }));
        Ok(Self { running, feed, counts, data: data.clone() })
    }

    /// Hands out what runs. Poisoning is harmless: the value is replaced in one step.
    fn with_running<T>(&self, work: impl FnOnce(&Running) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map_or(Err(StoreError::Closed), work)
    }

    /// Works on the database as a whole, on the thread of the writer, and waits for it. When it is done, its content is
    /// another one.
    fn replace(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let feed = Arc::clone(&self.feed);
        self.whole(move |connection| {
            work(connection)?;
            feed.tell(feed.wanted(), &[Change::Replaced]);
            Ok(())
        })
    }

    /// Works on the database as a whole, on the thread of the writer, and waits for it.
    fn whole<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let job = Job::Whole(Box::new(move |connection| drop(sender.send(work(connection)))));
        self.with_running(|running| running.enqueue(job))?;
        receiver.recv().unwrap_or(Err(StoreError::Lost))
    }
}

fn reader_count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_READERS)
}

impl Running {
    fn enqueue(&self, job: Job) -> Result<(), StoreError> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }
}

impl Store for SqliteStore {
    fn enqueue_read(&self, job: Box<dyn ReadJob>) -> Result<(), StoreError> {
        self.with_running(|running| match &running.readers {
            Some(readers) => readers.enqueue(job),
            None => running.enqueue(Job::Read(job)),
        })
    }

    fn enqueue_write(&self, job: Box<dyn WriteJob>) -> Result<(), StoreError> {
        self.with_running(|running| running.enqueue(Job::Write(job)))
    }

    fn changes(&self, kinds: Kinds) -> Changes {
        self.feed.subscribe(kinds)
    }

    fn reset(&self) -> Result<(), StoreError> {
        self.replace(snapshot::reset)
    }

    fn images(&self) -> Option<&dyn Images> {
        Some(self)
    }

    fn state(&self) -> State {
        let waiting =
            self.with_running(|running| Ok((running.jobs.len(), running.readers.as_ref().map_or(0, Readers::waiting))));
        let (waiting_writes, waiting_reads) = waiting.unwrap_or_default();
        let size = |suffix: &str| {
            self.data.file().map_or(0, |path| {
                let mut path = path.as_os_str().to_owned();
                path.push(suffix);
                std::fs::metadata(path).map_or(0, |file| file.len())
            })
        };
        let (database_bytes, log_bytes) = (size(""), size("-wal"));
        State { waiting_writes, waiting_reads, database_bytes, log_bytes, ..self.counts.shown() }
    }

    fn close(&self) -> Result<(), StoreError> {
        let running = self.running.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { jobs, writer, readers, lock }) = running else { return Ok(()) };
        // Readers first: while one of them reads, the log cannot be emptied.
        if let Some(readers) = readers {
            readers.close();
        }
        drop(jobs);
        let outcome = writer.join().unwrap_or(Err(StoreError::Lost));
        // Held until the database is closed.
        drop(lock);
        outcome
    }
}

impl Images for SqliteStore {
    fn snapshot(&self) -> Result<Vec<u8>, StoreError> {
        self.whole(snapshot::take)
    }

    fn restore(&self, snapshot: Vec<u8>, beside: Beside) -> Result<(), StoreError> {
        self.replace(move |connection| {
            snapshot::restore(connection, &snapshot)?;
            beside()
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// A connection, seen as what can be read and written. The SQL is in the modules named after nouns.
struct Session<'c> {
    sql: Sql<'c>,
    /// The kinds of changes that someone has an interest in.
    recorded: Kinds,
    /// What to tell once it is durable.
    changes: Vec<Change>,
    /// Where entries of the log go. A session that reads only has none.
    places: Option<&'c Places>,
}

impl<'c> Session<'c> {
    fn new(connection: &'c Connection, places: &'c Places, recorded: Kinds) -> Self {
        Self { places: Some(places), recorded, ..Self::of_reader(connection) }
    }

    /// A session that reads only.
    fn of_reader(connection: &'c Connection) -> Self {
        Self { sql: Sql(connection), recorded: Kinds::NONE, changes: vec![], places: None }
    }

    /// Tells a change after the commit, if anyone has an interest in its kind.
    fn tell(&mut self, kind: Kinds, change: impl FnOnce() -> Change) {
        if self.recorded.meets(kind) {
            self.changes.push(change());
        }
    }
}

impl Reads for Session<'_> {}

impl Writes for Session<'_> {}

#[cfg(test)]
mod tests;
