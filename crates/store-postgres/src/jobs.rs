//! The threads that run jobs, each on its connection. A job runs again when another transaction was in its way, or its
//! connection broke before it committed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crossbeam_channel::Receiver;
use layer_store::{ReadJob, StoreError, WriteJob};

use super::Session;
use super::connect::Server;
use super::feed::Told;
use super::log::Now;
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

/// What came of an attempt.
enum Ended {
    /// The job hears this.
    Done(Result<(), StoreError>),
    /// It is worth another one.
    Again(Trouble),
}

/// Works until the queue is closed and empty.
pub fn run(server: &Server, told: &Told, now: &Now, jobs: &Receiver<Job>) {
    let mut worker = Worker { server, told, now, connection: None };
    for job in jobs {
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
            (Ok(true), None) => match connection.commit() {
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
