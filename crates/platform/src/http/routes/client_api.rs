//! What a user creates and edits through the Client API. Contract 2.10: shapes and errors are those of that API.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::client_api::{ConversationOfUser, MessageOfUser};
use layer_wire::conversation::ConversationPatch;
use layer_wire::{ApiError, url};

use super::{Answer, user_view};
use crate::http::answer;
use crate::http::extract::{DedupeTag, InConversation, JsonBody, OfUser, PatchBody};
use crate::http::gate::{Api, Caller};
use crate::service::Services;
use crate::service::client_api::CreatedOfUser;
use crate::service::dedupe::{Creation, Tagged};

/// `POST /users/<user>/conversations`: creates a conversation in which the user takes part, or finds the distinct one.
///
/// - `201` with the new conversation in user view; `200` with `Location` for a distinct one that exists
/// - `conflict` with that conversation when its metadata differs; `id_in_use` with the conversation;
///   `participant_blocked`
pub async fn create_conversation(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    DedupeTag(tag): DedupeTag,
    JsonBody(body): JsonBody,
) -> Answer {
    let request = ConversationOfUser::parse(&body, &user, caller.version)?;
    let (outcome, identities) = services.conversations.create_as_user(caller, user.clone(), tag, request).await?;
    let view = user_view(&services, caller, user.clone(), identities);
    let shown = |seen| serde_json::to_value(view.conversation(seen)).unwrap_or_default();
    match outcome {
        CreatedOfUser::Done(seen) => Ok(answer::item(StatusCode::CREATED, &view.conversation(seen))),
        CreatedOfUser::Existing(seen) => {
            let location = match caller.api {
                Api::Server => url::conversation_location_of_user(caller.app, &user, seen.conversation.id),
                Api::Client => url::conversation_location_in_client_api(seen.conversation.id),
            };
            Ok(answer::with_location(answer::item(StatusCode::OK, &view.conversation(seen)), &location))
        }
        CreatedOfUser::Conflict(seen) => Err(ApiError::distinct_conflict(shown(seen)).into()),
        CreatedOfUser::IdInUse(seen) => Err(ApiError::id_in_use("Conversation", seen.map(shown)).into()),
    }
}

/// `PATCH /users/<user>/conversations/<uuid>`: changes participants and metadata as a participant.
///
/// - `204`; `invalid_property`; `participant_blocked`
/// - `not_found`, also for a user who never was a member; `access_denied` for a former one; `object_deleted`
pub async fn edit_conversation(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    InConversation(id): InConversation,
    PatchBody(body): PatchBody,
) -> Answer {
    let patch = ConversationPatch::parse(&body, caller.version)?;
    services.conversations.edit_as_user(caller.key, user, id, patch).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `POST /users/<user>/conversations/<uuid>/messages`: sends a message as a participant.
///
/// - `201` with the message in user view (recorded status); the body is checked before the conversation is looked up
/// - `id_in_use` with the message; `not_found`, also for a user who never was a member; `access_denied` for a former
///   one;
///   `object_deleted`
pub async fn send_message(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    InConversation(conversation): InConversation,
    DedupeTag(tag): DedupeTag,
    JsonBody(body): JsonBody,
) -> Answer {
    let request = MessageOfUser::parse(&body, caller.version)?;
    let (creation, identities) =
        services.messages.send_as_user(caller, user.clone(), conversation, tag, request).await?;
    let view = user_view(&services, caller, user, identities);
    match creation {
        Creation::Done(message) => Ok(answer::item(StatusCode::CREATED, &view.message(message))),
        Creation::IdInUse(taken) => {
            let existing = match taken {
                Tagged::Message(message) => serde_json::to_value(view.message(message)).ok(),
                _ => None,
            };
            Err(ApiError::id_in_use("Message", existing).into())
        }
    }
}
