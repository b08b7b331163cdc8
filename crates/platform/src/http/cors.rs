//! What lets web pages use the Client API: they are never of the platform's origin. Client API 1.4.
//!
//! Any origin may ask, because the session token is the credential and there are no cookies. The Server API stays
//! without this: its token belongs in no browser.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::http::{answer, client};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");

/// What a page may read of an answer, beyond what any page may.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Layer-Count, Layer-Conversation-Is-Syncing, Link, Location, Retry-After");

/// How long a browser may remember that it may ask. Unit: seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Lets a page read the answer, whatever it is: the SDKs read the nonce of a `401`. What a browser asks beforehand is
/// answered here, as it has neither version nor session.
pub async fn allow(request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).filter(|_| client::is_path(request.uri().path())).cloned();
    let Some(origin) = origin else { return next.run(request).await };
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight {
        let mut response = answer::empty(StatusCode::NO_CONTENT);
        allow_request(response.headers_mut(), request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS));
        response
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    // A `*` does not count where credentials are sent.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(VARY, HeaderValue::from_static("Origin"));
    response
}

fn allow_request(headers: &mut HeaderMap, wanted: Option<&HeaderValue>) {
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if let Some(wanted) = wanted {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}
