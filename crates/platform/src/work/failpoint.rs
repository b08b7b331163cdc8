//! Places where a test can make a worker panic.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The workers that are to panic at the beginning of their next round, each with the URL of its platform.
static ARMED: Mutex<Option<HashSet<(String, &'static str)>>> = Mutex::new(None);

fn with_armed<T>(work: impl FnOnce(&mut HashSet<(String, &'static str)>) -> T) -> T {
    work(ARMED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// Has a worker of a platform panic at the beginning of its next round.
pub fn arm(url: &str, worker: &'static str) {
    with_armed(|armed| armed.insert((url.to_owned(), worker)));
}

/// Whether a worker has yet to panic.
pub fn is_armed(url: &str, worker: &'static str) -> bool {
    with_armed(|armed| armed.contains(&(url.to_owned(), worker)))
}

/// Panics if this worker is to.
pub fn pass(url: &str, worker: &'static str) {
    let is_struck = with_armed(|armed| armed.remove(&(url.to_owned(), worker)));
    assert!(!is_struck, "a failpoint in the worker for {worker}");
}
