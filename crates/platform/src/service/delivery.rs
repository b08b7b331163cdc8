//! Deliveries of webhooks: what is due, what came of it, and when to try again. Contract 6.2 and 6.3.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use layer_store::webhook::{DeliveryKey, DeliveryRecord, WebhookKey, WebhookRecord};
use layer_store::{StoreError, Writes};
use layer_wire::webhook::Status;
use layer_wire::{AppId, Timestamp, WebhookId};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::Services;

/// The first pause after a failed attempt, in milliseconds; each further one is twice as long (assumed).
const FIRST_PAUSE_MS: i64 = 1000;

/// How long after its first attempt a delivery is given up, in milliseconds: 30 minutes.
const GIVE_UP_AFTER_MS: i64 = 30 * 60 * 1000;

/// How many deliveries to one webhook are under way at the same time. Order is best effort: these overtake each other.
const MAX_PER_WEBHOOK: usize = 4;

/// The same, for a webhook whose latest attempt failed, so that a dead receiver costs little.
const MAX_PER_FAILING_WEBHOOK: usize = 1;

/// How many deliveries are under way at the same time in all. It takes as many dead receivers to delay a healthy one.
const MAX_IN_ALL: usize = 256;

/// How many bytes of payloads are on their way at the same time; one is, however long it is.
const MAX_BYTES_IN_ALL: usize = 8 * 1024 * 1024;

/// How many attempts are remembered.
const HISTORY_LENGTH: usize = 1000;

/// How many bytes of payloads are remembered; the oldest attempts give way. Unit: bytes.
const HISTORY_BYTES: usize = 16 * 1024 * 1024;

/// What is under way.
#[derive(Debug, Clone, Default)]
pub struct InFlight {
    /// The generation of the store that it is from.
    pub generation: u64,
    /// Deliveries, by webhook.
    pub deliveries: HashMap<WebhookKey, HashSet<DeliveryKey>>,
    /// How long their payloads are. Unit: bytes.
    pub bytes: usize,
    /// Webhooks that are being challenged.
    pub challenges: HashSet<WebhookKey>,
}

impl InFlight {
    fn delivery_count(&self) -> usize {
        self.deliveries.values().map(HashSet::len).sum()
    }
}

/// What is to be done now.
#[derive(Debug, Default)]
pub struct Due {
    /// Deliveries to attempt.
    pub deliveries: Vec<(WebhookRecord, DeliveryRecord)>,
    /// Webhooks to challenge.
    pub challenges: Vec<WebhookRecord>,
    /// When something else will be due, unless an event comes first.
    pub next: Option<Timestamp>,
    /// The generation of the store that all this is from.
    pub generation: u64,
}

/// An attempt under way.
#[derive(Debug)]
pub struct Started {
    /// The webhook.
    pub webhook: WebhookRecord,
    /// The delivery.
    pub delivery: DeliveryRecord,
    /// When it began.
    pub at: Timestamp,
    /// The generation of the store that it is from.
    pub generation: u64,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The receiver took it.
    Delivered {
        /// Its status, 2xx.
        status: u16,
    },
    /// It failed and will be tried again.
    Failed {
        /// The status of the receiver, if it answered.
        status: Option<u16>,
        /// What went wrong, for people.
        error: String,
        /// When the next attempt is due.
        next_attempt_at: Timestamp,
    },
    /// It failed for the last time, and its webhook became inactive; or the webhook is inactive or gone by now.
    GivenUp {
        /// The status of the receiver, if it answered.
        status: Option<u16>,
        /// What went wrong, for people.
        error: String,
    },
}

/// One attempt to deliver an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// The app.
    #[serde(rename = "app_id", serialize_with = "as_text")]
    pub app: AppId,
    /// The webhook.
    #[serde(serialize_with = "uuid_text")]
    pub webhook: WebhookId,
    /// The id of the event: the same in every attempt, and for every webhook of 1.0, or of later versions, that gets it.
    #[serde(serialize_with = "as_text")]
    pub event: Uuid,
    /// The id of the request: that of the event, but for events that an earlier release left in the outbox.
    #[serde(serialize_with = "as_text")]
    pub request: Uuid,
    /// The name of the event.
    pub event_type: String,
    /// The number of the attempt, from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What was sent, as JSON text.
    #[serde(serialize_with = "as_json_text")]
    pub body: Vec<u8>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

fn uuid_text<S: Serializer>(id: &WebhookId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&id.uuid())
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_json_text<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(body))
}

/// The latest attempts, oldest first.
#[derive(Default)]
pub struct History(Mutex<Attempts>);

#[derive(Default)]
struct Attempts {
    latest: VecDeque<Attempt>,
    /// How long their payloads are.
    bytes: usize,
}

