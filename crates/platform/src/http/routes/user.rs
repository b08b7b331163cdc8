//! Users, as the application manages them: badge, suspension, sessions. Contract 2.8.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::user::{self, Badge, User};

use super::Answer;
use crate::http::answer;
use crate::http::extract::{JsonBody, OfUser, PatchBody};
use crate::http::gate::Caller;
use crate::service::Services;

/// `GET /users/<user>`: a user.
///
/// - `200`; `not_found` for one that nothing ever named (assumed)
pub async fn get(State(services): State<Arc<Services>>, caller: Caller, OfUser(user): OfUser) -> Answer {
    let known = services.users.find(caller.key, user.clone()).await?;
    let identity = super::identity::shown(&services, caller, &user, known.identity);
    Ok(answer::json(StatusCode::OK, &User { id: user, identity, suspended: known.is_suspended }))
}

/// `PATCH /users/<user>`: suspends a user or ends that, changes whom it blocks.
///
/// - `202` (recorded), for an unknown user too (assumed), though it is done at once; `invalid_property`
pub async fn edit(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    PatchBody(body): PatchBody,
) -> Answer {
    let changes = user::parse_patch(&body, caller.version)?;
    services.users.edit(caller.key, user, changes).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// `DELETE /users/<user>/sessions`: ends all sessions of a user.
///
/// - `204`; `not_found` for a user that nothing ever named (recorded)
pub async fn delete_sessions(State(services): State<Arc<Services>>, caller: Caller, OfUser(user): OfUser) -> Answer {
    services.users.delete_sessions(caller.key, user).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `GET /users/<user>/badge`: how much a user has not read.
///
/// - `200`, all zero for an unknown user (assumed)
pub async fn badge(State(services): State<Arc<Services>>, caller: Caller, OfUser(user): OfUser) -> Answer {
    let unread = services.users.unread_counts(caller.key, user).await?;
    let badge = Badge {
        external_unread_count: unread.external,
        unread_conversation_count: unread.conversations,
        unread_message_count: unread.messages,
    };
    Ok(answer::json(StatusCode::OK, &badge))
}

/// `PUT /users/<user>/badge`: tells what a user has not read elsewhere.
///
/// - `204` (recorded), for an unknown user too (assumed); `missing_property` (recorded status); `invalid_property`
pub async fn set_badge(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    JsonBody(body): JsonBody,
) -> Answer {
    let count = user::parse_badge(&body)?;
    services.users.set_external_unread_count(caller.key, user, count).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
