//! The PostgreSQL engine: a database of a server, shared by as many platforms as there are.
//!
//! A few threads run the jobs, each on a connection that it drives itself. A write is a transaction (`READ COMMITTED`)
//! which locks the rows that it holds; one that comes into conflict with another, or whose connection breaks before its
//! commit, runs again. A read sees one state (`REPEATABLE READ`).
//!
//! What was committed is told to the readers of this process at once, and to other processes as a hint, by one
//! notification for many changes. A hint can get lost with a connection; then the others hear that they missed some.

mod announcement;
mod app;
mod block;
mod claim;
mod connect;
mod content;
mod conversation;
mod delivery;
mod export;
mod feed;
mod following;
mod identity;
mod identity_provider;
mod jobs;
mod log;
mod membership;
mod message;
mod migrate;
mod overview;
mod passing;
mod purge;
mod push_token;
mod receipt;
mod row;
mod scheduled_message;
mod session;
mod sql;
#[cfg(feature = "testing")]
pub mod testing;
mod transfer;
mod user;
mod webhook;
mod whole;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use layer_store::changes::{Change, Changes, Kinds};
use layer_store::clock::{Now, machine_time};
use layer_store::key::AppKey;
use layer_store::passing::{Heard, Passing};
use layer_store::{Beside, DatabaseUrl, Images, OpenError, ReadJob, Reads, State, Store, StoreError, WriteJob, Writes};
use tokio::sync::mpsc;

use self::connect::Server;
use self::feed::Told;
use self::jobs::{Counts, Job, Queue};
use self::sql::{Connection, Sql};

/// How many writes may wait.
const WRITE_QUEUE_LENGTH: usize = 4096;

/// How many reads may wait.
const READ_QUEUE_LENGTH: usize = 1024;

/// How many connections write. While one waits for the disk of the server, the others go on.
const WRITERS: usize = 8;

/// How many connections read.
const READERS: usize = 4;

/// The PostgreSQL engine.
struct PostgresStore {
    writes: Arc<Queue>,
    reads: Arc<Queue>,
    counts: Arc<Counts>,
    running: Mutex<Option<Running>>,
    server: Arc<Server>,
    told: Arc<Told>,
}

/// Whether other processes may have the database open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Shared,
    Alone,
}

struct Running {
    threads: Vec<JoinHandle<()>>,
    feed: JoinHandle<()>,
}

/// Opens a database, brings its schema up to date, and starts the threads. They connect when there is work for them.
///
/// Error: why the database cannot be opened, or that no thread can be started.
pub fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, OpenError> {
    open_with_clock(url, &(Arc::new(machine_time) as Now))
}

/// The same, with a clock of its own for the log of changes.
pub fn open_with_clock(url: &DatabaseUrl, now: &Now) -> Result<Arc<dyn Store>, OpenError> {
    open_in(Hold::Shared, url, now)
}

/// The same, for what works alone: while it is open, no other process opens the database. When that can no longer be
/// said, because the connection broke that holds it, the store takes no more writes.
pub fn open_alone(url: &DatabaseUrl) -> Result<Arc<dyn Store>, OpenError> {
    open_in(Hold::Alone, url, &(Arc::new(machine_time) as Now))
}

fn open_in(hold: Hold, url: &DatabaseUrl, now: &Now) -> Result<Arc<dyn Store>, OpenError> {
    let server = Arc::new(Server::parse(url)?);
    let told = Arc::<Told>::default();
    let writes = Arc::new(Queue::new(WRITE_QUEUE_LENGTH));
    let ends = (hold == Hold::Alone).then(|| Arc::clone(&writes));
    let feed = feed::start(Arc::clone(&server), Arc::clone(&told), ends)?;
    let store = Arc::new(PostgresStore {
        writes,
        reads: Arc::new(Queue::new(READ_QUEUE_LENGTH)),
        counts: Arc::default(),
        running: Mutex::new(Some(Running { threads: vec![], feed })),
        server,
        told,
    });
    for (name, count, queue) in [("layer-writer", WRITERS, &store.writes), ("layer-reader", READERS, &store.reads)] {
        for _ in 0..count {
            store.start_thread(name, queue, now)?;
        }
    }
    Ok(store)
}

