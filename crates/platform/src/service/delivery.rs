//! Deliveries of webhooks: what is due, what came of it, and when to try again. Contract 6.2 and 6.3.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use layer_store::claim::{Claimed, Claims};
use layer_store::delivery::{DeliveryLimits, DeliveryRecord, NewDelivery};
use layer_store::key::{AppKey, WebhookKey};
use layer_store::overview::{Hastened, WaitingDelivery};
use layer_store::webhook::WebhookRecord;
use layer_store::{Reads, StoreError, Writes};
use layer_wire::webhook::Status;
use layer_wire::{ApiError, AppId, ErrorKind, Timestamp, Version, WebhookId, event};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::core::Core;
use super::failure::Failure;

/// The first pause after a failed attempt, in milliseconds; each further one is twice as long (assumed).
const FIRST_PAUSE_MS: i64 = 1000;

/// How long after its first attempt a delivery is given up, in milliseconds: 30 minutes.
const GIVE_UP_AFTER_MS: i64 = 30 * 60 * 1000;

/// How many deliveries are under way at the same time. Order is best effort: those to one webhook overtake each other.
/// A dead receiver costs little, and it takes many of them to delay a healthy one.
const LIMITS: DeliveryLimits =
    DeliveryLimits { per_webhook: 4, per_failing_webhook: 1, in_all: 256, bytes_in_all: 8 * 1024 * 1024 };

/// How many attempts are remembered.
const HISTORY_LENGTH: usize = 1000;

/// How many bytes of payloads are remembered; the oldest attempts give way. Unit: bytes.
const HISTORY_BYTES: usize = 16 * 1024 * 1024;

/// How long a worker claims a delivery or a challenge for: longer than it takes, its outcome included. After this time
/// without a sign of the worker, another one begins anew.
const LEASE: Duration = Duration::from_secs(30);

/// Work that is due. It is claimed, so no other worker does it.
#[derive(Debug, Default)]
pub struct Due {
    /// Deliveries to attempt, by webhook in the order of their events.
    pub deliveries: Claims<(WebhookRecord, Claimed<DeliveryRecord>)>,
    /// Webhooks to challenge.
    pub challenges: Claims<Claimed<WebhookRecord>>,
}

/// An attempt under way.
#[derive(Debug)]
pub struct Started {
    /// The webhook.
    pub webhook: WebhookRecord,
    /// The delivery.
    pub delivery: Claimed<DeliveryRecord>,
    /// When it began.
    pub at: Timestamp,
    /// How often the content of the store was replaced before that.
    since: u64,
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
    /// The id of the event: the same in every attempt, and for every webhook of 1.0, or of later versions, that gets
    /// it.
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
pub struct History(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    attempts: VecDeque<Attempt>,
    /// How long their payloads are.
    bytes: usize,
    /// How often the content of the store was replaced.
    replaced: u64,
}

impl History {
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        // Poisoning is harmless: an attempt is added in one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an attempt, unless it began before the content of the store was replaced.
    fn add(&self, since: u64, attempt: Attempt) {
        let mut remembered = self.lock();
        if remembered.replaced != since {
            return;
        }
        remembered.bytes += attempt.body.len();
        remembered.attempts.push_back(attempt);
        while remembered.attempts.len() > HISTORY_LENGTH
            || (remembered.bytes > HISTORY_BYTES && remembered.attempts.len() > 1)
        {
            let Some(oldest) = remembered.attempts.pop_front() else { break };
            remembered.bytes -= oldest.body.len();
        }
    }

    /// The latest attempt to deliver an event to a webhook.
    fn find(&self, webhook: WebhookId, event: Uuid) -> Option<Attempt> {
        let remembered = self.lock();
        remembered.attempts.iter().rev().find(|attempt| attempt.webhook == webhook && attempt.event == event).cloned()
    }

    fn all(&self) -> Vec<Attempt> {
        self.lock().attempts.iter().cloned().collect()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut remembered = self.lock();
        remembered.attempts.clear();
        remembered.bytes = 0;
    }

    /// Forgets the attempts of an app.
    pub fn forget(&self, app: AppId) {
        let mut remembered = self.lock();
        remembered.attempts.retain(|attempt| attempt.app != app);
        remembered.bytes = remembered.attempts.iter().map(|attempt| attempt.body.len()).sum();
    }

