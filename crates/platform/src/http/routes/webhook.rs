//! Webhooks. Contract 6.1.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_store::webhook::WebhookRecord;
use layer_wire::url::Urls;
use layer_wire::webhook::{NewWebhook, Webhook};

use super::Answer;
use crate::http::answer;
use crate::http::extract::{OfWebhook, WebhookBody};
use crate::http::gate::Caller;
use crate::service::Services;

fn show(services: &Services, caller: Caller, record: WebhookRecord) -> Webhook {
    let urls = Urls::system(services.core.public_url(), caller.app);
    Webhook::new(record.app, record.id, record.created_at, record.registered, record.status, &urls)
}

/// `POST /webhooks`: registers a webhook. An `If-None-Match` is tolerated, but the webhook gets an id of its own
/// (recorded).
///
/// - `201` with the webhook, unverified; verification starts by itself (recorded)
/// - `missing_property` and `invalid_property`; `invalid_header` for another `Content-Type`
pub async fn register(State(services): State<Arc<Services>>, caller: Caller, WebhookBody(body): WebhookBody) -> Answer {
    let request = NewWebhook::parse(&body, services.webhooks.allows_http())?;
    let webhook = services.webhooks.register(caller.key, request).await?;
    Ok(answer::json(StatusCode::CREATED, &show(&services, caller, webhook)))
}

/// `GET /webhooks`: all webhooks of the app.
///
/// - `200`
pub async fn get_all(State(services): State<Arc<Services>>, caller: Caller) -> Answer {
    let webhooks = services.webhooks.list(caller.key).await?;
    let shown: Vec<_> = webhooks.into_iter().map(|webhook| show(&services, caller, webhook)).collect();
    Ok(answer::json(StatusCode::OK, &shown))
}

/// `GET /webhooks/<uuid>`: a webhook.
///
/// - `200`; `not_found`
pub async fn get(State(services): State<Arc<Services>>, caller: Caller, OfWebhook(id): OfWebhook) -> Answer {
    let webhook = services.webhooks.find(caller.key, id).await?;
    Ok(answer::json(StatusCode::OK, &show(&services, caller, webhook)))
}

/// `POST /webhooks/<uuid>/activate`: verifies an inactive webhook once more.
///
/// - `200` with the outcome: `active`, or `inactive` with the reason (recorded); `not_found`
pub async fn activate(State(services): State<Arc<Services>>, caller: Caller, OfWebhook(id): OfWebhook) -> Answer {
    let webhook = services.webhooks.activate(caller.key, id).await?;
    Ok(answer::json(StatusCode::OK, &show(&services, caller, webhook)))
}

/// `POST /webhooks/<uuid>/deactivate`: stops deliveries to a webhook.
///
/// - `200` with the webhook; `not_found`
pub async fn deactivate(State(services): State<Arc<Services>>, caller: Caller, OfWebhook(id): OfWebhook) -> Answer {
    let webhook = services.webhooks.deactivate(caller.key, id).await?;
    Ok(answer::json(StatusCode::OK, &show(&services, caller, webhook)))
}

/// `DELETE /webhooks/<uuid>`: deletes a webhook.
///
/// - `204`; `not_found`
pub async fn delete(State(services): State<Arc<Services>>, caller: Caller, OfWebhook(id): OfWebhook) -> Answer {
    services.webhooks.delete(caller.key, id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
