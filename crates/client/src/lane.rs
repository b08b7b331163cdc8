//! The thread that carries requests, and the channels through which a JavaScript thread talks to it.
//!
//! Both directions are batched, because a wake-up costs more than the work it announces. Packets of jobs are left where
//! the engine looks before it rests, and wake it only when it does rest. A channel rings once for all completions of a
//! turn of the engine's loop, and not at all while its owner collects.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, mem, thread};

use bytes::Bytes;
use tokio::runtime::{Builder, Handle};

use crate::call::{Arguments, Call, Draft};
use crate::client::Client;
use crate::count;
use crate::failure::Failure;
use crate::flight;
use crate::methods::Method;
use crate::refusal::Refusal;
use crate::text::Text;
use crate::transport::reply::Reply;

/// Calls that are handed over in one piece.
#[derive(Default)]
pub struct Packet {
    /// For each draft its path and its body.
    texts: Vec<u8>,
    drafts: Vec<Draft>,
}

impl Packet {
    /// Requests after which a packet is worth a wake-up of the engine while JavaScript still makes more.
    const FULL_COUNT: usize = 128;
    /// Bytes after which it is. What one request keeps waiting for its reply, it keeps in memory of all its neighbours.
    const FULL_LENGTH: usize = 1 << 16;

    /// Puts a call in, or says why it sends nothing and leaves the packet as it was.
    pub fn put(
        &mut self,
        client: &Arc<Client>,
        method: &'static Method,
        arguments: &Arguments<'_>,
        ticket: u32,
    ) -> Result<(), Refusal> {
        let draft = Draft::new(client, method, arguments, ticket, &mut self.texts)?;
        self.drafts.push(draft);
        Ok(())
    }

    /// Whether it should be handed over without waiting for more.
    pub fn is_full(&self) -> bool {
        self.drafts.len() >= Self::FULL_COUNT || self.texts.len() >= Self::FULL_LENGTH
    }

    /// Whether there is nothing to hand over.
    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// The calls with their tickets, in the order in which they were put.
    fn into_calls(self) -> impl Iterator<Item = (u32, Call)> {
        let texts = Bytes::from(self.texts);
        let mut start = 0;
        self.drafts.into_iter().map(move |draft| (draft.ticket, draft.into_call(&texts, &mut start)))
    }
}

/// The numbers of a completion, by their places among them. `src/channel.rs` shows them to JavaScript.
pub mod layout {
    /// The ticket of its call.
    pub const TICKET: usize = 0;
    /// HTTP status; 0 for a failure.
    pub const STATUS: usize = 1;
    /// Length of its text in UTF-16 code units.
    pub const LENGTH: usize = 2;
    /// How many there are. What a completion is to carry beside its text gets a place here.
    pub const NUMBERS: usize = 3;
}

/// Completions that cross to JavaScript in one piece.
#[derive(Debug, Default)]
pub struct Batch {
    /// [`layout::NUMBERS`] numbers a completion.
    pub meta: Vec<i32>,
    /// The bodies (or failures, as JSON) one after the other.
    pub text: Text,
}

impl Batch {
    /// Completions in one batch: what one crossing may keep the main thread busy with.
    pub const MAX_COMPLETIONS: usize = 256;
    /// Code units after which a batch takes no more completions. One that is longer has a batch to itself, so that what
    /// V8 takes as a string depends on no other reply.
    const FULL_LENGTH: usize = 1 << 20;

    /// Whether there is room for a completion of `bytes`, which are as many code units at the most.
    fn has_room(&self, bytes: usize) -> bool {
        let is_full =
            self.meta.len() >= layout::NUMBERS * Self::MAX_COMPLETIONS || self.text.len() >= Self::FULL_LENGTH;
        self.meta.is_empty() || !is_full && bytes <= Self::FULL_LENGTH
    }
}

/// One JavaScript thread's access to the engine.
pub struct Lane {
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
    notice: Notice,
}

/// Whether the owner of a channel knows that completions wait.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Notice {
    /// It found the inbox empty.
    #[default]
    None,
    /// It will be rung; so many completions wait.
    Due(usize),
    /// It was rung, and collects until it finds the inbox empty.
    Given,
}

impl Lane {
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
            state.notice = Notice::None;
        }
        batch
    }
}