impl History {
    fn add(&self, attempt: Attempt) {
        // Poisoning is harmless: an attempt is added in one step.
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.bytes += attempt.body.len();
        attempts.latest.push_back(attempt);
        while attempts.latest.len() > HISTORY_LENGTH || (attempts.bytes > HISTORY_BYTES && attempts.latest.len() > 1) {
            let Some(oldest) = attempts.latest.pop_front() else { break };
            attempts.bytes -= oldest.body.len();
        }
    }

    fn all(&self) -> Vec<Attempt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).latest.iter().cloned().collect()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Attempts::default();
    }
}

/// How an attempt failed.
pub struct FailedAttempt {
    /// The status of the receiver, if it answered.
    pub status: Option<u16>,
    /// What went wrong, for people; it completes "Delivery failed due to".
    pub reason: String,
}

/// When to try again after `failed_attempts` in vain; `None` when it is time to give up. The last attempt is made when 30 minutes are
/// over, though a doubled pause would lead beyond.
fn next_attempt(first_attempt_at: Timestamp, failed_attempts: u32, now: Timestamp) -> Option<Timestamp> {
    let last = first_attempt_at.as_ms().saturating_add(GIVE_UP_AFTER_MS);
    if now.as_ms() >= last {
        return None;
    }
    let pause = FIRST_PAUSE_MS << failed_attempts.saturating_sub(1).min(20);
    Some(Timestamp::from_ms(now.as_ms().saturating_add(pause).min(last)))
}

/// Up to `room` deliveries that are due to a webhook and not under way.
fn due_to(
    writes: &dyn Writes,
    webhook: &WebhookRecord,
    under_way: &HashSet<DeliveryKey>,
    now: Timestamp,
    room: usize,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    let limit = if webhook.failing_since.is_some() { MAX_PER_FAILING_WEBHOOK } else { MAX_PER_WEBHOOK };
    let free = limit.saturating_sub(under_way.len()).min(room);
    if free == 0 {
        return Ok(vec![]);
    }
    // Those under way are due as well.
    let mut due = writes.due_deliveries(webhook.key, now, free + under_way.len())?;
    due.retain(|delivery| !under_way.contains(&delivery.key));
    due.truncate(free);
    Ok(due)
}

