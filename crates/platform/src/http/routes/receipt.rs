//! Receipts, as a user. Contract 2.2, 2.2.3 and 2.10.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::receipt::{self, Marked};

use super::Answer;
use crate::http::answer;
use crate::http::extract::{InConversation, JsonBody, OfAnnouncement, OfMessage, OfUser};
use crate::http::gate::Caller;
use crate::service::Services;

/// `POST /users/<user>/messages/<uuid>/receipts`: tells that a message reached a user, or that the user read it.
///
/// - `204`, also when it tells nothing new (recorded)
/// - `invalid_request_id`; `invalid_property` `type`, before the message is looked up; `not_found`; `access_denied`
pub async fn give(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    OfMessage(id): OfMessage,
    JsonBody(body): JsonBody,
) -> Answer {
    let status = receipt::parse(&body)?;
    services.receipts.give(caller.key, user, id, status).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `POST /users/<user>/announcements/<uuid>/receipts`: the same for an announcement.
///
/// - `204`; `invalid_request_id`; `invalid_property` `type`, before the announcement is looked up; `not_found`
pub async fn give_for_announcement(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    OfAnnouncement(id): OfAnnouncement,
    JsonBody(body): JsonBody,
) -> Answer {
    let status = receipt::parse(&body)?;
    services.announcements.give_receipt(caller.key, user, id, status).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `POST /users/<user>/conversations/<uuid>/mark_all_read`: marks the messages of a conversation as read, up to a
/// position if one is given.
///
/// - `202` with the position that is marked up to (3.0: recorded, R3; 2.0: assumed); `not_found`; `access_denied`;
///   `object_deleted`
pub async fn mark_all_read(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    InConversation(id): InConversation,
    JsonBody(body): JsonBody,
) -> Answer {
    let up_to = receipt::parse_mark_all_read(&body)?;
    let position = services.receipts.mark_all_read(caller.key, user, id, up_to).await?;
    Ok(answer::json(StatusCode::ACCEPTED, &Marked { position }))
}
