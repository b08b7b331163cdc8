//! Rich content, as far as the API goes. Contract 2.5 and Client API 4.8. Its bytes come and go in `upload.rs` and
//! `download.rs`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use layer_store::content::ContentRecord;
use layer_wire::ApiError;
use layer_wire::content::{Content, LENGTH_HEADER, NewContent, ORIGIN_HEADER, TYPE_HEADER};
use layer_wire::url::{self, DownloadLinks as _};

use super::Answer;
use crate::http::answer;
use crate::http::extract::{InConversation, OfContent, OfUser, text_header};
use crate::http::gate::Caller;
use crate::service::Services;

/// `POST /conversations/<uuid>/content`: announces an upload; the body, if there is one, is not looked at.
///
/// - `201` with the URL to upload to, and `Location`
/// - `missing_property` and `invalid_property` with the name of the header (assumed); `not_found`; `object_deleted`
pub async fn create(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    headers: HeaderMap,
) -> Answer {
    let content = services.contents.create(caller.key, conversation, announced(&headers)?).await?;
    let location = url::content_location(caller.app, conversation, content.id);
    Ok(created(&services, caller, &content, &location))
}

/// `POST /content`: announces an upload as a user. Which conversation it is for, the message that carries it says.
///
/// - `201` with the URL to upload to, and `Location`
/// - `missing_property` and `invalid_property` with the name of the header (assumed); `rate_limit_exceeded` for too
///   much that no message carries (assumed)
pub async fn create_as_user(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    headers: HeaderMap,
) -> Answer {
    let content = services.contents.create_as_user(caller.key, user, announced(&headers)?).await?;
    let location = url::content_location_in_client_api(content.id);
    Ok(created(&services, caller, &content, &location))
}

fn announced(headers: &HeaderMap) -> Result<NewContent, ApiError> {
    let header = |name| text_header(headers, name);
    NewContent::parse(header(TYPE_HEADER), header(LENGTH_HEADER), header(ORIGIN_HEADER))
}

fn created(services: &Services, caller: Caller, content: &ContentRecord, location: &str) -> Response {
    let upload_url = services.core.links().upload(caller.app, content.id, content.created_at);
    let shown = Content::created(content.id, content.announced.size, upload_url, caller.version);
    answer::with_location(answer::json(StatusCode::CREATED, &shown), location)
}

/// `GET /conversations/<uuid>/content/<uuid>`: a fresh link to download.
///
/// - `200`; `not_found`, also when it was never uploaded (assumed); `object_deleted` for the conversation
pub async fn get(
    State(services): State<Arc<Services>>,
    caller: Caller,
    InConversation(conversation): InConversation,
    OfContent(id): OfContent,
) -> Answer {
    let content = services.contents.find(caller.key, conversation, id).await?;
    Ok(found(&services, caller, &content, &url::content_location(caller.app, conversation, id)))
}

/// `GET /content/<uuid>`: a fresh link to download, for who uploaded it and for those in whose conversation it is.
///
/// - `200`; `not_found`, also when it was never uploaded (assumed)
pub async fn get_as_user(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    OfContent(id): OfContent,
) -> Answer {
    let content = services.contents.find_of_user(caller.key, user, id).await?;
    Ok(found(&services, caller, &content, &url::content_location_in_client_api(id)))
}

fn found(services: &Services, caller: Caller, content: &ContentRecord, location: &str) -> Response {
    let refresh_url = format!("{}{location}", services.core.public_url());
    let link = services.core.links().download(caller.app, content.id);
    answer::json(StatusCode::OK, &Content::uploaded(content.id, content.announced.size, refresh_url, link))
}
