//! Ad-hoc notifications. Contract 2.4.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::notification::NewNotification;

use super::Answer;
use crate::http::answer;
use crate::http::extract::JsonBody;
use crate::http::gate::Caller;
use crate::service::Services;

/// `POST /notifications`: pushes a notification without a message.
///
/// - `202` (recorded) without a body (assumed); `missing_property` (recorded status); `invalid_property`
pub async fn send(State(services): State<Arc<Services>>, caller: Caller, JsonBody(body): JsonBody) -> Answer {
    services.notifications.push(caller.key, NewNotification::parse(&body, caller.version)?);
    Ok(answer::empty(StatusCode::ACCEPTED))
}