impl PostgresStore {
    /// Locks, also after a panic elsewhere: what is inside is whole at each step.
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_thread(&self, name: &str, queue: &Arc<Queue>, now: &Now) -> Result<(), OpenError> {
        let (server, told, counts) = (Arc::clone(&self.server), Arc::clone(&self.told), Arc::clone(&self.counts));
        let (now, queue) = (Arc::clone(now), Arc::clone(queue));
        let work = move || jobs::run(&server, &told, &counts, &now, &queue);
        let thread = std::thread::Builder::new().name(name.into()).spawn(work).map_err(OpenError::Thread)?;
        if let Some(running) = &mut *self.running() {
            running.threads.push(thread);
        }
        Ok(())
    }

    /// Works on the database as a whole, on a connection and a thread of its own: the caller may be inside a runtime.
    fn whole<T: Send>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
        if self.running().is_none() {
            return Err(StoreError::Closed);
        }
        let server = &*self.server;
        let whole = move || {
            let connection = server.connect().map_err(|error| StoreError::Unavailable(error.to_string()))?;
            work(&connection)
        };
        std::thread::scope(|scope| scope.spawn(whole).join()).unwrap_or(Err(StoreError::Lost))
    }

    /// The same, with other content at the end.
    fn replace(&self, work: impl FnOnce(&Connection) -> Result<(), StoreError> + Send) -> Result<(), StoreError> {
        self.whole(work)?;
        self.told.tell(vec![Change::Replaced]);
        Ok(())
    }
}

impl Store for PostgresStore {
    fn enqueue_read(&self, job: Box<dyn ReadJob>) -> Result<(), StoreError> {
        self.reads.push(Job::Read(job))
    }

    fn enqueue_write(&self, job: Box<dyn WriteJob>) -> Result<(), StoreError> {
        self.writes.push(Job::Write(job))
    }

    fn changes(&self, kinds: Kinds) -> Changes {
        self.told.feed.subscribe(kinds)
    }

    fn pass(&self, passing: Passing) {
        self.told.pass(passing);
    }

    fn passing(&self) -> mpsc::Receiver<Heard> {
        self.told.passed.listen()
    }

    fn reset(&self) -> Result<(), StoreError> {
        self.replace(whole::reset)
    }

    fn check_alone(&self) -> Result<(), StoreError> {
        self.whole(|connection| {
            let checked = whole::check_alone(connection);
            connection.roll_back();
            checked
        })
    }

    fn images(&self) -> Option<&dyn Images> {
        Some(self)
    }

    /// Each write is a commit of its own.
    fn state(&self) -> State {
        let committed = self.counts.committed.load(Ordering::Relaxed);
        let mut state = State {
            waiting_writes: self.writes.len(),
            waiting_reads: self.reads.len(),
            committed_writes: committed,
            failed_commits: self.counts.failed.load(Ordering::Relaxed),
            database_bytes: self.told.database_bytes(),
            is_shared: self.told.is_shared(),
            ..State::default()
        };
        state.batches[0] = committed;
        state
    }

    fn close(&self) -> Result<(), StoreError> {
        let Some(Running { threads, feed }) = self.running().take() else { return Ok(()) };
        self.writes.close();
        self.reads.close();
        for thread in threads {
            // It catches the panics of its jobs; there is nothing to hear from it.
            let _ = thread.join();
        }
        // Last, so that others hear of the last commits.
        self.told.close();
        let _ = feed.join();
        Ok(())
    }
}

impl Images for PostgresStore {
    fn snapshot(&self) -> Result<Vec<u8>, StoreError> {
        self.whole(whole::take)
    }

    fn restore(&self, snapshot: Vec<u8>, beside: Beside) -> Result<(), StoreError> {
        self.replace(move |connection| whole::restore(connection, &snapshot, beside))
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// A connection, seen as what can be read and written. The SQL is in the modules named after nouns.
struct Session<'c> {
    sql: Sql<'c>,
    /// What to tell once it is durable.
    changes: Vec<Change>,
    /// The clock of the log. A session that reads only has none.
    clock: Option<&'c Now>,
    /// Until when the logs of apps are kept, as far as that was asked.
    logged: Vec<(AppKey, Option<i64>)>,
}

impl<'c> Session<'c> {
    fn new(connection: &'c Connection, clock: Option<&'c Now>) -> Self {
        Self { sql: Sql(connection), changes: vec![], clock, logged: vec![] }
    }

    /// Tells a change after the commit. All kinds are recorded: what other processes want to know is not known here.
    fn tell(&mut self, _: Kinds, change: impl FnOnce() -> Change) {
        let change = change();
        // The same hint twice in a row is one.
        if self.changes.last() != Some(&change) {
            self.changes.push(change);
        }
    }
}

impl Reads for Session<'_> {}

impl Writes for Session<'_> {}
