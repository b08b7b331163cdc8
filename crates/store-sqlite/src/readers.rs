//! The threads that read, each with its connection. They never wait for the writer, nor it for them.

use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use layer_store::{ReadJob, StoreError};
use rusqlite::Connection;

use super::sql::failed;
use super::writer::run_read;

/// How many reads may wait.
const QUEUE_LENGTH: usize = 1024;

/// The pool of readers.
pub struct Readers {
    jobs: Sender<Box<dyn ReadJob>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts one thread per connection. Error: what the system says when it refuses a thread.
    pub fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let (jobs, receiver) = bounded(QUEUE_LENGTH);
        let start = |connection| {
            let receiver: Receiver<Box<dyn ReadJob>> = receiver.clone();
            std::thread::Builder::new().name("layer-reader".into()).spawn(move || run(&connection, &receiver))
        };
        let threads = connections.into_iter().map(start).collect::<Result<_, _>>()?;
        Ok(Self { jobs, threads })
    }

    /// Takes a read. Error: `Busy` when too many wait.
    pub fn enqueue(&self, job: Box<dyn ReadJob>) -> Result<(), StoreError> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }

    /// How many reads wait.
    pub fn waiting(&self) -> usize {
        self.jobs.len()
    }

    /// Finishes the reads that wait and closes the connections.
    pub fn close(self) {
        drop(self.jobs);
        for thread in self.threads {
            // A reader catches the panics of its jobs; there is nothing to hear from it.
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, jobs: &Receiver<Box<dyn ReadJob>>) {
    for job in jobs {
        // One transaction: all statements of a job see the same state.
        if let Err(error) = connection.execute_batch("BEGIN") {
            job.finish(Err(failed(error)));
            continue;
        }
        run_read(connection, job);
        let _ = connection.execute_batch("ROLLBACK");
    }
}
