//! The thread that carries requests, and the channels through which a JavaScript thread talks to it.
//!
//! Both directions are batched, because a wake-up costs more than the work it announces. Packets of jobs are left where
//! the engine looks before it rests, and wake it only when it does rest. A channel rings once for all completions of a
//! turn of the engine's loop, and not at all while its owner collects.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, mem, thread};

use bytes::Bytes;
use tokio::runtime::{Builder, Handle};
use tokio::task::AbortHandle;

use crate::call::{Arguments, Call, Draft};
use crate::client::Client;
use crate::count;
use crate::failure::NoReply;
use crate::flight::{self, Ended, News, Watcher};
use crate::head;
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
    /// HTTP status; 0 for a failure, and for news.
    pub const STATUS: usize = 1;
    /// Length of its text in UTF-16 code units.
    pub const LENGTH: usize = 2;
    /// Length of its head in bytes. The head follows the numbers, in as many more of them as it takes.
    pub const HEAD: usize = 3;
    /// The number of attempts, and what the bits above it say.
    pub const FLAGS: usize = 4;
    /// How many numbers there are before the head.
    pub const NUMBERS: usize = 5;

    /// Bits of the flags that count attempts.
    pub const ATTEMPTS: i32 = 0xffff;
    /// Flag: another attempt might have ended better.
    pub const IS_RETRYABLE: i32 = 1 << 16;
    /// Flag: this is news of a request that goes on.
    pub const IS_NEWS: i32 = 1 << 17;
    /// Flag: the caller gave the request up.
    pub const IS_ABORTED: i32 = 1 << 18;
}

/// Completions that cross to JavaScript in one piece.
#[derive(Debug, Default)]
pub struct Batch {
    /// For each completion its numbers and its head: see [`layout`].
    pub records: Vec<i32>,
    /// How many completions there are, news included.
    pub count: usize,
    /// How many of them are the end of their request.
    pub ended: usize,
    /// The bodies (or failures, as JSON) one after the other.
    pub text: Text,
}

/// What a collection brings.
#[derive(Debug)]
pub enum Collected {
    /// There is nothing.
    Nothing,
    /// The records need room for so many numbers; nothing was taken.
    NeedsRoom(usize),
    /// Completions.
    Batch(Batch),
}

impl Batch {
    /// Completions in one batch: what one crossing may keep the main thread busy with.
    pub const MAX_COMPLETIONS: usize = 256;
    /// Code units after which a batch takes no more completions. One that is longer has a batch to itself, so that what
    /// V8 takes as a string depends on no other reply.
    const FULL_LENGTH: usize = 1 << 20;

    /// Whether there is room for a completion of `bytes`, which are as many code units at the most.
    fn has_room(&self, bytes: usize) -> bool {
        let is_full = self.count >= Self::MAX_COMPLETIONS || self.text.len() >= Self::FULL_LENGTH;
        self.count == 0 || !is_full && bytes <= Self::FULL_LENGTH
    }

    /// The numbers of each completion, and its head.
    pub fn completions(&self) -> impl Iterator<Item = (&[i32], &[i32])> {
        let mut rest = &self.records[..];
        std::iter::from_fn(move || {
            let (numbers, after) = rest.split_at_checked(layout::NUMBERS)?;
            let (head, after) = after.split_at_checked(head::words(numbers[layout::HEAD]))?;
            rest = after;
            Some((numbers, head))
        })
    }
}

/// One JavaScript thread's access to the engine.
pub struct Lane {
    runtime: Handle,
    inbox: Arc<Inbox>,
}

/// What arrives at the engine.
enum Arrival {
    /// Requests to be made.
    Packet(Packet),
    /// A request to be given up.
    Cancel(u32),
}

