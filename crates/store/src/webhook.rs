//! Webhooks, and who else listens to events.

use std::time::Duration;

use layer_wire::body::Object;
use layer_wire::webhook::{NewWebhook, Status};
use layer_wire::{AppId, Timestamp, Version, WebhookId};

use crate::StoreError;
use crate::claim::{ClaimId, Claimed, Claims};
use crate::held::Held;
use crate::key::{AppKey, WebhookKey};

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

/// A listener to the events of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// An active webhook.
    Webhook(WebhookKey),
    /// The next scheduled export.
    Export,
}

/// What a write needs to know of a receiver to record an event for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// The receiver.
    pub receiver: Receiver,
    /// The app.
    pub app: AppId,
    /// The version of its payloads.
    pub version: Version,
    /// The names of the events it wants.
    pub events: Vec<String>,
    /// What it wants to see again in every payload.
    pub config: Object,
}

/// What can be read of webhooks.
pub trait WebhookReads {
    /// A webhook of an app.
    fn webhook(&self, app: AppKey, id: WebhookId) -> Result<Option<WebhookRecord>, StoreError>;

    /// How many webhooks an app has.
    fn webhook_count(&self, app: AppKey) -> Result<u64, StoreError>;

    /// The webhooks of an app, oldest first.
    fn webhooks(&self, app: AppKey) -> Result<Vec<WebhookRecord>, StoreError>;

    /// The listeners to the events of an app: its active webhooks, and the next scheduled export if there is one.
    /// Quick when there are none: every send asks.
    fn listeners(&self, app: AppKey) -> Result<Vec<Listener>, StoreError>;
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

    /// A webhook of an app that nobody else changes until the end of the write.
    fn hold_webhook(&mut self, app: AppKey, id: WebhookId) -> Result<Option<Held<WebhookRecord>>, StoreError>;

    /// A webhook by its key that nobody else changes until the end of the write.
    fn hold_webhook_by_key(&mut self, key: WebhookKey) -> Result<Option<Held<WebhookRecord>>, StoreError>;

    /// Changes the status of a webhook. What is in the outbox of one that becomes inactive is dropped: missed events
    /// are not replayed.
    fn set_webhook_status(&mut self, webhook: &mut Held<WebhookRecord>, status: Status) -> Result<(), StoreError>;

    /// Says since when the deliveries of a webhook fail, or that they do not.
    fn set_webhook_failing(
        &mut self,
        webhook: &mut Held<WebhookRecord>,
        since: Option<Timestamp>,
    ) -> Result<(), StoreError>;

    /// Deletes a webhook with its outbox.
    fn delete_webhook(&mut self, webhook: &Held<WebhookRecord>) -> Result<(), StoreError>;

    /// Claims the webhooks of all apps that wait for their challenge and that nobody challenges.
    fn claim_challenges(&mut self, lease: Duration) -> Result<Claims<Claimed<WebhookRecord>>, StoreError>;

    /// Ends the claim on a webhook and holds it; `None` when the claim has lapsed, or the webhook is gone.
    fn end_challenge(&mut self, key: WebhookKey, claim: ClaimId) -> Result<Option<Held<WebhookRecord>>, StoreError>;
}
