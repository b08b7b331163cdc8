//! Group commit: what came in at this process is written as one transaction, in as many round trips as one write takes.
//!
//! A batch is planned before it locks anything. Then it locks the rows that it changes, each kind in the order of its
//! keys, so that no two batches wait for each other, and looks at what the plans depend on. What cannot be kept as it
//! was planned runs as a job: that is the truth, and this is a way to it that is shorter.

pub mod append;
pub mod receipt;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar};

use layer_store::delivery::{Addressed, NewDelivery, NewEvent};
use layer_store::export::MAX_WAITING_EVENTS;
use layer_store::key::{AppKey, ConversationKey};
use layer_store::log::Entry;
use layer_store::{StoreError, WriteJob};

use super::jobs::{Job, Queue, Worker, finish};
use super::log::NewEntry;
use super::sql::{Query, Trouble};
use super::{Session, delivery, export};

/// The most jobs in one transaction, which bounds how long the first of them waits.
const MAX_BATCH: usize = 256;

/// What their connections begin with. All that their statements look for they look up by keys, so one plan of the
/// server fits them however long a batch is. By itself it would make a new plan for each batch, and read whole tables
/// as long as it takes them for small.
pub const FIRST: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
     SET enable_hashjoin = off; SET enable_mergejoin = off";

/// How often plans are asked for: once with guesses, and as often as their answers lead to new questions.
const ROUNDS: u32 = 3;

/// What becomes of a job in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is done once the batch is committed.
    Kept,
    /// It is to run by itself.
    Alone,
    /// It panicked. Nothing of it is looked at again.
    Lost,
}

/// A job in a batch.
pub struct Slot<J: ?Sized> {
    job: Box<J>,
    fate: Fate,
}

impl<J: ?Sized> Slot<J> {
    /// Asks a job for its plan.
    fn ask<Plan>(&mut self, ask: impl FnOnce(&mut J) -> Option<Plan>) -> Option<Plan> {
        let asked = catch_unwind(AssertUnwindSafe(|| ask(&mut self.job)));
        asked.unwrap_or_else(|_| {
            self.fate = Fate::Lost;
            None
        })
    }
}

/// Writes a batch. Answers with how many of its jobs are kept.
pub type Write<J> = fn(&mut Session<'_>, &mut [Slot<J>]) -> Result<usize, StoreError>;

/// Works until the queue is closed and empty. Jobs that are to run by themselves go to `writes`.
pub fn run<J: WriteJob + ?Sized>(
    mut worker: Worker<'_>,
    jobs: &Queue<Box<J>>,
    writes: &Queue<Job>,
    write: Write<J>,
    as_write: fn(Box<J>) -> Box<dyn WriteJob>,
) {
    let bell = Arc::<Condvar>::default();
    loop {
        let mut slots: Vec<_> =
            jobs.next(&bell, MAX_BATCH).into_iter().map(|job| Slot { job, fate: Fate::Alone }).collect();
        if slots.is_empty() {
            return;
        }
        let outcome = worker.attempts(|worker, connection| {
            slots.iter_mut().filter(|slot| slot.fate == Fate::Kept).for_each(|slot| slot.fate = Fate::Alone);
            worker.transact(connection, |session| write(session, &mut slots))
        });
        for Slot { job, fate } in slots {
            match (&outcome, fate) {
                (_, Fate::Lost) => finish(|| job.finish(Err(StoreError::Lost))),
                (Ok(Ok(())), Fate::Kept) => finish(|| job.finish(Ok(()))),
                (Ok(Err(StoreError::Uncertain)), Fate::Kept) => finish(|| job.finish(Err(StoreError::Uncertain))),
                // By itself it would not find the server either.
                (Err(trouble @ Trouble::Broken(_)), _) => finish(|| job.finish(Err(trouble.clone().into_error()))),
                // One of them may be what spoilt it for the others.
                _ => writes.push_taken(Job::Write(as_write(job))),
            }
        }
    }
}

/// What is noted about what a batch does: entries of the log, and events for those who listen.
#[derive(Default)]
struct Notes {
    entries: Vec<NewEntry>,
    deliveries: Vec<NewDelivery>,
    exported: Vec<(AppKey, Vec<u8>)>,
}

impl Notes {
    /// Notes what members of a conversation have to hear, where a log is kept.
    fn log(
        &mut self,
        session: &mut Session<'_>,
        app: AppKey,
        conversation: ConversationKey,
        entry: impl FnOnce() -> Entry,
    ) -> Result<(), StoreError> {
        if session.is_logged(app)? {
            self.entries.push(NewEntry::in_conversation(conversation, &entry())?);
            session.tell_log();
        }
        Ok(())
    }

    /// Notes events about what is in this position.
    fn add_events(&mut self, session: &mut Session<'_>, app: AppKey, events: Vec<NewEvent>, position: u32) {
        for event in events {
            match event.addressed(position) {
                Addressed::Export(body) => self.exported.push((app, body)),
                Addressed::Webhook(delivery) => {
                    self.deliveries.push(delivery);
                    session.tell_deliveries();
                }
            }
        }
    }

    /// What writes them. The log comes last: who writes to it holds up the others until the commit.
    fn queries<'v>(&'v self, session: &Session<'_>) -> Vec<Query<'v>> {
        let exported = self.exported.iter().map(|(app, body)| export::insert_event(*app, body, MAX_WAITING_EVENTS));
        let mut queries: Vec<_> = exported.collect();
        if !self.deliveries.is_empty() {
            queries.push(delivery::insert(&self.deliveries.iter().collect::<Vec<_>>()));
        }
        if !self.entries.is_empty() {
            queries.push(session.insert_entries(&self.entries));
        }
        queries
    }
}
