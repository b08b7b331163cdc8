//! Parts of messages that were sent. Contract 2.2.6: version 3.0 only.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::ApiError;
use layer_wire::identity::Identities;
use layer_wire::part::NewPart;

use super::{Answer, system_view};
use crate::http::answer;
use crate::http::extract::{DedupeTag, InConversation, OfMessage, OfPart, Payload};
use crate::http::gate::Caller;
use crate::service::Services;
use crate::service::part::{AddedPart, index_of};

/// `GET /conversations/<uuid>/messages/<uuid>/parts`: the parts of a message.
///
/// - `200`; `not_found`; `object_deleted` for the conversation
pub async fn get_all(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    OfMessage(message): OfMessage,
) -> Answer {
    let (message, identities) = services.messages.find(caller, conversation, message).await?;
    Ok(answer::json(StatusCode::OK, &system_view(&services, caller, identities).parts(message)))
}

/// `GET /conversations/<uuid>/messages/<uuid>/parts/<uuid>`: a part.
///
/// - `200`; `invalid_request_id`; `not_found`; `object_deleted` for the conversation
pub async fn get(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    OfMessage(message): OfMessage,
    OfPart(part): OfPart,
) -> Answer {
    let (message, identities) = services.messages.find(caller, conversation, message).await?;
    let index = index_of(&message, part)?;
    Ok(answer::json(StatusCode::OK, &system_view(&services, caller, identities).part(message, index)))
}

/// `POST /conversations/<uuid>/messages/<uuid>/parts`: adds a part.
///
/// - `201` with the part (recorded, R3); `id_in_use` with the part that has the id (assumed)
/// - the body is checked before anything is looked up; `not_found`; `object_deleted`
pub async fn add(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    OfMessage(message): OfMessage,
    DedupeTag(tag): DedupeTag,
    Payload(body): Payload,
) -> Answer {
    let new = NewPart::parse_one(&body, caller.version)?;
    let added = services.parts.add(caller, conversation, message, tag, new).await?;
    // Parts show no users.
    let view = system_view(&services, caller, Identities::new());
    match added {
        AddedPart::Done(message, index) => Ok(answer::json(StatusCode::CREATED, &view.part(message, index))),
        AddedPart::IdInUse(message, index) => {
            let existing = serde_json::to_value(view.part(message, index)).ok();
            Err(ApiError::id_in_use("MessagePart", existing).into())
        }
    }
}

/// `PUT /conversations/<uuid>/messages/<uuid>/parts`: replaces all parts.
///
/// - `200` with the parts (recorded, R3); the body is checked before anything is looked up; `not_found`;
///   `object_deleted`
pub async fn replace_all(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    OfMessage(message): OfMessage,
    Payload(body): Payload,
) -> Answer {
    let new = NewPart::parse_all(&body, caller.version)?;
    let message = services.parts.replace_all(caller, conversation, message, new).await?;
    let view = system_view(&services, caller, Identities::new());
    Ok(answer::json(StatusCode::OK, &view.parts(message)))
}

/// `PUT /conversations/<uuid>/messages/<uuid>/parts/<uuid>`: replaces a part.
///
/// - `200` with the part (recorded, R3); the body is checked before anything is looked up; `not_found`;
///   `object_deleted`
pub async fn replace(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    OfMessage(message): OfMessage,
    OfPart(part): OfPart,
    Payload(body): Payload,
) -> Answer {
    let new = NewPart::parse_one(&body, caller.version)?;
    let (message, index) = services.parts.replace(caller, conversation, message, part, new).await?;
    let view = system_view(&services, caller, Identities::new());
    Ok(answer::json(StatusCode::OK, &view.part(message, index)))
}

/// `DELETE /conversations/<uuid>/messages/<uuid>/parts/<uuid>`: removes a part.
///
/// - `204` (recorded, R3), also for the last one (assumed); `not_found`, also once more; `object_deleted`
pub async fn delete(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    OfMessage(message): OfMessage,
    OfPart(part): OfPart,
) -> Answer {
    services.parts.delete(caller, conversation, message, part).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
