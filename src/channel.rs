//! The way to the engine and back, one for each JavaScript thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use layer_client::Text;
use layer_client::lane::{Batch, Collected, Lane, Packet, layout};
use napi::bindgen_prelude::{Function, Int32Array, Unknown};
use napi::{Env, JsString};
use napi_derive::napi;

use crate::bell::Bell;
use crate::js_text::JsText;

/// Numbers that `Channel.collect` needs room for at the least: those of as many completions as it brings at the most,
/// without their heads.
#[napi]
#[expect(clippy::cast_possible_truncation, reason = "1280")]
pub const META_LENGTH: u32 = (layout::NUMBERS * Batch::MAX_COMPLETIONS) as u32;

/// Numbers of each completion before its head; the following say where among them each stands.
#[napi]
#[expect(clippy::cast_possible_truncation, reason = "5")]
pub const COMPLETION_NUMBERS: u32 = layout::NUMBERS as u32;
/// The ticket of the call.
#[napi]
#[expect(clippy::cast_possible_truncation, reason = "below COMPLETION_NUMBERS")]
pub const COMPLETION_TICKET: u32 = layout::TICKET as u32;
/// HTTP status; 0 for a failure, whose text is JSON.
#[napi]
#[expect(clippy::cast_possible_truncation, reason = "below COMPLETION_NUMBERS")]
pub const COMPLETION_STATUS: u32 = layout::STATUS as u32;
/// Length of the text, in UTF-16 code units.
#[napi]
#[expect(clippy::cast_possible_truncation, reason = "below COMPLETION_NUMBERS")]
pub const COMPLETION_LENGTH: u32 = layout::LENGTH as u32;
/// Length of the head in bytes; it follows the numbers, in as many more of them as it takes.
#[napi]
#[expect(clippy::cast_possible_truncation, reason = "below COMPLETION_NUMBERS")]
pub const COMPLETION_HEAD: u32 = layout::HEAD as u32;
/// How many attempts there were, and what the following bits say.
#[napi]
#[expect(clippy::cast_possible_truncation, reason = "below COMPLETION_NUMBERS")]
pub const COMPLETION_FLAGS: u32 = layout::FLAGS as u32;
/// Bits of the flags that count attempts.
#[napi]
pub const FLAG_ATTEMPTS: i32 = layout::ATTEMPTS;
/// Flag: another attempt might have ended better.
#[napi]
pub const FLAG_RETRYABLE: i32 = layout::IS_RETRYABLE;
/// Flag: this is news of a request that goes on.
#[napi]
pub const FLAG_NEWS: i32 = layout::IS_NEWS;
/// Flag: the caller gave the request up.
#[napi]
pub const FLAG_ABORTED: i32 = layout::IS_ABORTED;

/// Requests on their way out and completions on their way in.
#[napi]
pub struct Channel(Rc<Outbox>);

/// The part of a channel that clients write to.
pub struct Outbox {
    lane: Lane,
    bell: Bell,
    packet: RefCell<Packet>,
    /// Room for arguments while they are checked.
    scratch: RefCell<Vec<u8>>,
    /// Requests that were put and whose completions were not yet collected, and calls that `ring` asked for.
    in_flight: Cell<usize>,
    /// Requests that were recalled from JavaScript, which carried them: they are to be in `in_flight` again.
    returned: Arc<AtomicUsize>,
    ring: Box<dyn Fn()>,
}

#[napi]
impl Channel {
    /// `ring` is called when completions wait to be collected.
    #[napi(constructor)]
    pub fn new(env: Env, ring: Function<'_, (), Unknown<'static>>) -> napi::Result<Self> {
        let bell = Bell::new(env, &ring)?;
        let ring = Box::new(bell.rope());
        let lane = Lane::open(bell.rope())
            .map_err(|error| napi::Error::from_reason(format!("The network thread cannot be started: {error}")))?;
        Ok(Self(Rc::new(Outbox {
            lane,
            bell,
            packet: RefCell::default(),
            scratch: RefCell::default(),
            in_flight: Cell::new(0),
            returned: Arc::default(),
            ring,
        })))
    }

    /// Hands over everything that was put since the last time.
    #[napi]
    pub fn flush(&self) {
        let packet = self.0.packet.take();
        if !packet.is_empty() {
            self.0.lane.submit(packet);
        }
    }

