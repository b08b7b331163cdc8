//! The one thread that writes: it drains whatever waits, runs it in one transaction, and answers after the commit.
//!
//! The commit of the previous batch is the window in which the next one gathers; there is no other delay.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::Receiver;
use layer_store::changes::{Change, Feed, Kinds};
use layer_store::clock::Now;
use layer_store::{Counts, ReadJob, StoreError, WriteJob};
use rusqlite::Connection;

use super::Session;
use super::checkpoint::Checkpoints;
use super::log::Places;
use super::sql::failed;

/// The most jobs in one transaction, which bounds how long the first of them waits.
const MAX_BATCH: usize = 256;

/// Work for the writer.
pub enum Job {
    /// A transaction.
    Write(Box<dyn WriteJob>),
    /// A read, for a database in memory, which has one connection only.
    Read(Box<dyn ReadJob>),
    /// Work on the database as a whole, outside any transaction of others.
    Whole(WholeJob),
}

/// Work on the database as a whole. It keeps its outcome to itself, and leaves no transaction open.
pub type WholeJob = Box<dyn FnOnce(&mut Connection) + Send>;

/// Works until the channel is closed and empty, then flushes and closes the connection. A database in memory has no
/// log, thus no checkpoints.
pub fn run(
    mut connection: Connection,
    mut checkpoints: Option<Checkpoints>,
    jobs: &Receiver<Job>,
    feed: &Feed,
    counts: &Counts,
    now: Now,
) -> Result<(), StoreError> {
    let places = Places::new(&connection, now)?;
    let mut next = jobs.recv().ok();
    while let Some(job) = next.take() {
        let (is_committed, held_over) = match job {
            Job::Read(read) => {
                run_read(&connection, read);
                (true, None)
            }
            Job::Whole(work) => {
                // A panic drops the reply, which tells the caller; an open transaction is rolled back below.
                let _ = catch_unwind(AssertUnwindSafe(|| work(&mut connection)));
                if !connection.is_autocommit() {
                    let _ = connection.execute_batch("ROLLBACK");
                }
                // A restored log may be ahead. Where that cannot be read, neither can anything be written.
                let _ = places.go_on_behind(&connection);
                (true, None)
            }
            Job::Write(write) => run_batch(&connection, &places, write, jobs, feed, counts),
        };
        if let Some(checkpoints) = &mut checkpoints {
            checkpoints.keep_up(&connection, is_committed);
        }
        next = held_over.or_else(|| jobs.recv().ok());
    }
    if let Some(checkpoints) = checkpoints {
        checkpoints.close();
    }
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))
}

/// Runs a read that sees committed work only: no transaction of a write is open at this point.
pub fn run_read(connection: &Connection, mut read: Box<dyn ReadJob>) {
    let session = Session::of_reader(connection);
    // The session holds no state that could be left half changed by a panic.
    let ran = catch_unwind(AssertUnwindSafe(|| read.run(&session)));
    finish(|| read.finish(ran.map_err(|_| StoreError::Lost)));
}

/// Lets a job reply. What it does with the reply must not stop the thread.
fn finish(reply: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(reply));
}

/// A job that ran, and why it cannot be kept, if it cannot.
struct Ran {
    job: Box<dyn WriteJob>,
    failure: Option<StoreError>,
}

/// Runs a job and all that wait behind it in one transaction. Returns whether it was committed, and the job of another
/// kind that ended the batch, if one did.
///
/// Changes are told before the jobs reply: their callers find them told.
fn run_batch(
    connection: &Connection,
    places: &Places,
    first: Box<dyn WriteJob>,
    jobs: &Receiver<Job>,
    feed: &Feed,
    counts: &Counts,
) -> (bool, Option<Job>) {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        counts.count(1, false);
        let error = failed(error);
        finish(|| first.finish(Err(error.clone())));
        return (false, refuse(jobs, &error));
    }
    let recorded = feed.wanted();
    let (mut batch, mut changes) = (vec![], vec![]);
    let mut held_over = None;
    let mut next = Some(first);
    while let Some(job) = next.take() {
        batch.push(run_job(connection, places, job, recorded, &mut changes));
        if connection.is_autocommit() || batch.len() == MAX_BATCH {
            break;
        }
        match jobs.try_recv() {
            Ok(Job::Write(job)) => next = Some(job),
            Ok(other) => held_over = Some(other),
            Err(_) => {}
        }
    }
    let committed = commit(connection);
    counts.count(batch.len(), committed.is_ok());
    if committed.is_ok() {
        feed.tell(recorded, &changes);
    }
    for Ran { job, failure } in batch {
        finish(|| job.finish(failure.map_or_else(|| committed.clone(), Err)));
    }
    (committed.is_ok(), held_over)
}

/// Refuses the jobs that wait: each of them would wait in vain for as long as the one before it. Returns the job of
/// another kind that ended this, if one did.
fn refuse(jobs: &Receiver<Job>, error: &StoreError) -> Option<Job> {
    for _ in 0..jobs.len() {
        match jobs.try_recv() {
            Ok(Job::Write(job)) => finish(|| job.finish(Err(error.clone()))),
            other => return other.ok(),
        }
    }
    None
}

/// Runs a job in a savepoint: its failure undoes nothing else.
fn run_job(
    connection: &Connection,
    places: &Places,
    mut job: Box<dyn WriteJob>,
    recorded: Kinds,
    changes: &mut Vec<Change>,
) -> Ran {
    let mut session = Session::new(connection, places, recorded);
    let failure = match connection.execute_batch("SAVEPOINT job") {
        Err(error) => Some(failed(error)),
        // A panicking job is undone and dropped like a failing one; nothing of it is looked at again.
        Ok(()) => match catch_unwind(AssertUnwindSafe(|| job.run(&mut session))) {
            Ok(true) => {
                changes.append(&mut session.changes);
                connection.execute_batch("RELEASE job").err().map(failed)
            }
            Ok(false) => undo(connection),
            Err(_) => undo(connection).or(Some(StoreError::Lost)),
        },
    };
    Ran { job, failure }
}

/// Undoes the job at hand. When not even that works, the whole transaction is given up, which [`commit`] notices.
fn undo(connection: &Connection) -> Option<StoreError> {
    if connection.is_autocommit() {
        // It is undone already, with the whole transaction.
        return None;
    }
    let error = connection.execute_batch("ROLLBACK TO job; RELEASE job").err()?;
    let _ = connection.execute_batch("ROLLBACK");
    Some(failed(error))
}

/// Commits the batch. After an error nothing of it is left.
fn commit(connection: &Connection) -> Result<(), StoreError> {
    if connection.is_autocommit() {
        // SQLite gave the transaction up by itself, as it does when the disk is full.
        let text = "the disk of the database is full or fails; make room or look into the log of the system";
        return Err(StoreError::Unavailable(text.into()));
    }
    connection.execute_batch("COMMIT").map_err(|error| {
        let _ = connection.execute_batch("ROLLBACK");
        failed(error)
    })
}
