//! Webhooks: registered, verified, activated, deactivated. Contract 6.1 and 6.2.

use std::sync::Arc;
use std::time::Duration;

use layer_store::changes::Kinds;
use layer_store::held::Held;
use layer_store::key::AppKey;
use layer_store::webhook::WebhookRecord;
use layer_store::{Reads, Writes};
use layer_wire::webhook::{MAX_WEBHOOKS, NewWebhook, Status};
use layer_wire::{ApiError, WebhookId};

use super::core::Core;
use super::failure::Failure;
use crate::config::{VERIFICATION_TIMEOUT, WebhookOptions};

/// Recorded.
const DEACTIVATED_BY_USER: &str = "Deactivated by User";

fn find(reads: &dyn Reads, app: AppKey, id: WebhookId) -> Result<WebhookRecord, Failure> {
    reads.webhook(app, id)?.ok_or_else(|| ApiError::webhook_not_found().into())
}

/// The same for a write that changes the webhook.
fn hold(writes: &mut dyn Writes, app: AppKey, id: WebhookId) -> Result<Held<WebhookRecord>, Failure> {
    writes.hold_webhook(app, id)?.ok_or_else(|| ApiError::webhook_not_found().into())
}

/// Webhooks.
pub struct WebhookService {
    pub(super) core: Arc<Core>,
    pub(super) options: WebhookOptions,
}

impl WebhookService {
    /// Whether targets may be `http`.
    pub fn allows_http(&self) -> bool {
        self.options.allow_http
    }

    /// A new challenge for a receiver: 128 random bits in hexadecimal.
    pub fn challenge(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.core.ids.secret()))
    }

    /// Registers a webhook. Its verification starts by itself (recorded).
    pub async fn register(&self, app: AppKey, request: NewWebhook) -> Result<WebhookRecord, Failure> {
        let created_at = self.core.clock.now();
        let id = WebhookId::new(self.core.ids.resource(created_at));
        let register = move |writes: &mut dyn Writes| {
            // One that has more from before there was a limit keeps them.
            if writes.webhook_count(app)? >= MAX_WEBHOOKS as u64 {
                return Err(ApiError::too_many_webhooks(MAX_WEBHOOKS).into());
            }
            writes.insert_webhook(app, id, created_at, &request)?;
            find(writes, app, id)
        };
        self.core.store.write(register).await
    }

    /// The webhooks of an app, oldest first.
    pub async fn list(&self, app: AppKey) -> Result<Vec<WebhookRecord>, Failure> {
        self.core.store.read(move |reads| Ok(reads.webhooks(app)?)).await
    }

    /// A webhook. Error: `not_found`.
    pub async fn find(&self, app: AppKey, id: WebhookId) -> Result<WebhookRecord, Failure> {
        self.core.store.read(move |reads| find(reads, app, id)).await
    }

    /// Has an inactive webhook verified once more and waits for the outcome (recorded). Others stay as they are
    /// (assumed). Error: `not_found`.
    pub async fn activate(&self, app: AppKey, id: WebhookId) -> Result<WebhookRecord, Failure> {
        let activate = move |writes: &mut dyn Writes| {
            let mut webhook = hold(writes, app, id)?;
            if matches!(webhook.status, Status::Inactive { .. }) {
                writes.set_webhook_status(&mut webhook, Status::Unverified)?;
            }
            Ok(())
        };
        let mut changes = self.core.changes(Kinds::WEBHOOKS);
        self.core.store.write::<_, Failure>(activate).await?;
        let outcome = async {
            loop {
                let webhook = self.find(app, id).await?;
                if webhook.status != Status::Unverified {
                    return Ok(webhook);
                }
                changes.next().await;
            }
        };
        // Beyond the time of the challenge itself only a platform that stops lets one wait: then it is unverified
        // still.
        match tokio::time::timeout(VERIFICATION_TIMEOUT + Duration::from_secs(1), outcome).await {
            Ok(outcome) => outcome,
            Err(_) => self.find(app, id).await,
        }
    }

    /// Stops deliveries to a webhook; what waits is dropped. An inactive one gets the new reason (assumed). Error:
    /// `not_found`.
    pub async fn deactivate(&self, app: AppKey, id: WebhookId) -> Result<WebhookRecord, Failure> {
        let deactivate = move |writes: &mut dyn Writes| {
            let mut webhook = hold(writes, app, id)?;
            writes.set_webhook_status(&mut webhook, Status::Inactive { reason: DEACTIVATED_BY_USER.into() })?;
            Ok(webhook.into_record())
        };
        self.core.store.write(deactivate).await
    }

    /// Deletes a webhook with what waits for it. Error: `not_found`, also once more.
    pub async fn delete(&self, app: AppKey, id: WebhookId) -> Result<(), Failure> {
        let delete = move |writes: &mut dyn Writes| {
            let webhook = hold(writes, app, id)?;
            Ok(writes.delete_webhook(&webhook)?)
        };
        self.core.store.write(delete).await
    }
}
