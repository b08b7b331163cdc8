//! The thread that carries requests, and the channels through which a JavaScript thread talks to it.
//!
//! Both directions are batched, because a wake-up costs more than the work it announces. Packets of jobs are left where
//! the engine looks before it rests, and wake it only when it does rest. A channel rings once for all completions of a
//! turn of the engine's loop, and not at all while its owner collects.

use crate::count;
use crate::exchange::exchange;
use crate::packet::{Job, Packet};
use crate::text::Text;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, mem, thread};
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

/// Packets that the engine has not begun with.
struct Arrivals {
    /// Bounded by the number of requests in flight.
    packets: Mutex<Vec<(Packet, Arc<Inbox>)>>,
    has_packets: AtomicBool,
    /// Whether the engine's thread waits, or is about to.
    is_resting: AtomicBool,
}

static ARRIVALS: Arrivals = Arrivals {
    packets: Mutex::new(Vec::new()),
    has_packets: AtomicBool::new(false),
    is_resting: AtomicBool::new(false),
};

/// Completions after which a channel rings while the engine goes on; otherwise it rings when the engine rests.
const RING_AFTER: usize = Batch::MAX_COMPLETIONS;

thread_local! {
    /// On the engine's thread: channels to ring before it rests.
    static TO_RING: RefCell<Vec<Arc<Inbox>>> = const { RefCell::new(Vec::new()) };
    /// On the engine's thread: requests that it carries.
    static IN_FLIGHT: Cell<usize> = const { Cell::new(0) };
}

struct Inbox {
    /// Bounded by the number of requests that the owner has submitted and not yet collected.
    state: Mutex<State>,
    ring: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    batches: VecDeque<Batch>,
    bell: Bell,
}

/// Whether the owner of a channel knows that completions wait.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Bell {
    /// It found the inbox empty.
    #[default]
    Silent,
    /// It will be rung; so many completions wait.
    Due(usize),
    /// It was rung, and collects until it finds the inbox empty.
    Rung,
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
        lock(&ARRIVALS.packets).push((packet, Arc::clone(&self.inbox)));
        ARRIVALS.has_packets.store(true, Ordering::SeqCst);
        // Either this sees that the engine rests, or the engine sees the packet before it does.
        if ARRIVALS.is_resting.swap(false, Ordering::SeqCst) {
            count::WAKE_UPS.add_one();
            self.runtime.spawn(async { take_up() });
        }
    }

    /// The next completions, or `None` when there are none. Only after `None` does the next completion ring.
    pub fn collect(&self) -> Option<Batch> {
        let mut state = lock(&self.inbox.state);
        let batch = state.batches.pop_front();
        if batch.is_none() {
            state.bell = Bell::Silent;
        }
        batch
    }
}

/// Begins with the requests that have arrived; on the engine's thread.
fn take_up() {
    if !ARRIVALS.has_packets.swap(false, Ordering::SeqCst) {
        return;
    }
    let packets = mem::take(&mut *lock(&ARRIVALS.packets));
    for (packet, inbox) in packets {
        for job in packet.into_jobs() {
            IN_FLIGHT.set(IN_FLIGHT.get() + 1);
            tokio::spawn(carry(job, Arc::clone(&inbox)));
        }
    }
}

/// Rings the channels for which that is due; on the engine's thread.
fn ring_all() {
    for inbox in TO_RING.take() {
        let state = lock(&inbox.state);
        if let Bell::Due(_) = state.bell {
            inbox.ring(state);
        }
    }
}

/// Before the engine's thread waits; it does not wait when there are packets.
fn rest() {
    ring_all();
    ARRIVALS.is_resting.store(true, Ordering::SeqCst);
    take_up();
}

/// After the engine's thread has waited.
fn rise() {
    ARRIVALS.is_resting.store(false, Ordering::SeqCst);
}

/// For work that can keep the engine's thread from resting for long: does what else is done before a rest.
pub(crate) fn breathe() {
    ring_all();
    take_up();
}

impl Inbox {
    fn put(self: &Arc<Self>, ticket: u32, status: u16, body: &[u8]) {
        let mut state = lock(&self.state);
        if state.batches.back().is_none_or(Batch::is_full) {
            state.batches.push_back(Batch::default());
        }
        if let Some(batch) = state.batches.back_mut() {
            let length = batch.text.push_utf8(body);
            batch.meta.extend([to_i32(ticket), i32::from(status), to_i32(length)]);
        }
        match &mut state.bell {
            // The last request of all: nothing follows that could ring with it.
            Bell::Silent if IN_FLIGHT.get() == 1 => self.ring(state),
            bell @ Bell::Silent => {
                *bell = Bell::Due(1);
                drop(state);
                TO_RING.with_borrow_mut(|inboxes| inboxes.push(Arc::clone(self)));
            }
            Bell::Due(count) if *count < RING_AFTER => *count += 1,
            Bell::Due(_) => self.ring(state),
            Bell::Rung => {}
        }
    }

    fn ring(&self, mut state: MutexGuard<'_, State>) {
        state.bell = Bell::Rung;
        drop(state);
        (self.ring)();
    }
}

/// Locks, also after a panic elsewhere: what is inside is only pushed to and taken from, and so never half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    IN_FLIGHT.set(IN_FLIGHT.get() - 1);
    count::COMPLETIONS.add_one();
    // A connection is free again: what has arrived meanwhile need not wait until the engine would rest.
    take_up();
}

/// The engine's runtime; started by the first channel, shared by all of the process, ended with the process.
///
/// One thread is enough and is faster than a pool: the work per request is a few microseconds of parsing and TLS.
fn runtime() -> io::Result<Handle> {
    static RUNTIME: Mutex<Option<Handle>> = Mutex::new(None);
    let mut slot = lock(&RUNTIME);
    if let Some(handle) = slot.as_ref() {
        return Ok(handle.clone());
    }
    let runtime =
        Builder::new_current_thread().enable_io().enable_time().on_thread_park(rest).on_thread_unpark(rise).build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("layer-client".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    *slot = Some(handle.clone());
    Ok(handle)
}
