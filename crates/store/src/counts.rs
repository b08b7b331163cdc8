//! What the writers of an engine have done.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{BATCH_CLASSES, State};

/// For engines: commits, and the writes in them.
#[derive(Default)]
pub struct Counts {
    batches: [AtomicU64; BATCH_CLASSES],
    writes: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// Counts a commit of so many writes, or one that failed.
    pub fn count(&self, writes: usize, is_committed: bool) {
        if !is_committed {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let class = writes.next_power_of_two().trailing_zeros() as usize;
        self.batches[class.min(BATCH_CLASSES - 1)].fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes as u64, Ordering::Relaxed);
    }

    /// The same, to be looked at.
    pub fn shown(&self) -> State {
        State {
            batches: std::array::from_fn(|class| self.batches[class].load(Ordering::Relaxed)),
            committed_writes: self.writes.load(Ordering::Relaxed),
            failed_commits: self.failed.load(Ordering::Relaxed),
            ..State::default()
        }
    }
}
