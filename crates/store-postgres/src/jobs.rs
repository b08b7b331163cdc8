//! The threads that run jobs, each on its connection. A job runs again when another transaction was in its way, or its
//! connection broke before it committed.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use layer_store::clock::Now;
use layer_store::{Counts, ReadJob, StoreError, WriteJob};

use super::Session;
use super::connect::Server;
use super::sql::{Connection, Trouble};
use super::told::Told;

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

/// Jobs that wait. The thread that rested last takes the next ones, so that where little is to be done, few connections
/// do it, with their statements prepared.
pub struct Queue<Job> {
    waiting: Mutex<Waiting<Job>>,
    length: usize,
}

struct Waiting<Job> {
    jobs: VecDeque<Job>,
    /// What each thread that rests is woken by.
    idle: Vec<Arc<Condvar>>,
    is_closed: bool,
}

impl<Job> Queue<Job> {
    /// A queue in which so many jobs may wait.
    pub fn new(length: usize) -> Self {
        let waiting = Waiting { jobs: VecDeque::new(), idle: vec![], is_closed: false };
        Self { waiting: Mutex::new(waiting), length }
    }

    /// Locks, also after a panic elsewhere: what is inside is whole at each step.
    fn lock(&self) -> MutexGuard<'_, Waiting<Job>> {
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
        waiting.add(job);
        Ok(())
    }

    /// Adds a job that was taken before, by another queue: also when it is full or closed. The threads must not have
    /// ended.
    pub fn push_taken(&self, job: Job) {
        self.lock().add(job);
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

    /// The next jobs for a thread, oldest first and at most so many. It rests until there is one; there is none when
    /// there will be none.
    pub fn next(&self, bell: &Arc<Condvar>, most: usize) -> Vec<Job> {
        let mut waiting = self.lock();
        loop {
            let count = waiting.jobs.len().min(most);
            if count > 0 || waiting.is_closed {
                return waiting.jobs.drain(..count).collect();
            }
            waiting.idle.push(Arc::clone(bell));
            waiting = bell.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            // It may wake by itself.
            waiting.idle.retain(|other| !Arc::ptr_eq(other, bell));
        }
    }
}

impl<Job> Waiting<Job> {
    fn add(&mut self, job: Job) {
        self.jobs.push_back(job);
        if let Some(thread) = self.idle.pop() {
            thread.notify_one();
        }
    }
}

/// What came of an attempt.
pub enum Ended {
    /// The job hears this.
    Done(Result<(), StoreError>),
    /// It is worth another one.
    Again(Trouble),
}

/// Works until the queue is closed and empty.
pub fn run(mut worker: Worker<'_>, jobs: &Queue<Job>) {
    let bell = Arc::<Condvar>::default();
    while let Some(job) = jobs.next(&bell, 1).pop() {
        match job {
            Job::Write(mut job) => {
                let attempt = |worker: &Worker<'_>, connection: &Connection| {
                    worker.transact(connection, |session| Ok(usize::from(job.run(session))))
                };
                let outcome = worker.attempts(attempt).unwrap_or_else(|trouble| Err(trouble.into_error()));
                finish(|| job.finish(outcome));
            }
            Job::Read(mut job) => {
                let outcome = worker.attempts(|_, connection| read(connection, &mut *job));
                let outcome = outcome.unwrap_or_else(|trouble| Err(trouble.into_error()));
                finish(|| job.finish(outcome));
            }
        }
    }
}

/// Lets a job reply. What it does with the reply must not stop the thread.
pub fn finish(reply: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(reply));
}

/// A thread that works for a store.
pub struct Worker<'a> {
    pub server: &'a Server,
    pub told: &'a Told,
    pub counts: &'a Counts,
    pub now: &'a Now,
    /// What each of its connections begins with.
    pub first: &'static str,
    pub connection: Option<Connection>,
}

impl Worker<'_> {
    /// Attempts something until it is done. Error: what was in its way the last time.
    pub fn attempts(
        &mut self,
        mut attempt: impl FnMut(&Self, &Connection) -> Ended,
    ) -> Result<Result<(), StoreError>, Trouble> {
        let mut trouble = Trouble::Conflict;
        for number in 0..ATTEMPTS {
            if number > 0 {
                pause(&trouble, number);
            }
            let connection = match self.connection.take() {
                Some(connection) => connection,
                None => match self.server.connect(self.first) {
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
                    return Ok(outcome);
                }
                Ended::Again(reason) => {
                    if reason == Trouble::Conflict {
                        self.keep(connection);
                    }
                    trouble = reason;
                }
            }
        }
        Err(trouble)
    }

    /// Keeps a connection for the next job, unless it is gone.
    fn keep(&mut self, connection: Connection) {
        self.connection = Some(connection).filter(|connection| !connection.is_closed());
    }

    /// Does work in a transaction, which is committed when there is something to keep: so many writes. An error undoes
    /// all of it.
    pub fn transact(
        &self,
        connection: &Connection,
        work: impl FnOnce(&mut Session<'_>) -> Result<usize, StoreError>,
    ) -> Ended {
        connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED");
        let mut session = Session::new(connection, Some(self.now));
        // What panics is undone and dropped like what fails; nothing of it is looked at again.
        let ran = catch_unwind(AssertUnwindSafe(|| work(&mut session)));
        let changes = std::mem::take(&mut session.changes);
        drop(session);
        match (ran, connection.trouble()) {
            (Ok(Ok(writes)), None) if writes > 0 => match self.commit(connection, writes) {
                Ok(()) => {
                    // Before the jobs reply: their callers find them told.
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

    fn commit(&self, connection: &Connection, writes: usize) -> Result<(), Trouble> {
        let committed = connection.commit();
        self.counts.count(writes, committed.is_ok());
        committed
    }
}

fn read(connection: &Connection, job: &mut dyn ReadJob) -> Ended {
    connection.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    let session = Session::new(connection, None);
    let ran = catch_unwind(AssertUnwindSafe(|| job.run(&session)));
    undone(connection, ran.map(|()| Ok(0)), connection.trouble())
}

/// Ends a transaction of which nothing is kept.
fn undone(
    connection: &Connection,
    ran: std::thread::Result<Result<usize, StoreError>>,
    trouble: Option<Trouble>,
) -> Ended {
    let is_rolled_back = connection.roll_back();
    match (ran, trouble) {
        (Err(_), _) => Ended::Done(Err(StoreError::Lost)),
        (_, Some(trouble @ (Trouble::Conflict | Trouble::Broken(_)))) => Ended::Again(trouble),
        // It did not care for an error, after which nothing can be committed.
        (Ok(Ok(writes)), Some(Trouble::Refused(error))) if writes > 0 => Ended::Done(Err(error)),
        (Ok(Err(error)), _) => Ended::Done(Err(error)),
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
