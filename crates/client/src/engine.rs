//! The thread that carries requests, and the channels through which a JavaScript thread talks to it.
//!
//! Both directions are batched, because a wake-up costs more than the work it announces: a whole batch of jobs is
//! handed over with one wake-up, and a channel rings once for all completions that its owner has not yet collected.

use crate::exchange::exchange;
use crate::packet::{Job, Packet};
use crate::text::Text;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::runtime::{Builder, Handle};

/// Completions that cross to JavaScript in one piece.
#[derive(Debug, Default)]
pub struct Batch {
    /// Three numbers a completion: ticket, HTTP status (0 for a failure), length of its text in UTF-16 code units.
    pub meta: Vec<i32>,
    /// The bodies (or failures, as JSON) one after the other.
    pub text: Text,
}

impl Batch {
    /// Completions in one batch: what one crossing may keep the main thread busy with.
    pub const MAX_COMPLETIONS: usize = 256;
    /// Code units after which a batch takes no more completions.
    const FULL_LENGTH: usize = 1 << 20;

    fn is_full(&self) -> bool {
        self.meta.len() >= 3 * Self::MAX_COMPLETIONS || self.text.len() >= Self::FULL_LENGTH
    }
}

/// One JavaScript thread's access to the engine.
pub struct Channel {
    runtime: Handle,
    inbox: Arc<Inbox>,
}

struct Inbox {
    /// Bounded by the number of requests that the owner has submitted and not yet collected.
    state: Mutex<State>,
    ring: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    batches: VecDeque<Batch>,
    /// Whether the owner was rung and has not yet found the inbox empty.
    has_rung: bool,
}

impl Channel {
    /// Opens a channel; `ring` is called on the engine's thread when completions wait to be collected.
    ///
    /// Errors: the engine's thread cannot be started.
    pub fn open(ring: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let inbox = Arc::new(Inbox { state: Mutex::default(), ring: Box::new(ring) });
        Ok(Self { runtime: runtime()?, inbox })
    }

    /// Sends off the requests of a packet.
    pub fn submit(&self, packet: Packet) {
        let inbox = Arc::clone(&self.inbox);
        self.runtime.spawn(async move {
            for job in packet.into_jobs() {
                tokio::spawn(carry(job, Arc::clone(&inbox)));
            }
        });
    }

    /// The next completions, or `None` when there are none; a ring follows the next one after that.
    pub fn collect(&self) -> Option<Batch> {
        let mut state = self.inbox.lock();
        let batch = state.batches.pop_front();
        if batch.is_none() {
            state.has_rung = false;
        }
        batch
    }
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state half-written: it is only pushed to and popped from.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, ticket: u32, status: u16, body: &[u8]) {
        let mut state = self.lock();
        if state.batches.back().is_none_or(Batch::is_full) {
            state.batches.push_back(Batch::default());
        }
        if let Some(batch) = state.batches.back_mut() {
            let length = batch.text.push_utf8(body);
            batch.meta.extend([to_i32(ticket), i32::from(status), to_i32(length)]);
        }
        let must_ring = !state.has_rung;
        state.has_rung = true;
        drop(state);
        if must_ring {
            (self.ring)();
        }
    }
}

/// Tickets count requests in flight and lengths are below V8's limit for strings, so both fit; a reply beyond that
/// limit is refused by V8 when it is collected.
fn to_i32(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

async fn carry(job: Job, inbox: Arc<Inbox>) {
    match exchange(&job).await {
        Ok(reply) => inbox.put(job.ticket, reply.status, &reply.body),
        Err(failure) => {
            // Strings and numbers: there is nothing in it that JSON cannot hold.
            let text = serde_json::to_vec(&failure).unwrap_or_default();
            inbox.put(job.ticket, 0, &text);
        }
    }
}

/// The engine's runtime; started by the first channel, shared by all of the process, ended with the process.
///
/// One thread is enough and is faster than a pool: the work per request is a few microseconds of parsing and TLS.
fn runtime() -> io::Result<Handle> {
    static RUNTIME: Mutex<Option<Handle>> = Mutex::new(None);
    let mut slot = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = slot.as_ref() {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("layer-client".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    *slot = Some(handle.clone());
    Ok(handle)
}
