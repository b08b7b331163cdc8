//! The app itself. Contract 2.8.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::app;

use super::Answer;
use crate::http::answer;
use crate::http::extract::PatchBody;
use crate::http::gate::Caller;
use crate::service::Services;

/// `PATCH /apps/<app>`: sets how long sessions of users last.
///
/// - `202` (recorded); `invalid_property`
pub async fn edit(State(services): State<Arc<Services>>, caller: Caller, PatchBody(body): PatchBody) -> Answer {
    services.apps.edit(caller.key, app::parse_patch(&body, caller.version)?).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}
