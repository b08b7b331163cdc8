//! The outbox: events on their way to webhooks.

use std::collections::HashMap;
use std::time::Duration;

use layer_wire::Timestamp;
use uuid::Uuid;

use crate::claim::{ClaimId, Claimed, Claims};
use crate::export::MAX_WAITING_EVENTS;
use crate::key::{AppKey, DeliveryKey, WebhookKey};
use crate::page::Weighed;
use crate::webhook::{Receiver, WebhookRecord};
use crate::{StoreError, Writes};

/// An event for one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Who gets it.
    pub receiver: Receiver,
    /// Its id, which the requests that deliver it have as well.
    pub id: Uuid,
    /// Its name.
    pub name: &'static str,
    /// When it happened, which is when to deliver it first.
    pub at: Timestamp,
    /// Its payload.
    pub body: EventBody,
}

/// The exact bytes of a payload. Those of a message that has no position yet have a gap, where its digits come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBody {
    /// The bytes before the gap; without a gap, all of them.
    pub before: Vec<u8>,
    /// The bytes after the gap, if there is one.
    pub after: Option<Vec<u8>>,
}

impl EventBody {
    /// The bytes, with a position in the gap.
    pub fn at(self, position: u32) -> Vec<u8> {
        let Self { before: mut bytes, after } = self;
        if let Some(after) = after {
            bytes.extend_from_slice(position.to_string().as_bytes());
            bytes.extend_from_slice(&after);
        }
        bytes
    }
}

impl NewEvent {
    /// Puts it where its receiver finds it, as part of the write at hand. `position` comes into the gap of its payload.
    pub fn insert(self, writes: &mut dyn Writes, app: AppKey, position: u32) -> Result<(), StoreError> {
        match self.addressed(position) {
            Addressed::Export(body) => writes.insert_export_event(app, &body, MAX_WAITING_EVENTS),
            Addressed::Webhook(delivery) => writes.insert_delivery(&delivery),
        }
    }

    /// For engines: the same as what is to be put there.
    pub fn addressed(self, position: u32) -> Addressed {
        let Self { receiver, id, name, at, body } = self;
        let body = body.at(position);
        match receiver {
            Receiver::Export => Addressed::Export(body),
            Receiver::Webhook(webhook) => {
                Addressed::Webhook(NewDelivery { webhook, event: id, request: id, event_type: name, body, due_at: at })
            }
        }
    }
}

/// An event as its receiver gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressed {
    /// The exact bytes of its payload, for an export.
    Export(Vec<u8>),
    /// A delivery to a webhook.
    Webhook(NewDelivery),
}

/// An event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The webhook.
    pub webhook: WebhookKey,
    /// The id of the event.
    pub event: Uuid,
    /// The id of the request, the same on retries.
    pub request: Uuid,
    /// The name of the event.
    pub event_type: &'static str,
    /// The exact bytes of the payload.
    pub body: Vec<u8>,
    /// When to try first.
    pub due_at: Timestamp,
}

/// A delivery in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its name inside the store.
    pub key: DeliveryKey,
    /// The id of the event.
    pub event: Uuid,
    /// The id of the request, the same on retries.
    pub request: Uuid,
    /// The name of the event.
    pub event_type: String,
    /// The exact bytes of the payload.
    pub body: Vec<u8>,
    /// Failed attempts so far.
    pub failed_attempts: u32,
    /// When it was tried first, if it was.
    pub first_attempt_at: Option<Timestamp>,
}

/// How many deliveries may be claimed at the same time, by all workers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryLimits {
    /// To one webhook.
    pub per_webhook: usize,
    /// To one webhook whose latest attempt failed.
    pub per_failing_webhook: usize,
    /// In all.
    pub in_all: usize,
    /// How long their payloads may be in all, in bytes; one is claimed however long it is.
    pub bytes_in_all: usize,
}

impl Weighed for DeliveryRecord {
    fn weight(&self) -> usize {
        self.body.len()
    }
}

/// What can be written of deliveries.
pub trait DeliveryWrites {
    /// Puts a delivery into the outbox.
    fn insert_delivery(&mut self, new: &NewDelivery) -> Result<(), StoreError>;

