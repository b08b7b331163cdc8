//! Challenges webhooks and delivers events to them. Contract 6.2 and 6.3.
//!
//! A delivery is in the outbox until its receiver has it, so a killed platform delivers it again: at least once, with the same ids.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use layer_wire::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::outbound::{Outbound, Payload};
use crate::service::Services;
use crate::service::delivery::{FailedAttempt, InFlight};
use crate::store::StoreError;
use crate::store::webhook::{DeliveryRecord, WebhookKey, WebhookRecord};

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
        let in_flight = lock(&self.in_flight).clone();
        let due = match self.services.due_for_webhooks(in_flight).await {
            Ok(due) => due,
            Err(StoreError::Closed) => return None,
            Err(error) => {
                if error != StoreError::Busy {
                    eprintln!("layer-platform: webhooks: {error}");
                }
                tokio::time::sleep(STORE_PAUSE).await;
                return Some(self.services.clock().now());
            }
        };
        // Nothing is awaited from here on, so that nothing counts as under way that is not.
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        for webhook in due.challenges {
            lock(&self.in_flight).challenges.insert(webhook.key);
            tasks.spawn(Arc::clone(self).challenge(webhook));
        }
        for (webhook, delivery) in due.deliveries {
            lock(&self.in_flight).deliveries.entry(webhook.key).or_default().insert(delivery.key);
            tasks.spawn(Arc::clone(self).deliver(webhook, delivery));
        }
        due.next
    }

    async fn challenge(self: Arc<Self>, webhook: WebhookRecord) {
        let key = webhook.key;
        let _done = OnDrop(|| {
            lock(&self.in_flight).challenges.remove(&key);
            self.services.events().recorded().notify_one();
        });
        let challenge = self.services.webhook_challenge();
        let outcome = self.outbound.challenge(&webhook.registered.target_url, &challenge).await;
        keep("the outcome of a challenge", || self.services.finish_challenge(&webhook, outcome.as_ref().copied()))
            .await;
    }

    async fn deliver(self: Arc<Self>, webhook: WebhookRecord, delivery: DeliveryRecord) {
        let _done = OnDrop(|| self.finish(webhook.key, &delivery));
        let payload = Payload { request: delivery.request, event_type: &delivery.event_type, body: &delivery.body };
        let started_at = self.services.clock().now();
        match self.outbound.deliver(webhook.id, &webhook.registered, payload).await {
            Ok(status) => {
                let finish = || self.services.finish_delivery(&webhook, &delivery, started_at, status.as_u16());
                keep("a delivery", finish).await;
            }
            Err(refusal) => {
                let fail = || {
                    let failed = FailedAttempt { status: refusal.status(), reason: refusal.to_string() };
                    self.services.fail_delivery(&webhook, &delivery, started_at, failed)
                };
                keep("a failed delivery", fail).await;
            }
        }
    }

    fn finish(&self, webhook: WebhookKey, delivery: &DeliveryRecord) {
        let mut in_flight = lock(&self.in_flight);
        if let Some(deliveries) = in_flight.deliveries.get_mut(&webhook) {
            deliveries.remove(&delivery.key);
            if deliveries.is_empty() {
                in_flight.deliveries.remove(&webhook);
            }
        }
        drop(in_flight);
        self.services.events().recorded().notify_one();
    }
}

/// Offers an outcome to the store until it takes it. What it does not take is tried anew, which at-least-once allows; the pauses
/// keep that from becoming a storm.
async fn keep<Kept: Future<Output = Result<(), StoreError>>>(what: &str, mut write: impl FnMut() -> Kept) {
    for _ in 0..STORE_ATTEMPTS {
        match write().await {
            Ok(()) | Err(StoreError::Closed) => return,
            Err(StoreError::Busy) => {}
            Err(error) => eprintln!("layer-platform: webhooks: cannot keep {what}: {error}"),
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
