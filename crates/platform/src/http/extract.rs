//! What handlers take out of a request: ids in the path, the dedupe tag, the query, the body.
//!
//! Paths are split into segments first and each segment is decoded afterwards, so a `%2F` stays inside its segment.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, IF_NONE_MATCH};
use http::request::Parts;
use http_body_util::BodyExt as _;
use layer_store::session::SessionRecord;
use layer_wire::id::InvalidUserId;
use layer_wire::page::ListQuery;
use layer_wire::{
    AnnouncementId, ApiError, ContentId, ConversationId, ExportId, MessageId, UserId, WebhookId, id, version,
};
use uuid::Uuid;

use crate::ground::memory::{self, Memory, Share};
use crate::http::error::HttpError;
use crate::service::Services;
use crate::service::part::Seeker;

/// The largest request body that is taken (assumed; the contract names none). A message with hundreds of full parts
/// fits.
pub const MAX_BODY_BYTES: usize = 1_048_576;

/// How much of a body that nobody needs is still read, so that the client comes to read the answer.
const MAX_DISCARDED_BYTES: usize = 8 * MAX_BODY_BYTES;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The decoded path parameter `name`.
async fn path_parameter<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<String, HttpError> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| HttpError::NoSuchPath)?;
    let value = parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    value.ok_or(HttpError::NoSuchPath)
}

/// An empty segment leads nowhere; other bad ids are named.
fn user_id(text: String) -> Result<UserId, HttpError> {
    match UserId::parse(text) {
        Ok(user) => Ok(user),
        Err(InvalidUserId::Empty) => Err(ApiError::invalid_endpoint().into()),
        Err(reason) => Err(ApiError::invalid_request(format!("The user id in the path {reason}.")).into()),
    }
}

/// The session that a request came with.
#[derive(Clone)]
pub struct AsUser {
    /// Whose it is, and until when.
    pub session: SessionRecord,
    /// Its token.
    pub token: Box<str>,
}

impl<S: Send + Sync> FromRequestParts<S> for AsUser {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        // Absent only if a route were added outside the gate.
        parts.extensions.get().cloned().ok_or_else(|| ApiError::internal().into())
    }
}

/// The user whose view or data is asked for: whose session it is, or the segment after `users`.
///
/// Error: `invalid_request` when it holds NUL or is too long.
pub struct OfUser(pub UserId);

impl<S: Send + Sync> FromRequestParts<S> for OfUser {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        if let Some(as_user) = parts.extensions.get::<AsUser>() {
            return Ok(Self(as_user.session.user.clone()));
        }
        user_id(path_parameter(parts, state, "user").await?).map(Self)
    }
}

/// The user whose identity is asked for: the segment after `identities`. Errors as for [`OfUser`].
pub struct OfIdentity(pub UserId);

impl<S: Send + Sync> FromRequestParts<S> for OfIdentity {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        user_id(path_parameter(parts, state, "identity").await?).map(Self)
    }
}

/// The token of a session in the path.
pub struct NamedSession(pub String);

impl<S: Send + Sync> FromRequestParts<S> for NamedSession {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        path_parameter(parts, state, "session").await.map(Self)
    }
}

/// The user who is blocked: the segment after `blocks`. Errors as for [`OfUser`].
pub struct Blocked(pub UserId);

impl<S: Send + Sync> FromRequestParts<S> for Blocked {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        user_id(path_parameter(parts, state, "blocked").await?).map(Self)
    }
}

/// The user who is followed: the segment after `following`. Errors as for [`OfUser`].
pub struct Followed(pub UserId);

impl<S: Send + Sync> FromRequestParts<S> for Followed {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        user_id(path_parameter(parts, state, "followed").await?).map(Self)
    }
}

/// The conversation in the path. Error: `404` with a plain text when it is not a UUID (recorded).
pub struct InConversation(pub ConversationId);

