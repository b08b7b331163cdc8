//! The PostgreSQL engine: a database of a server, shared by as many platforms as there are.
//!
//! A few threads run the jobs, each on a connection that it drives itself. A write is a transaction (`READ COMMITTED`)
//! which locks the rows that it holds; one that comes into conflict with another, or whose connection breaks before its
//! commit, runs again. A read sees one state (`REPEATABLE READ`). Sends and receipts that wait are written together
//! (`group`).
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
mod facts;
mod feed;
mod following;
mod group;
mod identity;
mod identity_provider;
mod jobs;
mod log;
mod membership;
mod message;
mod migrate;
mod nats;
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
mod told;
mod transfer;
mod user;
mod webhook;
mod whole;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use layer_store::append::AppendJob;
use layer_store::changes::{Change, Changes, Kinds};
use layer_store::clock::{Now, machine_time};
use layer_store::key::AppKey;
use layer_store::passing::{Heard, Passing};
use layer_store::receipt::ReceiptJob;
use layer_store::{
    Beside, Counts, DatabaseUrl, Images, NatsUrls, OpenError, ReadJob, Reads, State, Store, StoreError, WriteJob,
    Writes,
};
use tokio::sync::mpsc;

use self::connect::Server;
use self::facts::Facts;
use self::jobs::{Job, Queue, Worker};
use self::sql::{Connection, Sql};
use self::told::Told;

/// How many writes may wait.
const WRITE_QUEUE_LENGTH: usize = 4096;

/// How many reads may wait.
const READ_QUEUE_LENGTH: usize = 1024;

/// How many connections write. While one waits for the disk of the server, the others go on.
const WRITERS: usize = 8;

/// How many connections append, and how many give receipts. While one waits for the disk of the server, another one
/// gathers; more of them make smaller batches, and cost more than they bring.
const APPENDERS: usize = 2;
const RECEIPT_GIVERS: usize = 1;

/// How many connections read.
const READERS: usize = 4;

/// The PostgreSQL engine.
struct PostgresStore {
    hold: Hold,
    writes: Arc<Queue<Job>>,
    reads: Arc<Queue<Job>>,
    appends: Arc<Queue<Box<dyn AppendJob>>>,
    receipts: Arc<Queue<Box<dyn ReceiptJob>>>,
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
    /// Those that hand over to others what they cannot do.
    gatherers: Vec<JoinHandle<()>>,
    threads: Vec<JoinHandle<()>>,
    feed: JoinHandle<()>,
}

/// Opens a database, brings its schema up to date, and starts the threads. They connect when there is work for them.
///
/// Error: why the database cannot be opened, or that no thread can be started.
pub fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, OpenError> {
    open_with(url, &(Arc::new(machine_time) as Now), None)
}

/// The same, with a clock of its own for the log of changes, and servers of NATS that carry hints to other processes.
/// While there is none of them, or not all processes use them, PostgreSQL carries the hints.
pub fn open_with(url: &DatabaseUrl, now: &Now, nats: Option<NatsUrls>) -> Result<Arc<dyn Store>, OpenError> {
    open_in(Hold::Shared, url, now, nats)
}

/// The same, for what works alone: while it is open, no other process opens the database. When that can no longer be
/// said, because the connection broke that holds it, the store takes no more writes.
pub fn open_alone(url: &DatabaseUrl) -> Result<Arc<dyn Store>, OpenError> {
    open_in(Hold::Alone, url, &(Arc::new(machine_time) as Now), None)
}

fn open_in(hold: Hold, url: &DatabaseUrl, now: &Now, nats: Option<NatsUrls>) -> Result<Arc<dyn Store>, OpenError> {
    let server = Arc::new(Server::parse(url)?);
    let told = Arc::<Told>::default();
    let writes = Arc::new(Queue::new(WRITE_QUEUE_LENGTH));
    let ends = (hold == Hold::Alone).then(|| Arc::clone(&writes));
    let feed = feed::start(Arc::clone(&server), Arc::clone(&told), nats, ends)?;
    let store = Arc::new(PostgresStore {
        hold,
        writes,
        reads: Arc::new(Queue::new(READ_QUEUE_LENGTH)),
        appends: Arc::new(Queue::new(WRITE_QUEUE_LENGTH)),
        receipts: Arc::new(Queue::new(WRITE_QUEUE_LENGTH)),
        counts: Arc::default(),
        running: Mutex::new(Some(Running { gatherers: vec![], threads: vec![], feed })),
        server,
        told,
    });
    for (name, count, queue) in [("layer-writer", WRITERS, &store.writes), ("layer-reader", READERS, &store.reads)] {
        for _ in 0..count {
            let queue = Arc::clone(queue);
            let thread = store.start_thread(name, now, "", move |worker| jobs::run(worker, &queue))?;
            store.with_running(|running| running.threads.push(thread));
        }
    }
    store.start_gatherers("layer-appender", APPENDERS, now, &store.appends, group::append::write, |job| job)?;
    store.start_gatherers("layer-receipts", RECEIPT_GIVERS, now, &store.receipts, group::receipt::write, |job| job)?;
    Ok(store)
}

