//! The last hour in numbers: requests, how long they took, how many were under way, how many jobs waited for the store.
//! For people who look; it is kept in memory, in as many slots whatever the load is.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use layer_store::State as StoreState;
use serde::Serialize;
use tokio::sync::watch;

use crate::service::Services;

/// How long a slot is.
pub const SLOT: Duration = Duration::from_secs(10);

/// How many slots are kept: those of an hour.
const SLOTS: usize = 360;

/// How long it is between two looks at what waits for the store.
const LOOK: Duration = Duration::from_millis(250);

/// The upper bound of the first class of durations. Each one after it is longer by [`STEP`].
const FIRST: Duration = Duration::from_micros(50);

/// By how much a class of durations is longer than the one before: a quarter of an octave, so that what is shown is
/// right within a fifth.
const STEP: f64 = 1.189_207_115_002_721;

/// How many classes of durations there are: up to 14 minutes.
const CLASSES: usize = 96;

/// Counts requests in slots of time.
pub struct Charts {
    began: Instant,
    under_way: AtomicU32,
    slots: Mutex<VecDeque<Slot>>,
}

/// What happened in a slot. One is there only if something did.
struct Slot {
    /// Counts slots from the start of the platform.
    number: u64,
    requests: u32,
    client_errors: u32,
    server_errors: u32,
    most_under_way: u32,
    most_waiting_writes: usize,
    most_waiting_reads: usize,
    durations: [u32; CLASSES],
}

/// A slot as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownSlot {
    /// How long ago it began. Unit: seconds.
    pub seconds_ago: u64,
    /// Requests that were answered.
    pub requests: u32,
    /// Those with a status of 400 to 499.
    pub client_errors: u32,
    /// Those with a status from 500 up, and those that got no answer.
    pub server_errors: u32,
    /// Within which time half of them were answered; within a fifth. Unit: milliseconds.
    pub p50_ms: f64,
    /// Within which time 99 of 100 were answered.
    pub p99_ms: f64,
    /// The most requests that were under way at the same time.
    pub most_under_way: u32,
    /// The most writes that waited for the store in one of the looks at it; in memory, with reads among them.
    pub most_waiting_writes: usize,
    /// The most reads that did.
    pub most_waiting_reads: usize,
}

impl Slot {
    fn new(number: u64) -> Self {
        Self {
            number,
            requests: 0,
            client_errors: 0,
            server_errors: 0,
            most_under_way: 0,
            most_waiting_writes: 0,
            most_waiting_reads: 0,
            durations: [0; CLASSES],
        }
    }

    /// The duration below which this share of the requests lies. Unit: milliseconds.
    fn quantile(&self, share: f64) -> f64 {
        let wanted = (f64::from(self.requests) * share).ceil().max(1.0);
        let mut count = 0.0;
        for (class, requests) in self.durations.iter().enumerate() {
            count += f64::from(*requests);
            if count >= wanted {
                return bound(class).as_secs_f64() * 1000.0;
            }
        }
        0.0
    }
}

/// The upper bound of a class of durations.
fn bound(class: usize) -> Duration {
    FIRST.mul_f64(STEP.powi(i32::try_from(class).unwrap_or(i32::MAX)))
}

/// The class of a duration.
fn class_of(duration: Duration) -> usize {
    let steps = (duration.as_secs_f64() / FIRST.as_secs_f64()).log(STEP).ceil();
    // A number below 0 becomes 0, and one that is too large the largest there is.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is meant to saturate")]
    let class = steps as usize;
    class.min(CLASSES - 1)
}

impl Default for Charts {
    fn default() -> Self {
        Self { began: Instant::now(), under_way: AtomicU32::new(0), slots: Mutex::default() }
    }
}

impl Charts {
    /// Locks, also after a panic elsewhere: what is inside is whole at each step.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, at: Instant, note: impl FnOnce(&mut Slot)) {
        let number = at.saturating_duration_since(self.began).as_secs() / SLOT.as_secs();
        let mut slots = self.lock();
        if slots.back().is_none_or(|latest| latest.number < number) {
            if slots.len() == SLOTS {
                slots.pop_front();
            }
            slots.push_back(Slot::new(number));
        }
        // One that waited for the lock may be of the slot before; it counts where there is one.
        if let Some(slot) = slots.back_mut() {
            note(slot);
        }
    }

    fn begin(self: &Arc<Self>) -> UnderWay {
        let among = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        UnderWay { charts: Arc::clone(self), began: Instant::now(), among, status: None }
    }

    /// Notes what waits for the store. Where nothing does, nothing happened.
    fn note(&self, at: Instant, store: &StoreState) {
        if store.waiting_writes + store.waiting_reads > 0 {
            self.count(at, |slot| {
                slot.most_waiting_writes = slot.most_waiting_writes.max(store.waiting_writes);
                slot.most_waiting_reads = slot.most_waiting_reads.max(store.waiting_reads);
            });
        }
    }

    /// The slots of the last hour in which something happened, the oldest first.
    pub fn shown(&self) -> Vec<ShownSlot> {
        let now = self.began.elapsed().as_secs();
        let this = now / SLOT.as_secs();
        let show = |slot: &Slot| ShownSlot {
            seconds_ago: now.saturating_sub(slot.number * SLOT.as_secs()),
            requests: slot.requests,
            client_errors: slot.client_errors,
            server_errors: slot.server_errors,
            p50_ms: slot.quantile(0.5),
            p99_ms: slot.quantile(0.99),
            most_under_way: slot.most_under_way,
            most_waiting_writes: slot.most_waiting_writes,
            most_waiting_reads: slot.most_waiting_reads,
        };
        self.lock().iter().filter(|slot| slot.number + SLOTS as u64 > this).map(show).collect()
    }

    /// How many requests are under way now.
    pub fn under_way(&self) -> u32 {
        self.under_way.load(Ordering::Relaxed)
    }
}

