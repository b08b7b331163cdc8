//! Counts of what costs time, for tests that hold it to a budget without measuring any.
//!
//! Only with the feature `counting`; without it all of this is nothing.

#[cfg(feature = "counting")]
use std::sync::atomic::{AtomicU64, Ordering};

/// Times that the engine's thread was told of new requests.
pub static WAKE_UPS: Counter = Counter::new();

/// Requests that were completed, whether the caller has collected them or not.
pub static COMPLETIONS: Counter = Counter::new();

/// A number that only grows.
pub struct Counter {
    #[cfg(feature = "counting")]
    number: AtomicU64,
}

impl Counter {
    const fn new() -> Self {
        Self {
            #[cfg(feature = "counting")]
            number: AtomicU64::new(0),
        }
    }

    /// Counts one more.
    #[inline]
    #[cfg_attr(not(feature = "counting"), expect(clippy::unused_self, reason = "there is nothing to count with"))]
    pub(crate) fn add_one(&self) {
        #[cfg(feature = "counting")]
        self.number.fetch_add(1, Ordering::Relaxed);
    }

    /// The number by now.
    #[cfg(feature = "counting")]
    pub fn get(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }
}