impl PostgresStore {
    /// Locks, also after a panic elsewhere: what is inside is whole at each step.
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_running(&self, change: impl FnOnce(&mut Running)) {
        if let Some(running) = &mut *self.running() {
            change(running);
        }
    }

    fn start_gatherers<J: WriteJob + ?Sized + 'static>(
        &self,
        name: &str,
        count: usize,
        now: &Now,
        queue: &Arc<Queue<Box<J>>>,
        write: group::Write<J>,
        as_write: fn(Box<J>) -> Box<dyn WriteJob>,
    ) -> Result<(), OpenError> {
        for _ in 0..count {
            let (queue, writes) = (Arc::clone(queue), Arc::clone(&self.writes));
            let work = move |worker: Worker<'_>| group::run(worker, &queue, &writes, write, as_write);
            let thread = self.start_thread(name, now, group::FIRST, work)?;
            self.with_running(|running| running.gatherers.push(thread));
        }
        Ok(())
    }

    fn start_thread(
        &self,
        name: &str,
        now: &Now,
        first: &'static str,
        work: impl FnOnce(Worker<'_>) + Send + 'static,
    ) -> Result<JoinHandle<()>, OpenError> {
        let (server, told, counts) = (Arc::clone(&self.server), Arc::clone(&self.told), Arc::clone(&self.counts));
        let now = Arc::clone(now);
        let work = move || {
            let (server, told, counts, now) = (&*server, &*told, &*counts, &now);
            work(Worker { server, told, counts, now, first, connection: None });
        };
        std::thread::Builder::new().name(name.into()).spawn(work).map_err(OpenError::Thread)
    }

    /// Works on the database as a whole, on a connection and a thread of its own: the caller may be inside a runtime.
    fn whole<T: Send>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
        if self.running().is_none() {
            return Err(StoreError::Closed);
        }
        let server = &*self.server;
        let whole = move || {
            let connection = server.connect("").map_err(|error| StoreError::Unavailable(error.to_string()))?;
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

    fn enqueue_append(&self, job: Box<dyn AppendJob>) -> Result<(), StoreError> {
        match self.hold {
            Hold::Shared => self.appends.push(job),
            // Its writes may end at any time.
            Hold::Alone => self.enqueue_write(job),
        }
    }

    fn enqueue_receipt(&self, job: Box<dyn ReceiptJob>) -> Result<(), StoreError> {
        match self.hold {
            Hold::Shared => self.receipts.push(job),
            Hold::Alone => self.enqueue_write(job),
        }
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

    fn state(&self) -> State {
        State {
            waiting_writes: self.writes.len() + self.appends.len() + self.receipts.len(),
            waiting_reads: self.reads.len(),
            database_bytes: self.told.database_bytes(),
            is_shared: self.told.is_shared(),
            is_by_nats: self.told.is_by_nats(),
            ..self.counts.shown()
        }
    }

    fn close(&self) -> Result<(), StoreError> {
        let Some(Running { gatherers, threads, feed }) = self.running().take() else { return Ok(()) };
        // They catch the panics of their jobs; there is nothing to hear from them.
        let end = |threads: Vec<JoinHandle<()>>| threads.into_iter().for_each(|thread| drop(thread.join()));
        self.appends.close();
        self.receipts.close();
        end(gatherers);
        self.writes.close();
        self.reads.close();
        end(threads);
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
    /// What is known of what plans ask, while they are asked for.
    facts: Option<Facts>,
}

impl<'c> Session<'c> {
    fn new(connection: &'c Connection, clock: Option<&'c Now>) -> Self {
        Self { sql: Sql(connection), changes: vec![], clock, logged: vec![], facts: None }
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
