//! Challenges webhooks and delivers events to them. Contract 6.2 and 6.3.
//!
//! A delivery is in the outbox until its receiver has it, so a killed platform delivers it again: at least once, with
//! the same ids.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use layer_store::StoreError;
use layer_store::changes::Kinds;
use layer_store::claim::Claimed;
use layer_store::webhook::WebhookRecord;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Next;
use crate::ground::task;
use crate::outbound::{Outbound, Payload};
use crate::service::Services;
use crate::service::delivery::{Due, FailedAttempt, Started};

/// How long deliveries under way may take to finish once the platform stops: their own deadline, and a little for the
/// store.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait before asking the store again when it takes no work.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How often a delivery's outcome is offered to a store that takes no work.
const STORE_ATTEMPTS: u32 = 5;

/// Works until `stop` says so, then lets deliveries under way finish.
pub async fn run(services: Arc<Services>, outbound: Arc<Outbound>, stop: watch::Receiver<bool>) {
    let tasks = Arc::new(Mutex::new(JoinSet::new()));
    let round = || round(Arc::clone(&services), Arc::clone(&outbound), Arc::clone(&tasks));
    let changes = services.core.changes(Kinds::WEBHOOKS | Kinds::DELIVERIES);
    super::run(services.core.clock().clone(), changes, stop, round).await;
    let mut tasks = std::mem::take(&mut *lock(&tasks));
    let all_done = async { while tasks.join_next().await.is_some() {} };
    // Challenges take longer than this; they begin anew with the next start.
    let _ = tokio::time::timeout(GRACE, all_done).await;
}

/// Locks, also after a panic elsewhere: what is inside is whole at each step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts all that is due and may start now; answers when something else will be due. What was claimed and not started,
/// because the platform stops, is free again with the next start.
async fn round(services: Arc<Services>, outbound: Arc<Outbound>, tasks: Arc<Mutex<JoinSet<()>>>) -> Next {
    #[cfg(test)]
    super::failpoint::pass(services.core.public_url(), super::WEBHOOKS);
    let Due { deliveries, challenges } = match services.deliveries.claim().await {
        Ok(due) => due,
        Err(StoreError::Closed) => return Next::default(),
        Err(error) => {
            if error != StoreError::Busy {
                tracing::error!(%error, "what is due to webhooks cannot be read");
            }
            return Next { at: None, within: Some(STORE_PAUSE) };
        }
    };
    let mut tasks = lock(&tasks);
    while tasks.try_join_next().is_some() {}
    for claimed in challenges.taken {
        tasks.spawn(task::boxed(challenge(Arc::clone(&services), Arc::clone(&outbound), claimed)));
    }
    for (webhook, delivery) in deliveries.taken {
        let started = services.deliveries.start(webhook, delivery);
        tasks.spawn(task::boxed(deliver(Arc::clone(&services), Arc::clone(&outbound), started)));
    }
    let within = deliveries.lapses_in.into_iter().chain(challenges.lapses_in).min();
    Next { at: deliveries.next, within }
}

async fn challenge(services: Arc<Services>, outbound: Arc<Outbound>, claimed: Claimed<WebhookRecord>) {
    let challenge = services.webhooks.challenge();
    let outcome = outbound.challenge(&claimed.record.registered.target_url, &challenge).await;
    let finish = || services.deliveries.finish_challenge(&claimed, outcome.as_ref().copied());
    keep("the outcome of a challenge", finish).await;
}

async fn deliver(services: Arc<Services>, outbound: Arc<Outbound>, started: Started) {
    let (webhook, delivery) = (&started.webhook, &started.delivery.record);
    let payload = Payload { request: delivery.request, event_type: &delivery.event_type, body: &delivery.body };
    match outbound.deliver(webhook.app, webhook.id, &webhook.registered, payload).await {
        Ok(status) => keep("a delivery", || services.deliveries.finish(&started, status.as_u16())).await,
        Err(refusal) => {
            let fail = || {
                let failed = FailedAttempt { status: refusal.status(), reason: refusal.to_string() };
                services.deliveries.fail(&started, failed)
            };
            keep("a failed delivery", fail).await;
        }
    }
}

/// Offers an outcome to the store until it takes it. What it does not take is tried anew, which at-least-once allows;
/// the pauses keep that from becoming a storm.
async fn keep<Kept: Future<Output = Result<(), StoreError>>>(what: &str, mut write: impl FnMut() -> Kept) {
    for _ in 0..STORE_ATTEMPTS {
        match write().await {
            Ok(()) | Err(StoreError::Closed) => return,
            Err(StoreError::Busy) => {}
            Err(error) => tracing::error!(%error, what, "what became of a webhook cannot be kept"),
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
}
