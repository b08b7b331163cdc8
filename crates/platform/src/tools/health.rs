//! Whether the platform lives and takes work, for whoever starts it again or sends it requests. Open to everyone: the
//! answers say nothing else.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde_json::json;
use tokio::sync::watch;

use crate::http::answer;
use crate::service::Services;

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Health {
    services: Arc<Services>,
    is_stopping: watch::Receiver<bool>,
}

/// The routes.
pub fn router(services: Arc<Services>, is_stopping: watch::Receiver<bool>) -> Router {
    let health = Health { services, is_stopping };
    Router::new().route("/health", get(alive)).route("/ready", get(ready)).with_state(health)
}

/// `GET /health`: whether the process answers at all.
///
/// - `200`
async fn alive() -> Response {
    answer::json(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `GET /ready`: whether requests should come here.
///
/// - `200`; `503` with a `reason` while the platform stops, or when its store does not answer in time
async fn ready(State(health): State<Health>) -> Response {
    let reason = if *health.is_stopping.borrow() {
        Some("stopping")
    } else {
        // Any read goes the way of all of them: through the queue, to a thread that reads the file.
        let read = health.services.core.answers();
        let answers = tokio::time::timeout(PATIENCE, read).await.is_ok_and(|outcome| outcome.is_ok());
        (!answers).then_some("the store does not answer")
    };
    match reason {
        None => answer::json(StatusCode::OK, &json!({ "status": "ok" })),
        Some(reason) => {
            answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "unavailable", "reason": reason }))
        }
    }
}
