//! The outbox: events on their way to webhooks.

use std::time::Duration;

use layer_wire::Timestamp;
use uuid::Uuid;

use crate::StoreError;
use crate::claim::{ClaimId, Claimed, Claims};
use crate::key::{DeliveryKey, WebhookKey};
use crate::page::Weighed;
use crate::webhook::WebhookRecord;

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
