//! Data exports. Contract 2.9.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use layer_store::export::ExportRecord;
use layer_store::file::FileName;
use layer_wire::export::{Export, ExportStatus, NewSchedule, Schedule, Security, parse_security};
use layer_wire::{ApiError, ExportId};

use super::Answer;
use super::download::respond;
use super::upload::linked;
use crate::ground::links::Purpose;
use crate::http::answer;
use crate::http::extract::{JsonBody, OfExport};
use crate::http::gate::Caller;
use crate::service::Services;

/// An export in an answer.
pub fn shown(services: &Services, export: ExportRecord) -> Export {
    let link = export.archive.as_ref().map(|_| services.core.links().archive(export.app, export.id));
    let status_url = format!("{}/apps/{}/exports/{}/status", services.core.public_url(), export.app, export.id);
    Export {
        id: export.id,
        r#type: export.kind,
        status: export.status(),
        public_key: export.public_key,
        created_at: export.created_at,
        started_at: export.started_at,
        completed_at: export.archive.as_ref().map(|archive| archive.completed_at),
        expired_at: None,
        download_url_expires_at: link.as_ref().map(|link| link.expires_at),
        download_url: link.map(|link| link.url),
        encrypted_aes_key: export.archive.as_ref().map(|archive| STANDARD.encode(&archive.encrypted_key)),
        aes_iv: export.archive.as_ref().map(|archive| STANDARD.encode(archive.iv)),
        status_url,
    }
}

/// `PUT /export_security`: sets the public key that exports are encrypted for.
///
/// - `200` with the key as it was given (recorded); `invalid_property` for what is no RSA key (recorded status)
pub async fn set_key(State(services): State<Arc<Services>>, caller: Caller, JsonBody(body): JsonBody) -> Answer {
    let public_key = parse_security(&body)?;
    services.exports.set_key(caller.key, public_key.clone()).await?;
    Ok(answer::json(StatusCode::OK, &Security { public_key }))
}

/// `GET /export_security`: the public key.
///
/// - `200`; `not_found` when there is none (assumed)
pub async fn get_key(State(services): State<Arc<Services>>, caller: Caller) -> Answer {
    let settings = services.exports.settings(caller.key).await?;
    let public_key = settings.public_key.ok_or_else(ApiError::export_key_not_found)?;
    Ok(answer::json(StatusCode::OK, &Security { public_key }))
}

/// `POST /exports`: asks for an export of everything; the body, if there is one, is not looked at.
///
/// - `202` (recorded); `invalid_operation` without a public key (assumed), or within a day of the last one (recorded
///   status)
pub async fn request(State(services): State<Arc<Services>>, caller: Caller) -> Answer {
    let export = services.exports.request(caller).await?;
    Ok(answer::json(StatusCode::ACCEPTED, &shown(&services, export)))
}

/// `GET /exports`: the exports of the app, historical and scheduled, newest first.
///
/// - `200`
pub async fn get_all(State(services): State<Arc<Services>>, caller: Caller) -> Answer {
    let exports = services.exports.list(caller.key).await?;
    let list: Vec<Export> = exports.into_iter().map(|export| shown(&services, export)).collect();
    Ok(answer::json(StatusCode::OK, &list))
}

/// `GET /exports/<uuid>/status`: how far an export is.
///
/// - `200` when it is completed (recorded), before that `202`; `not_found` (recorded)
pub async fn get_status(State(services): State<Arc<Services>>, caller: Caller, OfExport(id): OfExport) -> Answer {
    let export = services.exports.find(caller.key, id).await?;
    let is_completed = export.status() == ExportStatus::Completed;
    let status = if is_completed { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(answer::json(status, &shown(&services, export)))
}

/// `DELETE /exports/<uuid>`: deletes an export with its archive.
///
/// - `204`; `not_found` (recorded)
pub async fn delete(State(services): State<Arc<Services>>, caller: Caller, OfExport(id): OfExport) -> Answer {
    services.exports.delete(caller.key, id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `PUT /export_schedule`: changes when and what is exported by itself.
///
/// - `200` with five keys (recorded); `missing_property` and `invalid_property`; `invalid_operation` without a public
///   key (assumed)
pub async fn set_schedule(State(services): State<Arc<Services>>, caller: Caller, JsonBody(body): JsonBody) -> Answer {
    let new = NewSchedule::parse(&body)?;
    let settings = services.exports.set_schedule(caller.key, new).await?;
    Ok(answer::json(StatusCode::OK, &Schedule::from(settings)))
}

/// `GET /export_schedule`: when and what is exported by itself.
///
/// - `200`; `disabled` when nothing was ever set (assumed)
pub async fn get_schedule(State(services): State<Arc<Services>>, caller: Caller) -> Answer {
    let settings = services.exports.settings(caller.key).await?;
    Ok(answer::json(StatusCode::OK, &Schedule::from(settings)))
}

/// Downloads an archive over a signed link. Contract 7.
///
/// - `200`, or `206` for one range; `access_denied` for a bad link or one whose hour is over; `not_found`
pub async fn download(
    State(services): State<Arc<Services>>,
    Path((app, export)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let (app, id) = linked(&services, Purpose::Archive, &app, &export, query.as_deref())?;
    let app = services.apps.find(app).await?.ok_or_else(ApiError::export_not_found)?.key;
    let export = services.exports.find(app, ExportId::new(id)).await?;
    let archive = export.archive.ok_or_else(ApiError::export_not_found)?;
    let name = FileName::archive(export.app, export.id);
    let etag = format!("\"{}\"", export.id);
    let mut response = respond(&services, name, archive.size, &etag, &method, &headers).await?;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}
