//! What is remembered of the store until a change is told that may concern it.

use std::sync::{PoisonError, RwLock};

use layer_store::Store;
use layer_store::changes::{Changes, Kinds};

/// Something that was read of the store. It is forgotten as a whole as soon as a change of its kinds is committed, so
/// that what was acknowledged is never contradicted by it.
pub struct Cached<T> {
    changes: Changes,
    state: RwLock<State<T>>,
}

#[derive(Default)]
struct State<T> {
    known: T,
    /// How often it was forgotten.
    since: Since,
}

/// When something was looked up: what was forgotten since must not be remembered any more.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Since(u64);

impl<T: Default> Cached<T> {
    /// Knows nothing yet. Changes of these kinds make it forget.
    pub fn new(store: &dyn Store, kinds: Kinds) -> Self {
        Self { changes: store.changes(kinds), state: RwLock::default() }
    }

    /// Looks at what is known. The second value is for [`Self::update`].
    pub fn read<Found>(&self, look: impl FnOnce(&T) -> Found) -> (Found, Since) {
        self.forget_if_changed();
        // Poisoning is harmless: each entry is written in one step.
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (look(&state.known), state.since)
    }

    /// Remembers what was read of the store, unless a change came in since `since`: it may have been read before that.
    pub fn update(&self, since: Since, remember: impl FnOnce(&mut T)) {
        self.forget_if_changed();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.since == since {
            remember(&mut state.known);
        }
    }

    fn forget_if_changed(&self) {
        if !self.changes.has_news() {
            return;
        }
        // A reader that finds no news from now on waits for this lock, and then finds nothing known.
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        while self.changes.try_next().is_some() {}
        state.known = T::default();
        state.since.0 += 1;
    }
}