impl<S: Send + Sync> FromRequestParts<S> for InConversation {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let text = path_parameter(parts, state, "conversation").await?;
        ConversationId::parse_bare(&text).map(Self).ok_or(HttpError::NoSuchPath)
    }
}

/// Who asks for the parts of a message: the user whose session it is, or the application, by the conversation in the
/// path. Errors as for [`InConversation`].
pub struct By(pub Seeker);

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        if let Some(as_user) = parts.extensions.get::<AsUser>() {
            return Ok(Self(Seeker::User(as_user.session.user.clone())));
        }
        let InConversation(conversation) = InConversation::from_request_parts(parts, state).await?;
        Ok(Self(Seeker::InConversation(conversation)))
    }
}

/// The message in the path. Error: `invalid_request_id` when it is not a UUID (recorded status).
pub struct OfMessage(pub MessageId);

impl<S: Send + Sync> FromRequestParts<S> for OfMessage {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let text = path_parameter(parts, state, "message").await?;
        MessageId::parse_bare(&text)
            .map(Self)
            .ok_or_else(|| ApiError::invalid_request_id("message id").in_client_docs().into())
    }
}

/// The rich content in the path. Error: `invalid_request_id` when it is not a UUID (assumed, by the error table).
pub struct OfContent(pub ContentId);

impl<S: Send + Sync> FromRequestParts<S> for OfContent {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let text = path_parameter(parts, state, "content").await?;
        ContentId::parse_bare(&text).map(Self).ok_or_else(|| ApiError::invalid_request_id("content id").into())
    }
}

/// The device in the path.
pub struct OfDevice(pub String);

impl<S: Send + Sync> FromRequestParts<S> for OfDevice {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        path_parameter(parts, state, "device").await.map(Self)
    }
}

/// The export in the path. Error: `not_found` when it is not a UUID (assumed).
pub struct OfExport(pub ExportId);

impl<S: Send + Sync> FromRequestParts<S> for OfExport {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let text = path_parameter(parts, state, "export").await?;
        ExportId::parse_bare(&text).map(Self).ok_or_else(|| ApiError::export_not_found().into())
    }
}

/// The webhook in the path. Error: `invalid_request_id` when it is not a UUID (assumed, by the error table).
pub struct OfWebhook(pub WebhookId);

impl<S: Send + Sync> FromRequestParts<S> for OfWebhook {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let text = path_parameter(parts, state, "webhook").await?;
        WebhookId::parse_bare(&text).map(Self).ok_or_else(|| ApiError::invalid_request_id("webhook id").into())
    }
}

/// The part in the path, by its UUID. Error: `invalid_request_id` when it is none (assumed, as for messages).
pub struct OfPart(pub Uuid);

impl<S: Send + Sync> FromRequestParts<S> for OfPart {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let text = path_parameter(parts, state, "part").await?;
        id::parse_uuid(&text).map(Self).ok_or_else(|| ApiError::invalid_request_id("part id").into())
    }
}

/// The announcement in the path. Error: `invalid_request_id` when it is not a UUID (assumed, as for messages).
pub struct OfAnnouncement(pub AnnouncementId);

impl<S: Send + Sync> FromRequestParts<S> for OfAnnouncement {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let text = path_parameter(parts, state, "announcement").await?;
        AnnouncementId::parse_bare(&text)
            .map(Self)
            .ok_or_else(|| ApiError::invalid_request_id("announcement id").into())
    }
}

/// The dedupe tag of a create request: the UUID that the new resource gets. Contract 1.6.
///
/// Error: `invalid_request_id` when `If-None-Match` is not a bare UUID without quotes.
pub struct DedupeTag(pub Option<Uuid>);

impl<S: Send + Sync> FromRequestParts<S> for DedupeTag {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        let Some(header) = parts.headers.get(IF_NONE_MATCH) else { return Ok(Self(None)) };
        let uuid = header.to_str().ok().and_then(id::parse_uuid);
        match uuid {
            Some(uuid) => Ok(Self(Some(uuid))),
            None => Err(ApiError::invalid_request_id("header If-None-Match").into()),
        }
    }
}

