//! The way to the engine and back, one for each JavaScript thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use layer_client::Text;
use layer_client::lane::{Batch, Lane, Packet, layout};
use napi::bindgen_prelude::{Function, Int32Array, Unknown};
use napi::{Env, JsString};
use napi_derive::napi;

use crate::bell::Bell;
use crate::js_text::JsText;

/// Numbers that `Channel.collect` writes at the most: their count, then those of each completion.
#[napi]
#[expect(clippy::cast_possible_truncation, reason = "769")]
pub const META_LENGTH: u32 = (1 + layout::NUMBERS * Batch::MAX_COMPLETIONS) as u32;

/// Numbers of each completion; the following say where among them each stands.
#[napi]
#[expect(clippy::cast_possible_truncation, reason = "3")]
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

    /// Collects completions: how many there are goes to `meta[0]`, then `COMPLETION_NUMBERS` numbers each, and their
    /// texts are returned as one string, one after the other. `null` when there are none.
    ///
    /// Throws where V8 cannot make that string; the numbers are there, and the completions count as collected.
    #[napi]
    pub fn collect<'env>(&self, env: &'env Env, mut meta: Int32Array) -> napi::Result<Option<JsString<'env>>> {
        // SAFETY: this is the thread that owns the array, and JavaScript does not run while we are in here.
        let numbers = unsafe { meta.as_mut() };
        // Before anything is taken out: it would be lost.
        if numbers.len() < META_LENGTH as usize {
            return Err(napi::Error::from_reason("there is no room for the numbers of completions"));
        }
        let Some(batch) = self.0.lane.collect() else { return Ok(None) };
        let count = batch.meta.len() / layout::NUMBERS;
        let room = &mut numbers[..=batch.meta.len()];
        room[0] = i32::try_from(count).unwrap_or_default();
        room[1..].copy_from_slice(&batch.meta);
        self.0.release(*env, count);
        match &batch.text {
            Text::Ascii(bytes) => env.create_string_latin1(bytes),
            Text::Wide(units) => env.create_string_utf16(units),
        }
        .map(Some)
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
