//! The URLs that rich content is uploaded to. Contract 2.5. They speak like the resumable uploads of Google Cloud
//! Storage, which the original handed out: one `PUT` or `POST` with all bytes, or chunks with `Content-Range`.
//!
//! The body is taken as it comes, also that of a form: the recorded client of multipart forms announces the length of
//! the whole form (recorded, L3).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, CONNECTION, CONTENT_LENGTH,
    CONTENT_RANGE, ORIGIN, RANGE, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use layer_wire::content::{NewContent, UploadRange};
use layer_wire::{ApiError, AppId, ContentId, id};

use super::Answer;
use crate::ground::links::Purpose;
use crate::http::answer;
use crate::http::error::HttpError;
use crate::http::extract::{broken_off, discard, text_header};
use crate::service::Services;
use crate::service::content::LinkedContent;
use crate::service::upload::{BUFFER, Progress, Upload};

/// How long a client may send nothing in the middle of an upload.
const IDLE: Duration = Duration::from_secs(30);

/// What a link names: app and thing. Error: `access_denied`, as for a wrong signature.
pub fn linked(
    services: &Services,
    purpose: Purpose,
    app: &str,
    thing: &str,
    query: Option<&str>,
) -> Result<(AppId, uuid::Uuid), HttpError> {
    let (app, thing) = (AppId::parse_bare(app), id::parse_uuid(thing));
    let (Some(app), Some(thing)) = (app, thing) else { return Err(ApiError::invalid_link().into()) };
    services.core.links().check(purpose, app, thing, query.unwrap_or_default())?;
    Ok((app, thing))
}

/// `PUT` or `POST` of bytes, or of nothing with `Content-Range: bytes */<size>`, which asks how far the upload is.
///
/// - `200` with an object of Google Cloud Storage once all is there (recorded), also when it was there before
/// - `308` with `Range` as long as something is missing, without it when everything is
/// - `invalid_request` for another number of bytes than announced; `conflict` for two at once; `access_denied` for a
///   bad link;
///   `not_found` when the content is gone; `request_timeout` after 30 s of silence
pub async fn receive(
    State(services): State<Arc<Services>>,
    Path((app, content)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer {
    let (app, id) = linked(&services, Purpose::Upload, &app, &content, query.as_deref())?;
    let linked = services.contents.find_linked(app, ContentId::new(id)).await?;
    let origin = allowed_origin(request.headers(), &linked.content.announced);
    let outcome = take(&services, linked, request).await;
    let mut response = outcome.unwrap_or_else(|failure| {
        let mut response = failure.into_response();
        // Some of the body may be unread.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    });
    if let Some(origin) = origin {
        allow_origin(response.headers_mut(), origin);
        response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Range"));
    }
    Ok(response)
}

async fn take(services: &Services, linked: LinkedContent, request: Request) -> Answer {
    let size = linked.content.announced.size;
    let range = UploadRange::parse(text_header(request.headers(), CONTENT_RANGE.as_str()), size)?;
    let progress = services.uploads.progress(&linked).await?;
    let has_all = progress == Progress::Received(size);
    let progress = match progress {
        Progress::Finished(_) => {
            discard(request.into_body()).await;
            progress
        }
        Progress::Received(_) if range == UploadRange::Status && !has_all => progress,
        Progress::Received(_) => {
            let length = text_header(request.headers(), CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
            let announced = if range == UploadRange::Status { None } else { length };
            let _room = services.core.memory().for_request(BUFFER)?;
            let mut upload = services.uploads.begin(linked.clone(), range, announced).await?;
            match pour(request.into_body(), &mut upload).await {
                Ok(()) => services.uploads.end(upload).await?,
                Err(failure @ (HttpError::BodyIncomplete | HttpError::BodyMalformed)) => {
                    upload.keep().await?;
                    return Err(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
    };
    Ok(match progress {
        Progress::Finished(upload) => answer::json(StatusCode::OK, &services.contents.storage_object(&linked, upload)),
        Progress::Received(length) => resume(length),
    })
}

/// `308`: the status that Google has for "go on".
fn resume(length: u64) -> Response {
    let mut response = answer::empty(StatusCode::PERMANENT_REDIRECT);
    if length > 0
        && let Ok(range) = HeaderValue::from_str(&format!("bytes=0-{}", length - 1))
    {
        response.headers_mut().insert(RANGE, range);
    }
    response
}

/// Pours the body into the upload, no faster than the disk takes it.
async fn pour(mut body: Body, upload: &mut Upload) -> Result<(), HttpError> {
    loop {
        let frame = tokio::time::timeout(IDLE, body.frame()).await.map_err(|_| HttpError::BodyIncomplete)?;
        let Some(frame) = frame else { return Ok(()) };
        let Ok(data) = frame.map_err(|error| broken_off(&error))?.into_data() else { continue };
        upload.write(&data).await?;
    }
}

/// `OPTIONS`: whether a web page may upload: one of the origin that `Upload-Origin` announced.
///
/// - `204`, with the headers that allow it or without them
pub async fn preflight(
    State(services): State<Arc<Services>>,
    Path((app, content)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let (app, id) = linked(&services, Purpose::Upload, &app, &content, query.as_deref())?;
    let content = services.contents.find_linked(app, ContentId::new(id)).await?.content;
    let mut response = answer::empty(StatusCode::NO_CONTENT);
    if let Some(origin) = allowed_origin(&headers, &content.announced) {
        let allowed = response.headers_mut();
        allow_origin(allowed, origin);
        allowed.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("PUT, POST, OPTIONS"));
        if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            allowed.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        // Unit: seconds.
        allowed.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    }
    Ok(response)
}

/// The origin of the request, if it is the one that was announced.
fn allowed_origin(headers: &HeaderMap, announced: &NewContent) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    let wanted = announced.origin.as_deref()?;
    let is_allowed = wanted == "*" || origin.as_bytes().eq_ignore_ascii_case(wanted.as_bytes());
    is_allowed.then(|| origin.clone())
}

fn allow_origin(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(VARY, HeaderValue::from_static("Origin"));
}