/// What the engine has not begun with.
struct Arrivals {
    /// Bounded by the number of requests in flight: each is given up once at the most.
    packets: Mutex<Vec<(Arrival, Arc<Inbox>)>>,
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
    /// Requests that can be given up, by their tickets.
    flights: Mutex<HashMap<u32, AbortHandle>>,
    ring: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    batches: VecDeque<Batch>,
    notice: Notice,
    /// Room for the head of a completion while it is written.
    head: Vec<u8>,
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
        let inbox = Arc::new(Inbox { state: Mutex::default(), flights: Mutex::default(), ring: Box::new(ring) });
        Ok(Self { runtime: runtime()?, inbox })
    }

    /// Sends off the requests of a packet.
    pub fn submit(&self, packet: Packet) {
        self.send(Arrival::Packet(packet));
    }

    /// Gives up a request that was submitted as one that can be: it completes as aborted, unless it has completed.
    pub fn cancel(&self, ticket: u32) {
        self.send(Arrival::Cancel(ticket));
    }

    fn send(&self, arrival: Arrival) {
        lock(&ARRIVALS.packets).push((arrival, Arc::clone(&self.inbox)));
        ARRIVALS.has_packets.store(true, Ordering::SeqCst);
        // Either this sees that the engine rests, or the engine sees the packet before it does.
        if ARRIVALS.is_resting.swap(false, Ordering::SeqCst) {
            count::WAKE_UPS.add_one();
            self.runtime.spawn(async { take_up() });
        }
    }

    /// The next completions, if their records have room in so many numbers. Only after there was nothing does the next
    /// completion ring.
    pub fn collect(&self, room: usize) -> Collected {
        let mut state = lock(&self.inbox.state);
        match state.batches.front() {
            Some(batch) if batch.records.len() > room => return Collected::NeedsRoom(batch.records.len()),
            Some(_) => {}
            None => state.notice = Notice::None,
        }
        state.batches.pop_front().map_or(Collected::Nothing, Collected::Batch)
    }
}

/// Begins with the requests that have arrived; on the engine's thread, where nothing else makes requests begin.
fn take_up() {
    if !ARRIVALS.has_packets.swap(false, Ordering::SeqCst) {
        return;
    }
    let packets = mem::take(&mut *lock(&ARRIVALS.packets));
    for (arrival, inbox) in packets {
        match arrival {
            Arrival::Packet(packet) => packet.into_calls().for_each(|(ticket, call)| begin(&inbox, ticket, call)),
            Arrival::Cancel(ticket) => {
                // Its flight ends later, with what it owes.
                if let Some(flight) = lock(&inbox.flights).remove(&ticket) {
                    flight.abort();
                }
            }
        }
    }
}