    /// Collects completions. `meta[1]` says where in `meta` there is room; then `meta[0]` is how many completions there
    /// are, and the room is filled with `COMPLETION_NUMBERS` numbers for each, and its head. Their texts are returned
    /// as one string, one after the other. `null` when there are none, or no room: `meta[0]` is then how many numbers
    /// are needed, as a negative number, and the completions are still to be collected.
    ///
    /// Throws where V8 cannot make that string; the numbers are there, and the completions count as collected.
    #[napi]
    pub fn collect<'env>(&self, env: &'env Env, mut meta: Int32Array) -> napi::Result<Option<JsString<'env>>> {
        // SAFETY: this is the thread that owns the array, and JavaScript does not run while we are in here.
        let numbers = unsafe { meta.as_mut() };
        let Some(&start) = numbers.get(1) else {
            // Before anything is taken out: it would be lost.
            return Err(napi::Error::from_reason("there is no room for the numbers of completions"));
        };
        let start = usize::try_from(start).unwrap_or_default();
        let room = numbers.len().saturating_sub(start);
        let batch = match self.0.lane.collect(room) {
            Collected::Batch(batch) => batch,
            Collected::NeedsRoom(needed) => {
                numbers[0] = i32::try_from(needed).map_or(i32::MIN, |needed| -needed);
                return Ok(None);
            }
            Collected::Nothing => {
                numbers[0] = 0;
                return Ok(None);
            }
        };
        numbers[start..start + batch.records.len()].copy_from_slice(&batch.records);
        numbers[0] = i32::try_from(batch.count).unwrap_or_default();
        self.0.take_returned(*env);
        if batch.ended > 0 {
            self.0.release(*env, batch.ended);
        }
        match &batch.text {
            Text::Ascii(bytes) => env.create_string_latin1(bytes),
            Text::Wide(units) => env.create_string_utf16(units),
        }
        .map(Some)
    }

    /// Gives up a request that can be given up, if it has not completed; it completes soon then.
    #[napi]
    pub fn cancel(&self, ticket: u32) {
        // It may be among those that were not handed over.
        self.flush();
        self.0.lane.cancel(ticket);
    }
}

#[napi]
impl Channel {
    /// Has `ring` called although there is nothing to collect: JavaScript needs a turn. The process stays alive until
    /// `rang`.
    #[napi]
    pub fn ring(&self, env: Env) {
        self.0.retain(env);
        (self.0.ring)();
    }

    /// Says that the call that `ring` asked for has come.
    #[napi]
    pub fn rang(&self, env: Env) {
        self.0.release(env, 1);
    }
}

impl Channel {
    /// The part that clients write to.
    pub fn outbox(&self) -> Rc<Outbox> {
        Rc::clone(&self.0)
    }
}

impl Outbox {
    /// Gives `work` the arguments that go into path and headers.
    pub fn with_path<T>(&self, texts: [JsText; 3], work: impl FnOnce([Option<&str>; 3]) -> T) -> T {
        let mut bytes = self.scratch.borrow_mut();
        bytes.clear();
        let ranges = texts.map(|text| {
            let start = bytes.len();
            text.source().map(|source| {
                source.append_to(&mut bytes);
                start..bytes.len()
            })
        });
        // N-API writes UTF-8, with U+FFFD for halves of surrogate pairs, so this replaces nothing and copies nothing.
        let text = String::from_utf8_lossy(&bytes);
        work(ranges.map(|range| range.and_then(|range| text.get(range))))
    }

    /// Lets `prepare` put a request into the next packet; keeps the process and the module alive until it is completed.
    pub fn put<E>(&self, env: Env, prepare: impl FnOnce(&mut Packet) -> Result<(), E>) -> Result<(), E> {
        let mut packet = self.packet.borrow_mut();
        prepare(&mut packet)?;
        if packet.is_full() {
            self.lane.submit(std::mem::take(&mut packet));
        }
        self.retain(env);
        Ok(())
    }

    /// A request keeps the process alive no more, because JavaScript carries it; until `take_back`.
    pub fn let_go(&self, env: Env) {
        self.release(env, 1);
    }

    /// Ends `let_go`.
    pub fn take_back(&self, env: Env) {
        self.retain(env);
    }

    /// Where other threads count requests that end `let_go`.
    pub fn returned(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.returned)
    }

    /// Ends `let_go` for those that other threads have counted.
    pub fn take_returned(&self, env: Env) {
        if self.returned.load(Ordering::Relaxed) == 0 {
            return;
        }
        for _ in 0..self.returned.swap(0, Ordering::SeqCst) {
            self.retain(env);
        }
    }

    fn retain(&self, env: Env) {
        if self.in_flight.replace(self.in_flight.get() + 1) == 0 {
            self.bell.hold(env);
        }
    }

    fn release(&self, env: Env, count: usize) {
        let left = self.in_flight.get() - count;
        self.in_flight.set(left);
        if left == 0 {
            self.bell.rest(env);
        }
    }
}
