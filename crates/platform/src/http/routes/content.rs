//! Rich content, as far as the API goes. Contract 2.5. Its bytes come and go in `upload.rs` and `download.rs`.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use layer_wire::content::{Content, LENGTH_HEADER, NewContent, ORIGIN_HEADER, TYPE_HEADER};
use layer_wire::url::{self, DownloadLinks as _};

use super::Answer;
use crate::http::answer;
use crate::http::extract::{InConversation, OfContent, text_header};
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
    let header = |name| text_header(&headers, name);
    let new = NewContent::parse(header(TYPE_HEADER), header(LENGTH_HEADER), header(ORIGIN_HEADER))?;
    let content = services.contents.create(caller.key, conversation, new).await?;
    let upload_url = services.core.links().upload(caller.app, content.id, content.created_at);
    let shown = Content::created(content.id, content.announced.size, upload_url, caller.version);
    let location = url::content_location(caller.app, content.conversation, content.id);
    Ok(answer::with_location(answer::json(StatusCode::CREATED, &shown), &location))
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
    let location = url::content_location(caller.app, conversation, id);
    let refresh_url = format!("{}{location}", services.core.public_url());
    let link = services.core.links().download(caller.app, id);
    Ok(answer::json(StatusCode::OK, &Content::uploaded(id, content.announced.size, refresh_url, link)))
}