/// The query of a list. Error: `invalid_request` when it is not valid percent-encoding.
pub struct Query(pub ListQuery);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        Ok(Self(ListQuery::parse(parts.uri.query().unwrap_or_default())?))
    }
}

/// The bytes of the body.
///
/// Errors: [`HttpError::BodyTooLarge`] over [`MAX_BODY_BYTES`], [`HttpError::BodyIncomplete`] after 30 s or when the
/// client hangs up, [`HttpError::BodyMalformed`], [`HttpError::BodyEncoded`]; `Busy` when there is no room in memory.
pub struct JsonBody(pub Bytes);

impl FromRequest<Arc<Services>> for JsonBody {
    type Rejection = HttpError;

    async fn from_request(request: Request, services: &Arc<Services>) -> Result<Self, HttpError> {
        let encoding = request.headers().get(CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(HttpError::BodyEncoded);
        }
        let read = read_body(request.into_body(), services.core.memory());
        tokio::time::timeout(BODY_TIMEOUT, read).await.map_err(|_| HttpError::BodyIncomplete)?.map(Self)
    }
}

/// The bytes of a Layer Patch. Errors: `invalid_header` for another `Content-Type`, and those of [`JsonBody`].
pub struct PatchBody(pub Bytes);

impl FromRequest<Arc<Services>> for PatchBody {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &Arc<Services>) -> Result<Self, HttpError> {
        version::check_patch_content_type(text_header(request.headers(), CONTENT_TYPE.as_str()))?;
        JsonBody::from_request(request, state).await.map(|JsonBody(bytes)| Self(bytes))
    }
}

/// The bytes of a new webhook. Errors: `invalid_header` for another `Content-Type` than JSON, and those of
/// [`JsonBody`].
pub struct WebhookBody(pub Bytes);

impl FromRequest<Arc<Services>> for WebhookBody {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &Arc<Services>) -> Result<Self, HttpError> {
        version::check_webhook_content_type(text_header(request.headers(), CONTENT_TYPE.as_str()))?;
        JsonBody::from_request(request, state).await.map(|JsonBody(bytes)| Self(bytes))
    }
}

/// A header as text; `None` when it is absent or not plain ASCII.
pub fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Why the rest of a body does not come.
pub fn broken_off(error: &axum::Error) -> HttpError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        // What hyper says of chunks that are none; of a connection that ended, it says something else.
        if let Some(error) = error.downcast_ref::<io::Error>()
            && matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
        {
            return HttpError::BodyMalformed;
        }
        cause = error.source();
    }
    HttpError::BodyIncomplete
}

async fn read_body(mut body: Body, memory: &Memory) -> Result<Bytes, HttpError> {
    let mut bytes = BytesMut::new();
    let mut length = 0;
    let mut share: Option<Share> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken_off(&error))?.into_data() else { continue };
        length += data.len();
        if length <= MAX_BODY_BYTES {
            if length > memory::SMALL {
                match &mut share {
                    // The bytes grow by doubling.
                    Some(share) => share.grow(memory, length.next_power_of_two())?,
                    None => share = Some(memory.for_request(length.next_power_of_two())?),
                }
            }
            bytes.extend_from_slice(&data);
        } else if length > MAX_DISCARDED_BYTES {
            break;
        } else {
            bytes = BytesMut::new();
            share = None;
        }
    }
    if length > MAX_BODY_BYTES {
        Err(HttpError::BodyTooLarge(MAX_BODY_BYTES))
    } else {
        Ok(memory.keep(bytes.freeze(), share)?)
    }
}

/// Reads a body that nobody needs, within limits of size and time: a client that is cut off while it sends may never
/// see its answer.
pub async fn discard(mut body: Body) {
    let mut length = 0;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            length += frame.data_ref().map_or(0, Bytes::len);
            if length > MAX_DISCARDED_BYTES {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(BODY_TIMEOUT, read).await;
}
