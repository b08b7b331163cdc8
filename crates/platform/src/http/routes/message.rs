//! Messages. Contract 2.2.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::message::NewMessages;

use super::{Answer, created, system_list, system_view, user_list, user_view};
use crate::http::answer;
use crate::http::extract::{DedupeTag, InConversation, JsonBody, OfMessage, OfUser, Query};
use crate::http::gate::Caller;
use crate::http::render::{SystemView, UserView};
use crate::service::Services;
use crate::service::message::Accepted;

/// `POST /conversations/<uuid>/messages`: sends a message, or, from version 2.0 on, several.
///
/// - `201` with the message, in 1.0 in its compact form; the body is checked before the conversation is looked up
///   (recorded)
/// - `202` with the message as it will be when it has a `schedule`; with an array of messages for an array (recorded
///   statuses)
/// - `not_found`; `object_deleted`; `id_in_use`; `access_denied` for a sender who is no participant
pub async fn send(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    DedupeTag(tag): DedupeTag,
    JsonBody(body): JsonBody,
) -> Answer {
    match NewMessages::parse(&body, caller.version)? {
        NewMessages::One(request) => {
            let is_delayed = request.delay.is_some();
            let (creation, identities) = services.messages.send(caller, conversation, tag, request).await?;
            let view = system_view(&services, caller, identities);
            Ok(match created(creation, "Message", &view)? {
                Accepted::Sent(message) if !is_delayed => {
                    answer::item(StatusCode::CREATED, &view.sent_message(message))
                }
                accepted => answer::json(StatusCode::ACCEPTED, &view.accepted_message(accepted)),
            })
        }
        NewMessages::Batch(requests) => {
            let (creation, identities) = services.messages.send_batch(caller, conversation, tag, requests).await?;
            let view = system_view(&services, caller, identities);
            let accepted = created(creation, "Message", &view)?;
            let shown: Vec<_> = accepted.into_iter().map(|accepted| view.accepted_message(accepted)).collect();
            Ok(answer::json(StatusCode::ACCEPTED, &shown))
        }
    }
}

/// `GET /conversations/<uuid>/messages`: the messages of a conversation, newest first.
///
/// - `200`, from 2.0 on `206` when more follow, with `Layer-Count`; `not_found`, also for an unknown `from_id`;
///   `object_deleted`
pub async fn get_all(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    Query(query): Query,
) -> Answer {
    let show = system_list(&services, caller, SystemView::message);
    Ok(services.messages.page(caller, conversation, query.messages()?, show).await?)
}

/// `GET /conversations/<uuid>/messages/<uuid>`: a message in system view.
///
/// - `200`; `not_found`; `object_deleted` for the conversation
pub async fn get(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    OfMessage(id): OfMessage,
) -> Answer {
    let (message, identities) = services.messages.find(caller, conversation, id).await?;
    Ok(answer::item(StatusCode::OK, &system_view(&services, caller, identities).message(message)))
}

/// `DELETE /conversations/<uuid>/messages/<uuid>`: deletes a message for everyone.
///
/// - `204`; `not_found`, also once more; `object_deleted` for the conversation
pub async fn delete(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    OfMessage(id): OfMessage,
) -> Answer {
    services.messages.delete(caller.key, conversation, id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `GET /users/<user>/conversations/<uuid>/messages`: the messages that a user can see, newest first.
///
/// - `200`, from 2.0 on `206` when more follow, with `Layer-Count`; `not_found`; `object_deleted`
pub async fn get_all_of_user(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    InConversation(conversation): InConversation,
    Query(query): Query,
) -> Answer {
    let show = user_list(&services, caller, user.clone(), UserView::message);
    Ok(services.messages.page_of_user(caller, user, conversation, query.messages()?, show).await?)
}

/// `GET /users/<user>/messages/<uuid>`: a message in the view of a user.
///
/// - `200`; `not_found`, also for a user who cannot see it
pub async fn get_of_user(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    OfMessage(id): OfMessage,
) -> Answer {
    let (message, identities) = services.messages.find_of_user(caller, user.clone(), id).await?;
    let view = user_view(&services, caller, user, identities);
    Ok(answer::item(StatusCode::OK, &view.message(message)))
}