    /// Claims deliveries that are due at `now` and that nobody makes, within the limits: to each webhook those that
    /// wait longest first, and first to the webhooks with the fewest under way, so that none is passed over for long.
    fn claim_deliveries(
        &mut self,
        now: Timestamp,
        lease: Duration,
        limits: DeliveryLimits,
    ) -> Result<Claims<(WebhookRecord, Claimed<DeliveryRecord>)>, StoreError>;

    /// Says that a delivery failed and when to try again. `false` when the claim has lapsed, or it is not in the outbox
    /// any more.
    fn postpone_delivery(
        &mut self,
        key: DeliveryKey,
        claim: ClaimId,
        first_attempt_at: Timestamp,
        due_at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Takes a delivery out of the outbox. `false` when the claim has lapsed, or it was not there any more.
    fn delete_delivery(&mut self, key: DeliveryKey, claim: ClaimId) -> Result<bool, StoreError>;
}

/// What an engine asks its rows for when deliveries are claimed, all under one claim.
pub trait Outbox {
    /// What is under way, by webhook: how many deliveries, and how long their payloads are together.
    fn under_way(&self) -> Result<Vec<(WebhookKey, u64, u64)>, StoreError>;

    /// The webhooks of all apps that have something in the outbox.
    fn waiting(&self) -> Result<Vec<WebhookKey>, StoreError>;

    /// A webhook.
    fn webhook(&self, key: WebhookKey) -> Result<Option<WebhookRecord>, StoreError>;

    /// Up to `limit` deliveries that are due to a webhook and that nobody makes, those that wait longest first.
    fn due_to(&self, webhook: WebhookKey, limit: usize) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// Puts the claim into the row of a delivery.
    fn claim(&self, key: DeliveryKey) -> Result<ClaimId, StoreError>;
}

/// Claims what is due within the limits, as [`DeliveryWrites::claim_deliveries`] says.
pub fn claim_due(
    outbox: &impl Outbox,
    limits: DeliveryLimits,
) -> Result<Vec<(WebhookRecord, Claimed<DeliveryRecord>)>, StoreError> {
    let mut under_way = UnderWay::find(outbox)?;
    let mut waiting = outbox.waiting()?;
    waiting.sort_by_key(|webhook| under_way.count(*webhook));
    let mut taken = vec![];
    for key in waiting {
        if under_way.count(key) >= limits.per_webhook {
            continue;
        }
        let room = limits.in_all.saturating_sub(under_way.deliveries);
        if room == 0 {
            break;
        }
        let Some(webhook) = outbox.webhook(key)? else { continue };
        let limit = if webhook.failing_since.is_some() { limits.per_failing_webhook } else { limits.per_webhook };
        let free = limit.saturating_sub(under_way.count(key)).min(room);
        for record in outbox.due_to(key, free)? {
            if under_way.bytes > 0 && under_way.bytes + record.body.len() > limits.bytes_in_all {
                return Ok(taken);
            }
            let claim = outbox.claim(record.key)?;
            under_way.add(key, record.body.len());
            taken.push((webhook.clone(), Claimed { claim, record }));
        }
    }
    Ok(taken)
}

/// What is under way.
#[derive(Default)]
struct UnderWay {
    /// Deliveries by webhook.
    counts: HashMap<WebhookKey, usize>,
    deliveries: usize,
    /// How long their payloads are.
    bytes: usize,
}

impl UnderWay {
    fn find(outbox: &impl Outbox) -> Result<Self, StoreError> {
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let mut under_way = Self::default();
        for (webhook, count, bytes) in outbox.under_way()? {
            under_way.counts.insert(webhook, number(count));
            under_way.deliveries += number(count);
            under_way.bytes += number(bytes);
        }
        Ok(under_way)
    }

    fn count(&self, webhook: WebhookKey) -> usize {
        self.counts.get(&webhook).copied().unwrap_or_default()
    }

    fn add(&mut self, webhook: WebhookKey, bytes: usize) {
        *self.counts.entry(webhook).or_default() += 1;
        self.deliveries += 1;
        self.bytes += bytes;
    }
}
