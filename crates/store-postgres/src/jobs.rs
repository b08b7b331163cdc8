//! The threads that run jobs, each on its connection. A job runs again when another transaction was in its way, or its
//! connection broke before it committed.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use layer_store::clock::Now;
use layer_store::{ReadJob, StoreError, WriteJob};

use super::Session;
use super::connect::Server;
use super::feed::Told;
use super::sql::{Connection, Trouble};

/// How often a job runs at most.
const ATTEMPTS: u32 = 5;

/// How long to wait for a server that was not there, at first; twice as long each time after that. In all, 3 s: about
/// what a standby needs to take over.
const RECONNECT: Duration = Duration::from_millis(200);

/// How long a job waits at most for those that are in its way, times the attempt.
const BACKOFF_MS: u64 = 20;

/// Work for a thread.
pub enum Job {
    /// A transaction that writes.
    Write(Box<dyn WriteJob>),
    /// A transaction that reads.
    Read(Box<dyn ReadJob>),
}

/// Jobs that wait. The thread that rested last takes the next one, so that where little is to be done, few connections
/// do it, with their statements prepared.
pub struct Queue {
    waiting: Mutex<Waiting>,
    length: usize,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// What each thread that rests is woken by.
    idle: Vec<Arc<Condvar>>,
    is_closed: bool,
}

impl Queue {
    /// A queue in which so many jobs may wait.
    pub fn new(length: usize) -> Self {
        Self { waiting: Mutex::default(), length }
    }

    /// Locks, also after a panic elsewhere: what is inside is whole at each step.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job. Error: `Busy` when it is full, `Closed` after [`Self::close`].
    pub fn push(&self, job: Job) -> Result<(), StoreError> {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return Err(StoreError::Closed);
        }
        if waiting.jobs.len() >= self.length {
            return Err(StoreError::Busy);
        }
        waiting.jobs.push_back(job);
        if let Some(thread) = waiting.idle.pop() {
            thread.notify_one();
        }
        Ok(())
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Takes no more jobs. Threads end once none is left.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        waiting.idle.drain(..).for_each(|thread| thread.notify_one());
    }

    /// The next job for a thread, which rests until there is one; `None` when there will be none.
    fn next(&self, bell: &Arc<Condvar>) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.is_closed {
                return None;
            }
            waiting.idle.push(Arc::clone(bell));
            waiting = bell.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            // It may wake by itself.
            waiting.idle.retain(|other| !Arc::ptr_eq(other, bell));
        }
    }
}

/// What the writers have done.
#[derive(Default)]
pub struct Counts {
    pub committed: AtomicU64,
    pub failed: AtomicU64,
}

/// What came of an attempt.
enum Ended {
    /// The job hears this.
    Done(Result<(), StoreError>),
    /// It is worth another one.
    Again(Trouble),
}

/// Works until the queue is closed and empty.
pub fn run(server: &Server, told: &Told, counts: &Counts, now: &Now, jobs: &Queue) {
    let mut worker = Worker { server, told, counts, now, connection: None };
    let bell = Arc::<Condvar>::default();
    while let Some(job) = jobs.next(&bell) {
        match job {
            Job::Write(mut job) => {
                let outcome = worker.attempts(|worker, connection| worker.write(connection, &mut *job));
                finish(|| job.finish(outcome));
            }
            Job::Read(mut job) => {
                let outcome = worker.attempts(|_, connection| read(connection, &mut *job));
                finish(|| job.finish(outcome));
            }
        }
    }
}

/// Lets a job reply. What it does with the reply must not stop the thread.
fn finish(reply: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(reply));
}

struct Worker<'a> {
    server: &'a Server,
    told: &'a Told,
    counts: &'a Counts,
    now: &'a Now,
    connection: Option<Connection>,
}

impl Worker<'_> {
    fn attempts(&mut self, mut attempt: impl FnMut(&Self, &Connection) -> Ended) -> Result<(), StoreError> {
        let mut trouble = Trouble::Conflict;
        for number in 0..ATTEMPTS {
            if number > 0 {
                pause(&trouble, number);
            }
            let connection = match self.connection.take() {
                Some(connection) => connection,
                None => match self.server.connect() {
                    Ok(connection) => connection,
                    Err(error) => {
                        trouble = Trouble::Broken(error.to_string());
                        continue;
                    }
                },
            };
            match attempt(self, &connection) {
                Ended::Done(outcome) => {
                    self.keep(connection);
                    return outcome;
                }
                Ended::Again(reason) => {
                    if reason == Trouble::Conflict {
                        self.keep(connection);
                    }
                    trouble = reason;
                }
            }
        }
        Err(trouble.into_error())
    }

    /// Keeps a connection for the next job, unless it is gone.
    fn keep(&mut self, connection: Connection) {
        self.connection = Some(connection).filter(|connection| !connection.is_closed());
    }

    fn write(&self, connection: &Connection, job: &mut dyn WriteJob) -> Ended {
        connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED");
        let mut session = Session::new(connection, Some(self.now));
        // A panicking job is undone and dropped like a failing one; nothing of it is looked at again.
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(&mut session)));
        let changes = std::mem::take(&mut session.changes);
        drop(session);
        match (ran, connection.trouble()) {
            (Ok(true), None) => match self.commit(connection) {
                Ok(()) => {
                    // Before the job replies: its caller finds them told.
                    self.told.tell(changes);
                    Ended::Done(Ok(()))
                }
                // Nobody can know whether the server still did it.
                Err(Trouble::Broken(_)) => Ended::Done(Err(StoreError::Uncertain)),
                Err(Trouble::Conflict) => Ended::Again(Trouble::Conflict),
                Err(Trouble::Refused(error)) => Ended::Done(Err(error)),
            },
            (ran, trouble) => undone(connection, ran, trouble),
        }
    }

    fn commit(&self, connection: &Connection) -> Result<(), Trouble> {
        let committed = connection.commit();
        let count = if committed.is_ok() { &self.counts.committed } else { &self.counts.failed };
        count.fetch_add(1, Ordering::Relaxed);
        committed
    }
}

fn read(connection: &Connection, job: &mut dyn ReadJob) -> Ended {
    connection.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    let session = Session::new(connection, None);
    let ran = catch_unwind(AssertUnwindSafe(|| job.run(&session)));
    undone(connection, ran.map(|()| false), connection.trouble())
}

/// Ends a transaction of which nothing is kept.
fn undone(connection: &Connection, ran: std::thread::Result<bool>, trouble: Option<Trouble>) -> Ended {
    let is_rolled_back = connection.roll_back();
    match (ran, trouble) {
        (Err(_), _) => Ended::Done(Err(StoreError::Lost)),
        (_, Some(trouble @ (Trouble::Conflict | Trouble::Broken(_)))) => Ended::Again(trouble),
        // The job did not care for an error, after which nothing can be committed.
        (Ok(true), Some(Trouble::Refused(error))) => Ended::Done(Err(error)),
        // The job says itself what went wrong.
        (Ok(_), _) if is_rolled_back => Ended::Done(Ok(())),
        (Ok(_), _) => Ended::Done(Err(StoreError::Unavailable("the connection to PostgreSQL broke".into()))),
    }
}

fn pause(trouble: &Trouble, attempt: u32) {
    std::thread::sleep(match trouble {
        Trouble::Broken(_) => RECONNECT * 2_u32.pow(attempt - 1),
        _ => Duration::from_millis(fastrand::u64(1..=BACKOFF_MS * u64::from(attempt))),
    });
}