/// Looks at what waits for the store, again and again, until the platform stops.
pub async fn follow_store(charts: Arc<Charts>, services: Arc<Services>, mut is_stopping: watch::Receiver<bool>) {
    let stops = is_stopping.wait_for(|stops| *stops);
    tokio::pin!(stops);
    while tokio::time::timeout(LOOK, &mut stops).await.is_err() {
        charts.note(Instant::now(), &services.core.store_state());
    }
}

/// A request under way. It counts when it ends, also if its client hangs up before.
struct UnderWay {
    charts: Arc<Charts>,
    began: Instant,
    /// How many there were with it.
    among: u32,
    status: Option<u16>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = Instant::now();
        self.charts.under_way.fetch_sub(1, Ordering::Relaxed);
        let class = class_of(now.saturating_duration_since(self.began));
        self.charts.count(now, |slot| {
            slot.requests += 1;
            match self.status {
                Some(400..=499) => slot.client_errors += 1,
                None | Some(500..) => slot.server_errors += 1,
                Some(_) => {}
            }
            slot.most_under_way = slot.most_under_way.max(self.among);
            slot.durations[class] += 1;
        });
    }
}

/// Counts a request, until the head of its answer is there.
pub async fn attend(State(charts): State<Arc<Charts>>, request: Request, next: Next) -> Response {
    let mut under_way = charts.begin();
    let response = next.run(request).await;
    under_way.status = Some(response.status().as_u16());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_class_whose_bound_is_next_above_it() {
        for (micros, class) in [(0, 0), (50, 0), (51, 1), (59, 1), (60, 2), (99, 4), (1_000, 18), (u64::MAX, 95)] {
            assert_eq!(class_of(Duration::from_micros(micros)), class, "{micros} µs");
        }
        for micros in [1, 77, 1234, 98_765, 600_000_000] {
            let duration = Duration::from_micros(micros);
            let bound = bound(class_of(duration));
            assert!(bound >= duration && (micros < 50 || bound < duration.mul_f64(1.2)), "{micros}: {bound:?}");
        }
    }

    #[test]
    fn half_of_the_requests_are_within_the_median_and_nearly_all_within_p99() {
        let mut slot = Slot::new(0);
        for (milliseconds, count) in [(1, 60), (10, 38), (100, 2)] {
            slot.durations[class_of(Duration::from_millis(milliseconds))] += count;
            slot.requests += count;
        }
        let (p50, p99) = (slot.quantile(0.5), slot.quantile(0.99));
        assert!((1.0..1.2).contains(&p50) && (100.0..120.0).contains(&p99), "{p50} {p99}");
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let charts = Charts::default();
        let later = |slots: u32| charts.began + SLOT * slots;
        for slot in 0..2 * u32::try_from(SLOTS).unwrap() {
            charts.count(later(slot), |slot| slot.requests += 1);
        }
        let slots = charts.lock();
        assert_eq!((slots.len(), slots.front().unwrap().number), (SLOTS, SLOTS as u64));
    }

    #[test]
    fn the_most_that_waited_for_the_store_is_kept_and_a_look_at_an_empty_queue_is_nothing() {
        let charts = Charts::default();
        let look = |waiting_writes, waiting_reads| {
            charts.note(charts.began, &StoreState { waiting_writes, waiting_reads, ..StoreState::default() });
            charts.shown().first().map(|slot| (slot.requests, slot.most_waiting_writes, slot.most_waiting_reads))
        };
        assert_eq!([look(0, 0), look(3, 0), look(1, 2)], [None, Some((0, 3, 0)), Some((0, 3, 2))]);
    }

    #[test]
    fn a_request_whose_client_hangs_up_counts_as_one_without_an_answer() {
        let charts = Arc::new(Charts::default());
        let (one, mut other) = (charts.begin(), charts.begin());
        assert_eq!(charts.under_way(), 2);
        other.status = Some(404);
        drop((one, other));
        let shown = charts.shown();
        assert_eq!(shown.len(), 1);
        let counts = (shown[0].requests, shown[0].client_errors, shown[0].server_errors, shown[0].most_under_way);
        assert_eq!((counts, charts.under_way()), ((2, 1, 1, 2), 0));
    }
}
