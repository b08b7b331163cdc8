//! Parts of messages that were sent. Contract 2.2.6 and Client API 4.3: version 3.0 only.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_store::message::MessageRecord;
use layer_wire::ApiError;
use layer_wire::part::{NewPart, PartForm, ShownPart};

use super::Answer;
use crate::http::answer;
use crate::http::error::HttpError;
use crate::http::extract::{By, DedupeTag, JsonBody, OfMessage, OfPart};
use crate::http::gate::Caller;
use crate::service::Services;
use crate::service::part::{AddedPart, Seeker, index_of};

/// The message whose parts are asked for.
async fn find(
    services: &Services,
    caller: Caller,
    seeker: Seeker,
    OfMessage(message): OfMessage,
) -> Result<MessageRecord, HttpError> {
    let found = match seeker {
        Seeker::InConversation(conversation) => services.messages.find(caller, conversation, message).await?,
        Seeker::User(user) => services.messages.find_of_user(caller, user, message).await?,
    };
    Ok(found.0)
}

/// The parts of a message in the view of the caller. They show no users.
fn shown(services: &Services, caller: Caller, seeker: &Seeker, message: MessageRecord) -> Vec<ShownPart> {
    let urls = match seeker {
        Seeker::InConversation(_) => services.core.urls(caller.app),
        Seeker::User(user) => services.core.urls_of_user(caller, user),
    };
    ShownPart::all(message.parts, PartForm::of_reads(caller.version), message.conversation, message.id, &urls)
}

fn shown_at(services: &Services, caller: Caller, seeker: &Seeker, message: MessageRecord, index: usize) -> ShownPart {
    shown(services, caller, seeker, message).swap_remove(index)
}

/// `GET .../messages/<uuid>/parts`: the parts of a message.
///
/// - `200`; `not_found`; `object_deleted` for the conversation
pub async fn get_all(
    State(services): State<Arc<Services>>,
    caller: Caller,
    By(seeker): By,
    message: OfMessage,
) -> Answer {
    let message = find(&services, caller, seeker.clone(), message).await?;
    Ok(answer::json(StatusCode::OK, &shown(&services, caller, &seeker, message)))
}

/// `GET .../messages/<uuid>/parts/<uuid>`: a part.
///
/// - `200`; `invalid_request_id`; `not_found`; `object_deleted` for the conversation
pub async fn get(
    State(services): State<Arc<Services>>,
    caller: Caller,
    By(seeker): By,
    message: OfMessage,
    OfPart(part): OfPart,
) -> Answer {
    let message = find(&services, caller, seeker.clone(), message).await?;
    let index = index_of(&message, part)?;
    Ok(answer::json(StatusCode::OK, &shown_at(&services, caller, &seeker, message, index)))
}

/// `POST .../messages/<uuid>/parts`: adds a part.
///
/// - `201` with the part (recorded, R3); `id_in_use` with the part that has the id (assumed)
/// - the body is checked before anything is looked up; `not_found`; `object_deleted`; `access_denied` for a user who is
///   not the sender (assumed)
pub async fn add(
    State(services): State<Arc<Services>>,
    caller: Caller,
    By(seeker): By,
    OfMessage(message): OfMessage,
    DedupeTag(tag): DedupeTag,
    JsonBody(body): JsonBody,
) -> Answer {
    let new = NewPart::parse_one(&body, caller.version)?;
    match services.parts.add(caller, seeker.clone(), message, tag, new).await? {
        AddedPart::Done(message, index) => {
            Ok(answer::json(StatusCode::CREATED, &shown_at(&services, caller, &seeker, message, index)))
        }
        AddedPart::IdInUse(message, index) => {
            let existing = serde_json::to_value(shown_at(&services, caller, &seeker, message, index)).ok();
            Err(ApiError::id_in_use("MessagePart", existing).into())
        }
    }
}

/// `PUT .../messages/<uuid>/parts`: replaces all parts.
///
/// - `200` with the parts (recorded, R3); the body is checked before anything is looked up; `not_found`;
///   `object_deleted`; `access_denied` for a user who is not the sender (assumed)
pub async fn replace_all(
    State(services): State<Arc<Services>>,
    caller: Caller,
    By(seeker): By,
    OfMessage(message): OfMessage,
    JsonBody(body): JsonBody,
) -> Answer {
    let new = NewPart::parse_all(&body, caller.version)?;
    let message = services.parts.replace_all(caller, seeker.clone(), message, new).await?;
    Ok(answer::json(StatusCode::OK, &shown(&services, caller, &seeker, message)))
}

/// `PUT .../messages/<uuid>/parts/<uuid>`: replaces a part.
///
/// - `200` with the part (recorded, R3); the body is checked before anything is looked up; `not_found`;
///   `object_deleted`; `access_denied` for a user who is not the sender (assumed)
pub async fn replace(
    State(services): State<Arc<Services>>,
    caller: Caller,
    By(seeker): By,
    OfMessage(message): OfMessage,
    OfPart(part): OfPart,
    JsonBody(body): JsonBody,
) -> Answer {
    let new = NewPart::parse_one(&body, caller.version)?;
    let (message, index) = services.parts.replace(caller, seeker.clone(), message, part, new).await?;
    Ok(answer::json(StatusCode::OK, &shown_at(&services, caller, &seeker, message, index)))
}

/// `DELETE .../messages/<uuid>/parts/<uuid>`: removes a part.
///
/// - `204` (recorded, R3), also for the last one (assumed); `not_found`, also once more; `object_deleted`;
///   `access_denied` for a user who is not the sender (assumed)
pub async fn delete(
    State(services): State<Arc<Services>>,
    caller: Caller,
    By(seeker): By,
    OfMessage(message): OfMessage,
    OfPart(part): OfPart,
) -> Answer {
    services.parts.delete(caller, seeker, message, part).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