fn begin(inbox: &Arc<Inbox>, ticket: u32, call: Call) {
    IN_FLIGHT.set(IN_FLIGHT.get() + 1);
    let is_cancellable = call.manner.is_cancellable;
    let watcher = call.manner.is_watched.then(|| {
        let inbox = Arc::clone(inbox);
        Box::new(move |news: &News<'_>, reply: Option<&_>| inbox.tell(ticket, news, reply)) as Watcher
    });
    let to = Arc::clone(inbox);
    let flight = flight::begin(call, watcher, breathe, move |ended| {
        if is_cancellable {
            lock(&to.flights).remove(&ticket);
        }
        to.complete(ticket, &ended);
        // A connection is free again: what has arrived meanwhile need not wait until the engine would rest.
        take_up();
    });
    if is_cancellable {
        lock(&inbox.flights).insert(ticket, flight);
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
    /// Takes the end of a request.
    fn complete(self: &Arc<Self>, ticket: u32, ended: &Ended) {
        let attempts = i32::try_from(ended.attempts).unwrap_or(layout::ATTEMPTS).min(layout::ATTEMPTS);
        let mut flags = attempts;
        if ended.ending.is_retryable {
            flags |= layout::IS_RETRYABLE;
        }
        match &ended.outcome {
            Ok(reply) => {
                let write = |bytes: &mut Vec<u8>| head::write(bytes, Some(reply), ended);
                self.put(ticket, reply.status, flags, &reply.body, write);
            }
            Err(failure) => {
                if **failure == NoReply::Aborted {
                    flags |= layout::IS_ABORTED;
                }
                // Strings and numbers: there is nothing in it that JSON cannot hold.
                let text = serde_json::to_vec(failure).unwrap_or_default();
                self.put(ticket, 0, flags, &text, |bytes| head::write(bytes, None, ended));
            }
        }
        IN_FLIGHT.set(IN_FLIGHT.get() - 1);
        count::COMPLETIONS.add_one();
    }

    /// Takes news of a request that goes on.
    fn tell(self: &Arc<Self>, ticket: u32, news: &News<'_>, reply: Option<&Reply>) {
        let text = serde_json::to_vec(news).unwrap_or_default();
        let status = reply.map_or(0, |reply| reply.status);
        self.put(ticket, status, layout::IS_NEWS, &text, |bytes| {
            if let Some(reply) = reply {
                head::write_headers(bytes, &reply.headers);
            }
        });
    }

    fn put(self: &Arc<Self>, ticket: u32, status: u16, flags: i32, text: &[u8], write_head: impl FnOnce(&mut Vec<u8>)) {
        let mut state = lock(&self.state);
        if !state.batches.back().is_some_and(|batch| batch.has_room(text.len())) {
            state.batches.push_back(Batch::default());
        }
        let State { batches, head, .. } = &mut *state;
        if let Some(batch) = batches.back_mut() {
            head.clear();
            write_head(head);
            let length = batch.text.push_utf8(text);
            let mut numbers = [0; layout::NUMBERS];
            numbers[layout::TICKET] = to_i32(ticket);
            numbers[layout::STATUS] = i32::from(status);
            numbers[layout::LENGTH] = to_i32(length);
            numbers[layout::HEAD] = to_i32(head.len());
            numbers[layout::FLAGS] = flags;
            batch.records.reserve(layout::NUMBERS + head.len().div_ceil(4));
            batch.records.extend(numbers);
            head::append_words(&mut batch.records, head);
            batch.count += 1;
            if flags & layout::IS_NEWS == 0 {
                batch.ended += 1;
            }
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
    use crate::call::Manner;
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
            request: RequestOptions { timeout: PATIENCE, max_response_bytes: 1 << 20, max_retries: 0 },
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
        submit_as(to, client, ticket, Manner::default());
    }

    fn submit_as(to: &Lane, client: &Arc<Client>, ticket: u32, manner: Manner) {
        let mut packet = Packet::default();
        let arguments = Arguments { path: [Some("maria"), None, None], manner, ..Arguments::default() };
        packet.put(client, find(Resource::Blocklist, "get"), &arguments, ticket).unwrap();
        to.submit(packet);
    }

    /// Ticket, status and text of each completion until there are `count`.
    fn completions(of: &Lane, hears: &Receiver<()>, count: usize) -> Vec<(i32, i32, String)> {
        let mut all = Vec::new();
        while all.len() < count {
            hears.recv_timeout(PATIENCE).unwrap();
            while let Collected::Batch(batch) = of.collect(usize::MAX) {
                let Text::Ascii(text) = &batch.text else { panic!() };
                let mut text = String::from_utf8(text.clone()).unwrap();
                for (numbers, _) in batch.completions() {
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
    fn a_request_that_is_given_up_completes_once_and_closes_its_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = client(&format!("http://{}", listener.local_addr().unwrap()), AgentOptions::default());
        let (lane, hears) = channel_with_faulty_bell(0);
        let manner = Manner { is_cancellable: true, ..Manner::default() };
        submit_as(&lane, &client, 7, manner);
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        lane.cancel(7);
        lane.cancel(7);
        assert_eq!(completions(&lane, &hears, 1), [(7, 0, r#"{"kind":"aborted"}"#.to_owned())]);
        while !matches!(stream.read(&mut [0; 4096]), Ok(0) | Err(_)) {}
        // Before it has begun, and after it has ended.
        submit_as(&lane, &client, 8, manner);
        lane.cancel(8);
        assert_eq!(completions(&lane, &hears, 1)[0].0, 8);
        lane.cancel(8);
        assert!(lock(&lane.inbox.flights).is_empty());
    }

    #[test]
    fn heads_are_read_as_they_were_written_whatever_their_length() {
        let inbox = Arc::new(Inbox { state: Mutex::default(), flights: Mutex::default(), ring: Box::new(|| {}) });
        let heads: [&[u8]; 6] = [b"", b"a", b"ab", b"abc", b"abcd", b"abcde"];
        for (ticket, head) in (0..).zip(heads) {
            inbox.put(ticket, 200, 1, b"{}", |bytes| bytes.extend_from_slice(head));
        }
        let lane = Lane { runtime: runtime().unwrap(), inbox };
        let needed = heads.iter().map(|head| layout::NUMBERS + head.len().div_ceil(4)).sum::<usize>();
        assert!(matches!(lane.collect(needed - 1), Collected::NeedsRoom(room) if room == needed));
        let Collected::Batch(batch) = lane.collect(needed) else { panic!() };
        for ((numbers, words), head) in batch.completions().zip(heads) {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            assert_eq!(&bytes[..usize::try_from(numbers[layout::HEAD]).unwrap()], head);
        }
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
        let inbox = Arc::new(Inbox { state: Mutex::default(), flights: Mutex::default(), ring: Box::new(|| {}) });
        let (short, half, long) = (vec![b' '; 10], vec![b' '; 600 << 10], vec![b' '; 3 << 20]);
        for (ticket, body) in (0..).zip([&short, &half, &half, &short, &long, &short]) {
            inbox.put(ticket, 200, 1, body, |_| {});
        }
        let lengths: Vec<_> = lock(&inbox.state).batches.iter().map(|batch| batch.text.len()).collect();
        assert_eq!(lengths, [10 + (1200 << 10), 10, 3 << 20, 10]);
    }
}
