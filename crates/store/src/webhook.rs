//! Webhooks and their outbox: what is stored of them, and what can be asked of it.

use layer_wire::body::Object;
use layer_wire::webhook::{NewWebhook, Status};
use layer_wire::{AppId, Timestamp, Version, WebhookId};
use uuid::Uuid;

use crate::StoreError;
use crate::model::AppKey;

/// Names a webhook inside the store. It is not used again after the webhook is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookKey(pub i64);

/// Names a delivery inside the store. It is not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey(pub i64);

/// A webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookRecord {
    /// Its name inside the store.
    pub key: WebhookKey,
    /// The app it belongs to.
    pub app: AppId,
    /// Its id.
    pub id: WebhookId,
    /// When it was registered.
    pub created_at: Timestamp,
    /// What it was registered with.
    pub registered: NewWebhook,
    /// Where it is in its life.
    pub status: Status,
    /// When its deliveries began to fail; `None` while the latest one succeeded.
    pub failing_since: Option<Timestamp>,
}

/// What a write needs to know of an active webhook to record an event for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// The webhook.
    pub webhook: WebhookKey,
    /// The app it belongs to.
    pub app: AppId,
    /// The version of its payloads.
    pub version: Version,
    /// The names of the events it wants.
    pub events: Vec<String>,
    /// What it wants to see again in every payload.
    pub config: Object,
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

/// What can be read of webhooks.
pub trait WebhookReads {
    /// A webhook of an app.
    fn webhook(&self, app: AppKey, id: WebhookId) -> Result<Option<WebhookRecord>, StoreError>;

    /// A webhook by its key.
    fn webhook_by_key(&self, key: WebhookKey) -> Result<Option<WebhookRecord>, StoreError>;

    /// How many webhooks an app has.
    fn webhook_count(&self, app: AppKey) -> Result<u64, StoreError>;

    /// The webhooks of an app, oldest first.
    fn webhooks(&self, app: AppKey) -> Result<Vec<WebhookRecord>, StoreError>;

    /// The active webhooks of an app. Quick when there are none: every send asks.
    fn subscriptions(&self, app: AppKey) -> Result<Vec<Subscription>, StoreError>;

    /// The webhooks of all apps that wait for their challenge.
    fn unverified_webhooks(&self) -> Result<Vec<WebhookRecord>, StoreError>;

    /// The webhooks of all apps that have something in the outbox.
    fn webhooks_with_deliveries(&self) -> Result<Vec<WebhookKey>, StoreError>;

    /// The deliveries to a webhook that are due at `now`, those that wait longest first, at most `limit`.
    fn due_deliveries(
        &self,
        webhook: WebhookKey,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// When the next delivery that is not due at `now` will be.
    fn next_delivery_after(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;
}

/// What can be written of webhooks.
pub trait WebhookWrites {
    /// Adds a webhook, unverified.
    fn insert_webhook(
        &mut self,
        app: AppKey,
        id: WebhookId,
        created_at: Timestamp,
        new: &NewWebhook,
    ) -> Result<(), StoreError>;

    /// Changes the status of a webhook. What is in the outbox of one that becomes inactive is dropped: missed events are not
    /// replayed.
    fn set_webhook_status(&mut self, key: WebhookKey, status: &Status) -> Result<(), StoreError>;

    /// Says since when the deliveries of a webhook fail, or that they do not.
    fn set_webhook_failing(&mut self, key: WebhookKey, since: Option<Timestamp>) -> Result<(), StoreError>;

    /// Deletes a webhook with its outbox.
    fn delete_webhook(&mut self, key: WebhookKey) -> Result<(), StoreError>;

    /// Puts a delivery into the outbox.
    fn insert_delivery(&mut self, new: &NewDelivery) -> Result<(), StoreError>;

    /// Says that a delivery failed and when to try again. `false` when it is not in the outbox any more.
    fn postpone_delivery(
        &mut self,
        key: DeliveryKey,
        first_attempt_at: Timestamp,
        due_at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Takes a delivery out of the outbox. `false` when it was not there any more.
    fn delete_delivery(&mut self, key: DeliveryKey) -> Result<bool, StoreError>;
}
