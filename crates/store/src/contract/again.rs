//! A store that runs every job twice, as an engine does after a conflict or a broken connection.

use std::sync::Arc;

use crate::append::AppendJob;
use crate::changes::{Changes, Kinds};
use crate::receipt::ReceiptJob;
use crate::{Images, ReadJob, Reads, State, Store, StoreError, WriteJob, Writes};

/// A store that undoes the first run of every write, and does it again on a transaction of its own; a read it runs
/// twice in one. What a job leaves behind outside the transaction shows as a wrong result.
pub struct Again(Arc<dyn Store>);

impl Again {
    /// Puts it in front of a store.
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self(store))
    }

    fn undo<Job: WriteJob + ?Sized + 'static>(&self, job: Box<Job>, again: Enqueue<Job>) -> Result<(), StoreError> {
        self.0.enqueue_write(Box::new(Undone { job, again, store: Arc::clone(&self.0) }))
    }
}

/// How a store takes a job of some kind.
type Enqueue<Job> = fn(&dyn Store, Box<Job>) -> Result<(), StoreError>;

impl Store for Again {
    fn enqueue_read(&self, job: Box<dyn ReadJob>) -> Result<(), StoreError> {
        self.0.enqueue_read(Box::new(ReadTwice(job)))
    }

    fn enqueue_write(&self, job: Box<dyn WriteJob>) -> Result<(), StoreError> {
        self.undo(job, |store, job| store.enqueue_write(job))
    }

    fn enqueue_append(&self, job: Box<dyn AppendJob>) -> Result<(), StoreError> {
        self.undo(job, |store, job| store.enqueue_append(job))
    }

    fn enqueue_receipt(&self, job: Box<dyn ReceiptJob>) -> Result<(), StoreError> {
        self.undo(job, |store, job| store.enqueue_receipt(job))
    }

    fn changes(&self, kinds: Kinds) -> Changes {
        self.0.changes(kinds)
    }

    fn reset(&self) -> Result<(), StoreError> {
        self.0.reset()
    }

    fn check_alone(&self) -> Result<(), StoreError> {
        self.0.check_alone()
    }

    fn images(&self) -> Option<&dyn Images> {
        self.0.images()
    }

    fn state(&self) -> State {
        self.0.state()
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
struct Undone<Job: ?Sized> {
    job: Box<Job>,
    again: Enqueue<Job>,
    store: Arc<dyn Store>,
}

impl<Job: WriteJob + ?Sized> WriteJob for Undone<Job> {
    fn run(&mut self, writes: &mut dyn Writes) -> bool {
        self.job.run(writes);
        false
    }

    fn finish(self: Box<Self>, undone: Result<(), StoreError>) {
        let Self { job, again, store } = *self;
        match undone {
            // A store that takes no more work drops the job, and who waits for it hears that it is lost.
            Ok(()) => drop(again(&*store, job)),
            Err(error) => job.finish(Err(error)),
        }
    }
}