impl Services {
    /// What is to be done for webhooks now, beside what is under way. Deliveries to a webhook come in the order of their events.
    ///
    /// A write, though it changes nothing: so it sees whatever was recorded when the bell rang.
    pub async fn due_for_webhooks(&self, in_flight: InFlight) -> Result<Due, StoreError> {
        let (now, generation) = (self.clock.now(), self.generation());
        let look = move |writes: &mut dyn Writes| {
            let mut challenges = writes.unverified_webhooks()?;
            challenges.retain(|webhook| !in_flight.challenges.contains(&webhook.key));
            let mut room = MAX_IN_ALL.saturating_sub(in_flight.delivery_count());
            let none = HashSet::new();
            let mut waiting = writes.webhooks_with_deliveries()?;
            // Those with the fewest under way first, so that none is passed over for long.
            waiting.sort_by_key(|webhook| in_flight.deliveries.get(webhook).map_or(0, HashSet::len));
            let mut deliveries = vec![];
            let mut bytes = in_flight.bytes;
            'waiting: for key in waiting {
                if room == 0 {
                    break;
                }
                let under_way = in_flight.deliveries.get(&key).unwrap_or(&none);
                if under_way.len() >= MAX_PER_WEBHOOK {
                    continue;
                }
                let Some(webhook) = writes.webhook_by_key(key)? else { continue };
                for delivery in due_to(writes, &webhook, under_way, now, room)? {
                    if bytes > 0 && bytes + delivery.body.len() > MAX_BYTES_IN_ALL {
                        // The end of one that is under way wakes the worker.
                        break 'waiting;
                    }
                    bytes += delivery.body.len();
                    room -= 1;
                    deliveries.push((webhook.clone(), delivery));
                }
            }
            let generation = generation.load(Ordering::SeqCst);
            Ok(Due { deliveries, challenges, next: writes.next_delivery_after(now)?, generation })
        };
        self.store.write(look).await
    }

    /// Runs a write, unless the content of the store was replaced since `generation`: then the write is about rows of the old one.
    async fn write_of_generation<T: Default + Send + 'static>(
        &self,
        generation: u64,
        work: impl FnOnce(&mut dyn Writes) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let current = self.generation();
        let write = move |writes: &mut dyn Writes| {
            if current.load(Ordering::SeqCst) == generation { work(writes) } else { Ok(T::default()) }
        };
        self.store.write(write).await
    }

    /// Keeps the outcome of a challenge, unless the webhook was deactivated or deleted meanwhile.
    pub async fn finish_challenge(
        &self,
        webhook: &WebhookRecord,
        generation: u64,
        outcome: Result<(), impl fmt::Display + Send>,
    ) -> Result<(), StoreError> {
        let key = webhook.key;
        let status = match outcome {
            Ok(()) => Status::Active,
            Err(reason) => Status::Inactive { reason: format!("Verification failed due to {reason}") },
        };
        let finish = move |writes: &mut dyn Writes| {
            let is_waiting = |webhook: &WebhookRecord| webhook.status == Status::Unverified;
            if writes.webhook_by_key(key)?.as_ref().is_some_and(is_waiting) {
                writes.set_webhook_status(key, &status)?;
            }
            Ok(())
        };
        self.write_of_generation(generation, finish).await?;
        self.webhook_verified.notify_waiters();
        Ok(())
    }

    /// Takes a delivery out of the outbox: the receiver has it.
    pub async fn finish_delivery(&self, started: &Started, status: u16) -> Result<(), StoreError> {
        let (webhook, delivery) = (started.webhook.key, started.delivery.key);
        let finish = move |writes: &mut dyn Writes| {
            writes.delete_delivery(delivery)?;
            if writes.webhook_by_key(webhook)?.is_some_and(|webhook| webhook.failing_since.is_some()) {
                writes.set_webhook_failing(webhook, None)?;
            }
            Ok(())
        };
        self.write_of_generation(started.generation, finish).await?;
        self.remember(started, Outcome::Delivered { status });
        Ok(())
    }

    /// Puts a failed delivery off, or gives it up and deactivates the webhook: when this delivery has failed for 30 minutes, and also
    /// when none to this webhook has succeeded for as long.
    pub async fn fail_delivery(&self, started: &Started, failed: FailedAttempt) -> Result<(), StoreError> {
        let (now, started_at) = (self.clock.now(), started.at);
        let first_attempt_at = started.delivery.first_attempt_at.unwrap_or(started_at);
        let next = next_attempt(first_attempt_at, started.delivery.failed_attempts + 1, now);
        let (webhook_key, key) = (started.webhook.key, started.delivery.key);
        let reason = format!("Delivery failed due to {}", failed.reason);
        let fail = move |writes: &mut dyn Writes| {
            let Some(webhook) = writes.webhook_by_key(webhook_key)? else { return Ok(None) };
            let failing_since = webhook.failing_since.unwrap_or(started_at);
            let is_dead = now.as_ms() >= failing_since.as_ms().saturating_add(GIVE_UP_AFTER_MS);
            match next.filter(|_| !is_dead) {
                Some(next) if writes.postpone_delivery(key, first_attempt_at, next)? => {
                    if webhook.failing_since.is_none() {
                        writes.set_webhook_failing(webhook_key, Some(failing_since))?;
                    }
                    Ok(Some(next))
                }
                // The webhook was deactivated meanwhile, and the delivery dropped with it.
                Some(_) => Ok(None),
                None => {
                    if webhook.status == Status::Active {
                        writes.set_webhook_status(webhook_key, &Status::Inactive { reason })?;
                    }
                    Ok(None)
                }
            }
        };
        let next = self.write_of_generation(started.generation, fail).await?;
        let (status, error) = (failed.status, failed.reason);
        let outcome = match next {
            Some(next_attempt_at) => Outcome::Failed { status, error, next_attempt_at },
            None => Outcome::GivenUp { status, error },
        };
        self.remember(started, outcome);
        Ok(())
    }

    /// The latest attempts to deliver events, oldest first; at most 1000 are remembered, in memory.
    pub fn deliveries(&self) -> Vec<Attempt> {
        self.delivery_history.all()
    }

    fn remember(&self, started: &Started, outcome: Outcome) {
        if self.generation.load(Ordering::SeqCst) != started.generation {
            return;
        }
        let Started { webhook, delivery, at, .. } = started;
        self.delivery_history.add(Attempt {
            app: webhook.app,
            webhook: webhook.id,
            event: delivery.event,
            request: delivery.request,
            event_type: delivery.event_type.clone(),
            number: delivery.failed_attempts + 1,
            started_at: *at,
            finished_at: self.clock.now(),
            body: delivery.body.clone(),
            outcome,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract 6.3 (assumed).
    #[test]
    fn pauses_double_from_one_second_and_end_after_thirty_minutes() {
        let first = Timestamp::from_ms(1_000_000);
        let (mut now, mut seconds) = (first, vec![]);
        while let Some(next) = next_attempt(first, u32::try_from(seconds.len()).unwrap() + 1, now) {
            seconds.push((next.as_ms() - first.as_ms()) / 1000);
            now = next;
        }
        assert_eq!(seconds, [1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 1800]);
    }
}
