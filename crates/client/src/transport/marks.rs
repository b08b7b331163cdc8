//! When the steps of an attempt were done, for those who watch requests.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;

/// The steps of an attempt, in their order. One that was not taken has no mark.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// It is its turn.
    Turn,
    /// The name was looked up.
    LookedUp,
    /// The TCP connection is open.
    Connected,
    /// The TLS handshake is done.
    Secured,
    /// The connection is there, opened or reused, and the request goes out.
    Sent,
    /// The head of the reply is there.
    Replied,
}

const STEPS: usize = 6;

/// Marks of one attempt.
#[derive(Debug)]
pub struct Marks {
    start: Instant,
    /// Microseconds since the start, plus one; 0 for what has not happened.
    at: [AtomicU64; STEPS],
    /// Whether the connection was opened for this attempt although no step of that was seen.
    is_new: AtomicBool,
}

/// What an attempt took, in milliseconds; what it had no need for is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timings {
    /// Until its turn, where the agent limits connections.
    queued: f64,
    /// Looking up the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<f64>,
    /// Connecting.
    #[serde(skip_serializing_if = "Option::is_none")]
    connect: Option<f64>,
    /// The TLS handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<f64>,
    /// From sending to the head of the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte: Option<f64>,
    /// From the beginning of the attempt to its end.
    total: f64,
    /// Whether the connection had carried a request before.
    reused: bool,
}

impl Marks {
    /// Marks of an attempt that begins now.
    pub fn begin() -> Self {
        Self { start: Instant::now(), at: Default::default(), is_new: AtomicBool::new(false) }
    }

    /// Marks a step as done now.
    pub fn set(&self, step: Step) {
        self.at[step as usize].store(self.elapsed() + 1, Ordering::Relaxed);
    }

    /// The connection was opened for this attempt, by somebody who does not say how.
    pub fn set_new(&self) {
        self.is_new.store(true, Ordering::Relaxed);
    }

    /// What the attempt took until now.
    pub fn timings(&self) -> Timings {
        let between = |from: Option<u64>, to: Option<u64>| Some(milliseconds(to?.saturating_sub(from?)));
        let turn = self.get(Step::Turn).or(Some(0));
        let looked_up = self.get(Step::LookedUp);
        let connected = self.get(Step::Connected);
        let sent = self.get(Step::Sent);
        Timings {
            queued: milliseconds(turn.unwrap_or_default()),
            dns: between(turn, looked_up),
            connect: between(looked_up.or(turn), connected),
            tls: between(connected, self.get(Step::Secured)),
            first_byte: between(sent, self.get(Step::Replied)),
            total: milliseconds(self.elapsed()),
            reused: sent.is_some() && connected.is_none() && !self.is_new.load(Ordering::Relaxed),
        }
    }

    fn get(&self, step: Step) -> Option<u64> {
        self.at[step as usize].load(Ordering::Relaxed).checked_sub(1)
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX - 1)
    }
}

#[expect(clippy::cast_precision_loss, reason = "no attempt takes 2^53 microseconds")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

/// Marks a step where somebody watches.
pub(crate) fn mark(marks: Option<&Marks>, step: Step) {
    if let Some(marks) = marks {
        marks.set(step);
    }
}
