//! Conversations. Contract 2.1.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::conversation::{ConversationPatch, NewConversation};
use layer_wire::{ApiError, url};

use super::{Answer, created, system_view, user_list, user_view};
use crate::http::answer;
use crate::http::extract::{DedupeTag, InConversation, JsonBody, OfUser, PatchBody, Query};
use crate::http::gate::Caller;
use crate::http::render::UserView;
use crate::service::Services;
use crate::service::conversation::Created;

/// `POST /conversations`: creates a conversation, or finds the distinct one.
///
/// - `201` with the new conversation; `200` with `Location` for a distinct one that exists
/// - `conflict` with that conversation when its metadata differs; `id_in_use`; `participant_blocked`
pub async fn create(
    State(services): State<Arc<Services>>,
    caller: Caller,
    DedupeTag(tag): DedupeTag,
    JsonBody(body): JsonBody,
) -> Answer {
    let request = NewConversation::parse(&body, caller.version)?;
    let (created_or_found, identities) = services.conversations.create(caller, tag, request).await?;
    let view = system_view(&services, caller, identities);
    match created_or_found {
        Created::Plain(creation) => {
            let conversation = created(creation, "Conversation", &view)?;
            Ok(answer::item(StatusCode::CREATED, &view.conversation(conversation)))
        }
        Created::Existing(conversation) => {
            let location = url::conversation_location(caller.app, conversation.id);
            let response = answer::item(StatusCode::OK, &view.conversation(conversation));
            Ok(answer::with_location(response, &location))
        }
        Created::Conflict(conversation) => {
            let existing = serde_json::to_value(view.conversation(conversation)).unwrap_or_default();
            Err(ApiError::distinct_conflict(existing).into())
        }
    }
}

/// `GET /conversations/<uuid>`: a conversation in system view.
///
/// - `200`; `not_found`; `object_deleted`
pub async fn get(State(services): State<Arc<Services>>, caller: Caller, InConversation(id): InConversation) -> Answer {
    let (conversation, identities) = services.conversations.find(caller, id).await?;
    Ok(answer::item(StatusCode::OK, &system_view(&services, caller, identities).conversation(conversation)))
}

/// `PATCH /conversations/<uuid>`: changes participants and metadata.
///
/// - `204`; `invalid_property`; `participant_blocked`; `not_found`; `object_deleted`
pub async fn edit(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(id): InConversation,
    PatchBody(body): PatchBody,
) -> Answer {
    let patch = ConversationPatch::parse(&body, caller.version)?;
    services.conversations.edit(caller.key, id, patch).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `DELETE /conversations/<uuid>`: deletes a conversation for every participant.
///
/// - `204`, also for a deleted one; `not_found`
pub async fn delete(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(id): InConversation,
) -> Answer {
    services.conversations.delete(caller.key, id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `GET /users/<user>/conversations`: the conversations of a user, newest first.
///
/// - `200`, from 2.0 on `206` when more follow, with `Layer-Count`; `not_found` for an unknown `from_id`
/// - an unknown user: `not_found` before 2.0, `[]` since (contract 2.1.3)
pub async fn get_all_of_user(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    Query(query): Query,
) -> Answer {
    let (page, sort_by) = (query.conversations()?, query.sort_by()?);
    let show = user_list(&services, caller, user.clone(), UserView::conversation);
    Ok(services.conversations.page_of_user(caller, user, page, sort_by, show).await?)
}

/// `GET /users/<user>/conversations/<uuid>`: a conversation in the view of a user.
///
/// - `200`; `not_found`, also for a user who never was a member; `object_deleted`
pub async fn get_of_user(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    InConversation(id): InConversation,
) -> Answer {
    let (conversation, identities) = services.conversations.find_of_user(caller, user.clone(), id).await?;
    let view = user_view(&services, caller, user, identities);
    Ok(answer::item(StatusCode::OK, &view.conversation(conversation)))
}