/// Begins with the requests that have arrived; on the engine's thread, where nothing else makes requests begin.
fn take_up() {
    if !ARRIVALS.has_packets.swap(false, Ordering::SeqCst) {
        return;
    }
    let packets = mem::take(&mut *lock(&ARRIVALS.packets));
    for (packet, inbox) in packets {
        for (ticket, call) in packet.into_calls() {
            IN_FLIGHT.set(IN_FLIGHT.get() + 1);
            let inbox = Arc::clone(&inbox);
            flight::begin(call, breathe, move |outcome| {
                inbox.complete(ticket, outcome);
                // A connection is free again: what has arrived meanwhile need not wait until the engine would rest.
                take_up();
            });
        }
    }
}

/// Rings the channels for which that is due; on the engine's thread.
fn ring_all() {
    for inbox in TO_RING.take() {
        let state = lock(&inbox.state);
        if let Notice::Due(_) = state.notice {
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
fn breathe() {
    ring_all();
    take_up();
}

impl Inbox {
    /// Takes what became of a request.
    fn complete(self: &Arc<Self>, ticket: u32, outcome: Result<Reply, Failure>) {
        match outcome {
            Ok(reply) => self.put(ticket, reply.status, &reply.body),
            Err(failure) => {
                // Strings and numbers: there is nothing in it that JSON cannot hold.
                let text = serde_json::to_vec(&failure).unwrap_or_default();
                self.put(ticket, 0, &text);
            }
        }
        IN_FLIGHT.set(IN_FLIGHT.get() - 1);
        count::COMPLETIONS.add_one();
    }

    fn put(self: &Arc<Self>, ticket: u32, status: u16, body: &[u8]) {
        let mut state = lock(&self.state);
        if !state.batches.back().is_some_and(|batch| batch.has_room(body.len())) {
            state.batches.push_back(Batch::default());
        }
        if let Some(batch) = state.batches.back_mut() {
            let length = batch.text.push_utf8(body);
            let mut numbers = [0; layout::NUMBERS];
            numbers[layout::TICKET] = to_i32(ticket);
            numbers[layout::STATUS] = i32::from(status);
            numbers[layout::LENGTH] = to_i32(length);
            batch.meta.extend(numbers);
        }
        match &mut state.notice {
            // The last request of all: nothing follows that could ring with it.
            Notice::None if IN_FLIGHT.get() == 1 => self.ring(state),
            notice @ Notice::None => {
                *notice = Notice::Due(1);
                drop(state);
                TO_RING.with_borrow_mut(|inboxes| inboxes.push(Arc::clone(self)));
            }
            Notice::Due(count) if *count < RING_AFTER => *count += 1,
            Notice::Due(_) => self.ring(state),
            Notice::Given => {}
        }
    }

    fn ring(&self, mut state: MutexGuard<'_, State>) {
        state.notice = Notice::Given;
        drop(state);
        // It may be called where the runtime itself would end with it. What it panics with is on stderr by then.
        if catch_unwind(AssertUnwindSafe(|| (self.ring)())).is_err() {
            // The next completion tries again.
            lock(&self.state).notice = Notice::None;
        }
    }
}

/// Locks, also after a panic elsewhere: what is inside is only pushed to and taken from, and so never half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tickets count requests in flight, and no reply is longer than `max_response_bytes`, so both fit.
fn to_i32(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
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
        // A request that panics ends alone: tokio catches that. Should anything else do so, the others still go on.
        .spawn(move || while catch_unwind(AssertUnwindSafe(|| runtime.block_on(pending::<()>()))).is_err() {})?;
    *slot = Some(handle.clone());
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;
    use crate::asker::{Asked, Asker, Question, Reply as Answering};
    use crate::base_url::BaseUrl;
    use crate::client::ClientOptions;
    use crate::methods::{Resource, find};
    use crate::options::{AgentOptions, NetworkOptions, RequestOptions};
    use crate::transport::pool::Agent;

    /// More than anything here takes, also on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    struct Panics;

    impl Asker for Panics {
        fn ask(&self, _: Question, _: Answering) {
            panic!("this is part of the test");
        }
    }

    fn client(url: &str, options: AgentOptions) -> Arc<Client> {
        let options = Agent::new(options).unwrap();
        let settings = ClientOptions {
            app_id: "e4fd3974-20fe-11e5-89c5-080725007e28".into(),
            token: "t".into(),
            version: "1.0".into(),
            base_url: BaseUrl::parse(url).unwrap(),
            proxy: None,
            request: RequestOptions { timeout: PATIENCE, max_response_bytes: 1 << 20 },
        };
        Arc::new(Client::new(&options, &settings).unwrap())
    }

    /// A client whose requests panic on the engine's thread.
    fn panicking() -> Arc<Client> {
        let network = NetworkOptions { asks_lookup: true, ..NetworkOptions::default() };
        client(
            "http://layer.test",
            AgentOptions { network, asker: Asked(Some(Arc::new(Panics))), ..Default::default() },
        )
    }

    /// The URL of a server that answers each connection once.
    fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = [0; 4096];
                let _ = stream.read(&mut head);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
            }
        });
        url
    }

    /// A channel, and what hears its bell; the first `faults` times the bell panics.
    fn channel_with_faulty_bell(faults: usize) -> (Lane, Receiver<()>) {
        let (sender, hears) = channel();
        let count = AtomicUsize::new(0);
        let ring = move || {
            assert!(count.fetch_add(1, Ordering::SeqCst) >= faults, "this is part of the test");
            let _ = sender.send(());
        };
        (Lane::open(ring).unwrap(), hears)
    }

    fn submit(to: &Lane, client: &Arc<Client>, ticket: u32) {
        let mut packet = Packet::default();
        let arguments = Arguments { path: [Some("maria"), None, None], text: None };
        packet.put(client, find(Resource::Blocklist, "get"), &arguments, ticket).unwrap();
        to.submit(packet);
    }

    /// Ticket, status and text of each completion until there are `count`.
    fn completions(of: &Lane, hears: &Receiver<()>, count: usize) -> Vec<(i32, i32, String)> {
        let mut all = Vec::new();
        while all.len() < count {
            hears.recv_timeout(PATIENCE).unwrap();
            while let Some(batch) = of.collect() {
                let Text::Ascii(text) = batch.text else { panic!() };
                let mut text = String::from_utf8(text).unwrap();
                for numbers in batch.meta.chunks(layout::NUMBERS) {
                    let rest = text.split_off(usize::try_from(numbers[2]).unwrap());
                    all.push((numbers[0], numbers[1], mem::replace(&mut text, rest)));
                }
            }
        }
        all.sort();
        all
    }

    #[test]
    fn a_request_that_panics_fails_and_the_others_go_on() {
        let (channel, hears) = channel_with_faulty_bell(0);
        let (bad, good) = (panicking(), client(&server(), AgentOptions::default()));
        submit(&channel, &bad, 1);
        submit(&channel, &good, 2);
        submit(&channel, &bad, 3);
        let [one, two, three] = &completions(&channel, &hears, 3)[..] else { panic!() };
        assert_eq!((two.0, two.1, two.2.as_str()), (2, 200, "{}"));
        for (completion, ticket) in [(one, 1), (three, 3)] {
            assert_eq!((completion.0, completion.1), (ticket, 0));
            assert!(completion.2.contains("ERR_INTERNAL"), "{}", completion.2);
        }
        submit(&channel, &good, 4);
        assert_eq!(completions(&channel, &hears, 1)[0].1, 200);
    }

    #[test]
    fn a_bell_that_panics_is_rung_again_and_silences_no_other_channel() {
        let good = client(&server(), AgentOptions::default());
        let (faulty, hears) = channel_with_faulty_bell(1);
        let (other, others) = channel_with_faulty_bell(0);
        submit(&faulty, &good, 1);
        submit(&other, &good, 1);
        assert_eq!(completions(&other, &others, 1)[0].1, 200);
        // Nobody rings for the first one unless another comes.
        while lock(&faulty.inbox.state).batches.is_empty() {
            thread::sleep(Duration::from_millis(1));
        }
        submit(&faulty, &good, 2);
        assert_eq!(completions(&faulty, &hears, 2).iter().map(|one| one.1).collect::<Vec<_>>(), [200, 200]);
    }

    #[test]
    fn long_completions_do_not_share_a_batch() {
        let inbox = Arc::new(Inbox { state: Mutex::default(), ring: Box::new(|| {}) });
        let (short, half, long) = (vec![b' '; 10], vec![b' '; 600 << 10], vec![b' '; 3 << 20]);
        for (ticket, body) in (0..).zip([&short, &half, &half, &short, &long, &short]) {
            inbox.put(ticket, 200, body);
        }
        let lengths: Vec<_> = lock(&inbox.state).batches.iter().map(|batch| batch.text.len()).collect();
        assert_eq!(lengths, [10 + (1200 << 10), 10, 3 << 20, 10]);
    }
}
