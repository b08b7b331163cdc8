//! The Server API without the token of an app, for who knows the admin token: all that an application can do with its
//! app, its operator can.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::Method;
use http::header::ACCEPT;
use layer_wire::{ApiError, Version};
use tower_service::Service as _;

use super::state::{Admin, app_id};
use crate::http::error::HttpError;
use crate::http::extract::text_header;
use crate::http::gate::{Api, Caller};

/// `<method> /_platform/apps/<app>/api/<path>`: a request of the Server API or the Webhooks API, in the version that
/// `Accept` names; 3.0 where it names none.
///
/// - as there; `invalid_app_id`
pub async fn ask(
    State(admin): State<Admin>,
    Path((app, _)): Path<(String, String)>,
    request: Request,
) -> Result<Response, HttpError> {
    let app = app_id(&app)?;
    let key = admin.services.apps.key(app).await?;
    // As it came: segments are decoded one by one, further on.
    let (_, path) = request.uri().path().split_once("/api/").ok_or_else(ApiError::invalid_endpoint)?;
    let is_webhooks = path == "webhooks" || path.starts_with("webhooks/");
    let accept = text_header(request.headers(), ACCEPT.as_str()).filter(|accept| accept.contains("layer"));
    let version = match accept {
        None => Version::V3_0,
        Some(accept) if is_webhooks => Version::from_webhooks_accept(Some(accept))?,
        Some(accept) => Version::from_accept(Some(accept))?,
    };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let target = format!("/apps/{app}/{path}{query}");
    let target = target.parse().map_err(|_| ApiError::invalid_endpoint())?;
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_list = path.split('/').count() % 2 == 1;
    let _turn = if is_read { Some(admin.services.core.memory().turn_to_read(is_list).await?) } else { None };
    let (parts, body) = request.into_parts();
    // What the routes so far left on the request is of no concern to those that follow.
    let mut request = http::Request::new(Body::new(body));
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (parts.method, target, parts.headers);
    request.extensions_mut().insert(Caller { app, key, version, api: Api::Server });
    let mut api: Router = admin.api.clone();
    Ok(api.call(request).await.unwrap_or_else(|never| match never {}))
}