    /// Begins anew, after the content of the store was replaced: what is under way is about the one before.
    pub fn disown(&self) {
        self.lock().replaced += 1;
    }
}

/// How an attempt failed.
pub struct FailedAttempt {
    /// The status of the receiver, if it answered.
    pub status: Option<u16>,
    /// What went wrong, for people; it completes "Delivery failed due to".
    pub reason: String,
}

/// When to try again after `failed_attempts`; `None` when it is time to give up. The last attempt is made when
/// 30 minutes are over, though a doubled pause would lead beyond.
fn next_attempt(first_attempt_at: Timestamp, failed_attempts: u32, now: Timestamp) -> Option<Timestamp> {
    let last = first_attempt_at.as_ms().saturating_add(GIVE_UP_AFTER_MS);
    if now.as_ms() >= last {
        return None;
    }
    let pause = FIRST_PAUSE_MS << failed_attempts.saturating_sub(1).min(20);
    Some(Timestamp::from_ms(now.as_ms().saturating_add(pause).min(last)))
}

/// Deliveries and challenges of webhooks, and what came of them.
pub struct DeliveryService {
    pub(super) core: Arc<Core>,
    /// The latest attempts, in memory.
    pub(super) history: History,
}

impl DeliveryService {
    /// Claims the deliveries and challenges that are due.
    pub async fn claim(&self) -> Result<Due, StoreError> {
        let now = self.core.clock.now();
        let claim = move |writes: &mut dyn Writes| {
            Ok(Due {
                challenges: writes.claim_challenges(LEASE)?,
                deliveries: writes.claim_deliveries(now, LEASE, LIMITS)?,
            })
        };
        self.core.store.write(claim).await
    }

    /// Begins an attempt to make a delivery that was claimed.
    pub fn start(&self, webhook: WebhookRecord, delivery: Claimed<DeliveryRecord>) -> Started {
        let since = self.history.lock().replaced;
        Started { webhook, delivery, at: self.core.clock.now(), since }
    }

    /// Keeps the outcome of a challenge, unless the webhook was deactivated or deleted meanwhile, or somebody else
    /// challenges it.
    pub async fn finish_challenge(
        &self,
        claimed: &Claimed<WebhookRecord>,
        outcome: Result<(), impl fmt::Display + Send>,
    ) -> Result<(), StoreError> {
        let (claim, key) = (claimed.claim, claimed.record.key);
        let status = match outcome {
            Ok(()) => Status::Active,
            Err(reason) => Status::Inactive { reason: format!("Verification failed due to {reason}") },
        };
        let finish = move |writes: &mut dyn Writes| {
            let webhook = writes.end_challenge(key, claim)?;
            if let Some(mut webhook) = webhook.filter(|webhook| webhook.status == Status::Unverified) {
                writes.set_webhook_status(&mut webhook, status.clone())?;
            }
            Ok(())
        };
        self.core.store.write(finish).await
    }

    /// Takes a delivery out of the outbox: the receiver has it.
    pub async fn finish(&self, started: &Started, status: u16) -> Result<(), StoreError> {
        let (webhook, claim, key) = (started.webhook.key, started.delivery.claim, started.delivery.record.key);
        let finish = move |writes: &mut dyn Writes| {
            writes.delete_delivery(key, claim)?;
            let webhook = writes.hold_webhook_by_key(webhook)?;
            if let Some(mut webhook) = webhook.filter(|webhook| webhook.failing_since.is_some()) {
                writes.set_webhook_failing(&mut webhook, None)?;
            }
            Ok::<_, StoreError>(())
        };
        self.core.store.write(finish).await?;
        self.remember(started, Outcome::Delivered { status });
        Ok(())
    }

