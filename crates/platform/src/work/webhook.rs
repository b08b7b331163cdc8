//! Challenges webhooks and delivers events to them. Contract 6.2 and 6.3.
//!
//! A delivery is in the outbox until its receiver has it, so a killed platform delivers it again: at least once, with the same ids.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use layer_store::StoreError;
use layer_store::webhook::{DeliveryKey, WebhookKey, WebhookRecord};
use layer_wire::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::ground::report::report;
use crate::ground::task;
use crate::outbound::{Outbound, Payload};
use crate::service::Services;
use crate::service::delivery::{FailedAttempt, InFlight, Started};

/// How long deliveries under way may take to finish once the platform stops: their own deadline, and a little for the store.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait before asking the store again when it takes no work.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How often a delivery's outcome is offered to a store that takes no work.
const STORE_ATTEMPTS: u32 = 5;

/// Works until `stop` says so, then lets deliveries under way finish.
pub async fn run(services: Arc<Services>, outbound: Outbound, stop: watch::Receiver<bool>) {
    let (clock, wake) = (services.clock().clone(), Arc::clone(services.events().recorded()));
    let worker = Arc::new(Worker { services, outbound, in_flight: Mutex::default(), tasks: Mutex::default() });
    let round = {
        let worker = Arc::clone(&worker);
        move || {
            let worker = Arc::clone(&worker);
            async move { worker.round().await }
        }
    };
    super::run(clock, wake, stop, round).await;
    let mut tasks = std::mem::take(&mut *lock(&worker.tasks));
    let all_done = async { while tasks.join_next().await.is_some() {} };
    // Challenges take longer than this; they begin anew with the next start.
    let _ = tokio::time::timeout(GRACE, all_done).await;
}

struct Worker {
    services: Arc<Services>,
    outbound: Outbound,
    in_flight: Mutex<InFlight>,
    tasks: Mutex<JoinSet<()>>,
}

/// Locks, also after a panic elsewhere: what is inside is whole at each step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Worker {
    /// Starts all that is due and may start now; answers when something else will be due.
    async fn round(self: &Arc<Self>) -> Option<Timestamp> {
        let generation = self.services.generation().load(Ordering::SeqCst);
        let in_flight = self.in_flight_of(generation).clone();
        let due = match self.services.due_for_webhooks(in_flight).await {
            Ok(due) => due,
            Err(StoreError::Closed) => return None,
            Err(error) => {
                if error != StoreError::Busy {
                    report(format_args!("webhooks: {error}"));
                }
                tokio::time::sleep(STORE_PAUSE).await;
                return Some(self.services.clock().now());
            }
        };
        // Nothing is awaited from here on, so that nothing counts as under way that is not.
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        let generation = due.generation;
        let mut in_flight = self.in_flight_of(generation);
        for webhook in due.challenges {
            in_flight.challenges.insert(webhook.key);
            tasks.spawn(task::boxed(Arc::clone(self).challenge(webhook, generation)));
        }
        let at = self.services.clock().now();
        for (webhook, delivery) in due.deliveries {
            in_flight.bytes += delivery.body.len();
            in_flight.deliveries.entry(webhook.key).or_default().insert(delivery.key);
            tasks.spawn(task::boxed(Arc::clone(self).deliver(Started { webhook, delivery, at, generation })));
        }
        due.next
    }

    /// What is under way in the store at hand. What was under way in one that is gone is forgotten.
    fn in_flight_of(&self, generation: u64) -> MutexGuard<'_, InFlight> {
        let mut in_flight = lock(&self.in_flight);
        if in_flight.generation != generation {
            *in_flight = InFlight { generation, ..InFlight::default() };
        }
        in_flight
    }

    async fn challenge(self: Arc<Self>, webhook: WebhookRecord, generation: u64) {
        let key = webhook.key;
        let _done = OnDrop(|| {
            self.finish(generation, |in_flight| {
                in_flight.challenges.remove(&key);
            });
        });
        let challenge = self.services.webhook_challenge();
        let outcome = self.outbound.challenge(&webhook.registered.target_url, &challenge).await;
        let finish = || self.services.finish_challenge(&webhook, generation, outcome.as_ref().copied());
        keep("the outcome of a challenge", finish).await;
    }

    async fn deliver(self: Arc<Self>, started: Started) {
        let Started { webhook, delivery, generation, .. } = &started;
        let _done = OnDrop(|| {
            self.finish(*generation, |in_flight| {
                in_flight.bytes -= delivery.body.len();
                forget(in_flight, webhook.key, delivery.key);
            });
        });
        let payload = Payload { request: delivery.request, event_type: &delivery.event_type, body: &delivery.body };
        match self.outbound.deliver(webhook.app, webhook.id, &webhook.registered, payload).await {
            Ok(status) => keep("a delivery", || self.services.finish_delivery(&started, status.as_u16())).await,
            Err(refusal) => {
                let fail = || {
                    let failed = FailedAttempt { status: refusal.status(), reason: refusal.to_string() };
                    self.services.fail_delivery(&started, failed)
                };
                keep("a failed delivery", fail).await;
            }
        }
    }

    /// Notes that something is no longer under way, if it is of the store at hand, and has the next thing begin.
    fn finish(&self, generation: u64, note: impl FnOnce(&mut InFlight)) {
        let mut in_flight = lock(&self.in_flight);
        if in_flight.generation == generation {
            note(&mut in_flight);
        }
        drop(in_flight);
        self.services.events().recorded().notify_one();
    }
}

fn forget(in_flight: &mut InFlight, webhook: WebhookKey, delivery: DeliveryKey) {
    if let Some(deliveries) = in_flight.deliveries.get_mut(&webhook) {
        deliveries.remove(&delivery);
        if deliveries.is_empty() {
            in_flight.deliveries.remove(&webhook);
        }
    }
}

/// Offers an outcome to the store until it takes it. What it does not take is tried anew, which at-least-once allows; the pauses
/// keep that from becoming a storm.
async fn keep<Kept: Future<Output = Result<(), StoreError>>>(what: &str, mut write: impl FnMut() -> Kept) {
    for _ in 0..STORE_ATTEMPTS {
        match write().await {
            Ok(()) | Err(StoreError::Closed) => return,
            Err(StoreError::Busy) => {}
            Err(error) => report(format_args!("webhooks: cannot keep {what}: {error}")),
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

/// Does something when it goes out of scope, also when its task is aborted or panics.
struct OnDrop<Act: FnMut()>(Act);

impl<Act: FnMut()> Drop for OnDrop<Act> {
    fn drop(&mut self) {
        (self.0)();
    }
}
