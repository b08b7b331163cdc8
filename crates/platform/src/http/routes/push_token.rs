//! Push tokens. Client API 4.6.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::client_api::push_token::PushToken;

use super::Answer;
use crate::http::answer;
use crate::http::extract::{JsonBody, OfDevice, OfUser};
use crate::http::gate::Caller;
use crate::service::Services;

/// `POST /push_tokens`: registers the token of a device.
///
/// - `202`; `missing_property` and `invalid_property` with the property (assumed)
pub async fn register(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    JsonBody(body): JsonBody,
) -> Answer {
    services.push_tokens.register(caller.key, user, PushToken::parse(&body)?).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// `DELETE /push_tokens/<device>`: forgets the token of a device.
///
/// - `202`, also when there is none (assumed)
pub async fn forget(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    OfDevice(device): OfDevice,
) -> Answer {
    services.push_tokens.forget(caller.key, user, device).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}
