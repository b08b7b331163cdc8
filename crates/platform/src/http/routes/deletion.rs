//! Deletions as a user: for everyone, or for the user's own devices alone. Contract 2.2, 2.1.3 and 2.10.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use http::StatusCode;
use layer_wire::client_api::{ConversationDeletion, DeletionMode};

use super::Answer;
use crate::http::answer;
use crate::http::extract::{InConversation, OfMessage, OfUser};
use crate::http::gate::Caller;
use crate::service::Services;

/// `DELETE /users/<user>/messages/<uuid>?mode=all_participants|my_devices`: deletes a message.
///
/// - `204` (recorded); `invalid_request_id`; `missing_property` and `invalid_property` `mode` (assumed)
/// - `not_found`, also once more; `access_denied` for a former member who wants it deleted for everyone
pub async fn delete_message(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    OfMessage(id): OfMessage,
    RawQuery(query): RawQuery,
) -> Answer {
    let mode = DeletionMode::parse(&query.unwrap_or_default())?;
    services.messages.delete_as_user(caller.key, user, id, mode).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `DELETE /users/<user>/conversations/<uuid>?mode=all_participants|my_devices&leave=true|false`: deletes a
/// conversation.
///
/// - `204`; `missing_property` and `invalid_property` `mode` (assumed)
/// - `not_found`, also for a user who never was a member; `access_denied` for a former one; `object_deleted`
pub async fn delete_conversation(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    InConversation(id): InConversation,
    RawQuery(query): RawQuery,
) -> Answer {
    let deletion = ConversationDeletion::parse(&query.unwrap_or_default())?;
    services.conversations.delete_as_user(caller.key, user, id, deletion).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