    /// Puts a failed delivery off, or gives it up and deactivates the webhook: when this delivery has failed for 30
    /// minutes, and also when none to this webhook has succeeded for as long.
    pub async fn fail(&self, started: &Started, failed: FailedAttempt) -> Result<(), StoreError> {
        let (now, started_at) = (self.core.clock.now(), started.at);
        let Claimed { claim, record: delivery } = &started.delivery;
        let first_attempt_at = delivery.first_attempt_at.unwrap_or(started_at);
        let next = next_attempt(first_attempt_at, delivery.failed_attempts + 1, now);
        let (webhook, claim, key) = (started.webhook.key, *claim, delivery.key);
        let reason = format!("Delivery failed due to {}", failed.reason);
        let fail = move |writes: &mut dyn Writes| {
            let Some(mut webhook) = writes.hold_webhook_by_key(webhook)? else { return Ok(None) };
            let failing_since = webhook.failing_since.unwrap_or(started_at);
            let is_dead = now.as_ms() >= failing_since.as_ms().saturating_add(GIVE_UP_AFTER_MS);
            if let Some(next) = next.filter(|_| !is_dead) {
                if !writes.postpone_delivery(key, claim, first_attempt_at, next)? {
                    // The webhook was deactivated meanwhile, and the delivery dropped with it.
                    return Ok(None);
                }
                if webhook.failing_since.is_none() {
                    writes.set_webhook_failing(&mut webhook, Some(failing_since))?;
                }
                return Ok(Some(next));
            }
            if writes.delete_delivery(key, claim)? && webhook.status == Status::Active {
                writes.set_webhook_status(&mut webhook, Status::Inactive { reason: reason.clone() })?;
            }
            Ok::<_, StoreError>(None)
        };
        let next = self.core.store.write(fail).await?;
        let (status, error) = (failed.status, failed.reason);
        let outcome = match next {
            Some(next_attempt_at) => Outcome::Failed { status, error, next_attempt_at },
            None => Outcome::GivenUp { status, error },
        };
        self.remember(started, outcome);
        Ok(())
    }

    /// The deliveries that wait for a webhook, the next one first, at most `limit`; and how many there are in all.
    pub async fn waiting(&self, webhook: WebhookKey, limit: usize) -> Result<(Vec<WaitingDelivery>, u64), StoreError> {
        self.core.store.read(move |reads: &dyn Reads| reads.waiting_deliveries(webhook, limit)).await
    }

    /// Sends an event to a webhook once more: at once if it waits, else by what is remembered of its last attempt.
    ///
    /// Errors: `not_found` for an unknown webhook, and for an event of which nothing is remembered;
    /// `invalid_operation` unless the webhook is active.
    pub async fn send_again(&self, app: AppKey, webhook: WebhookId, event: Uuid) -> Result<(), Failure> {
        let now = self.core.clock.now();
        let remembered = self.history.find(webhook, event);
        let again = move |writes: &mut dyn Writes| {
            let webhook = writes.webhook(app, webhook)?.ok_or_else(ApiError::webhook_not_found)?;
            if webhook.status != Status::Active {
                return Err(ApiError::new(ErrorKind::InvalidOperation, "Only an active webhook is sent events.").into());
            }
            if writes.hasten_delivery(webhook.key, event, now)? != Hastened::Gone {
                return Ok(());
            }
            let names = Version::ALL.into_iter().flat_map(event::names);
            let known = remembered.as_ref().and_then(|attempt| {
                let event_type = names.into_iter().find(|name| *name == attempt.event_type)?;
                Some((attempt, event_type))
            });
            let Some((attempt, event_type)) = known else {
                let text = "Nothing is remembered of this event for this webhook.";
                return Err(ApiError::new(ErrorKind::NotFound, text).into());
            };
            Ok(writes.insert_delivery(&NewDelivery {
                webhook: webhook.key,
                event,
                request: attempt.request,
                event_type,
                body: attempt.body.clone(),
                due_at: now,
            })?)
        };
        self.core.store.write(again).await
    }

    /// Forgets the attempts of an app.
    pub fn forget(&self, app: AppId) {
        self.history.forget(app);
    }

    /// The latest attempts to deliver events, oldest first; at most 1000 are remembered, in memory.
    pub fn latest(&self) -> Vec<Attempt> {
        self.history.all()
    }

    fn remember(&self, started: &Started, outcome: Outcome) {
        let Started { webhook, delivery: Claimed { record: delivery, .. }, at, since } = started;
        let attempt = Attempt {
            app: webhook.app,
            webhook: webhook.id,
            event: delivery.event,
            request: delivery.request,
            event_type: delivery.event_type.clone(),
            number: delivery.failed_attempts + 1,
            started_at: *at,
            finished_at: self.core.clock.now(),
            body: delivery.body.clone(),
            outcome,
        };
        self.history.add(*since, attempt);
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
