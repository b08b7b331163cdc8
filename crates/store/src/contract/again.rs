//! A store that runs every job twice, as an engine does after a conflict or a broken connection.

use std::sync::Arc;

use crate::changes::{Changes, Kinds};
use crate::{Images, ReadJob, Reads, Store, StoreError, WriteJob, Writes};

/// A store that undoes the first run of every write, and does it again on a transaction of its own; a read it runs
/// twice in one. What a job leaves behind outside the transaction shows as a wrong result.
pub struct Again(Arc<dyn Store>);

impl Again {
    /// Puts it in front of a store.
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self(store))
    }
}

impl Store for Again {
    fn enqueue_read(&self, job: Box<dyn ReadJob>) -> Result<(), StoreError> {
        self.0.enqueue_read(Box::new(ReadTwice(job)))
    }

    fn enqueue_write(&self, job: Box<dyn WriteJob>) -> Result<(), StoreError> {
        self.0.enqueue_write(Box::new(Undone { job, store: Arc::clone(&self.0) }))
    }

    fn changes(&self, kinds: Kinds) -> Changes {
        self.0.changes(kinds)
    }

    fn reset(&self) -> Result<(), StoreError> {
        self.0.reset()
    }

    fn images(&self) -> Option<&dyn Images> {
        self.0.images()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.0.close()
    }
}

struct ReadTwice(Box<dyn ReadJob>);

impl ReadJob for ReadTwice {
    fn run(&mut self, reads: &dyn Reads) {
        self.0.run(reads);
        self.0.run(reads);
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        self.0.finish(outcome);
    }
}

/// The first run of a write.
struct Undone {
    job: Box<dyn WriteJob>,
    store: Arc<dyn Store>,
}

impl WriteJob for Undone {
    fn run(&mut self, writes: &mut dyn Writes) -> bool {
        self.job.run(writes);
        false
    }

    fn finish(self: Box<Self>, undone: Result<(), StoreError>) {
        let Self { job, store } = *self;
        match undone {
            // A store that takes no more work drops the job, and who waits for it hears that it is lost.
            Ok(()) => drop(store.enqueue_write(job)),
            Err(error) => job.finish(Err(error)),
        }
    }
}
