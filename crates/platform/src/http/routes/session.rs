//! Sessions of users, and what a client asks before it has one. Client API 2 and 4.1.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, LINK};
use http::{HeaderMap, HeaderValue, StatusCode};
use layer_wire::Version;
use layer_wire::client_api::session::{NewNonce, NewSession, SessionToken};

use super::Answer;
use crate::http::answer;
use crate::http::error::HttpError;
use crate::http::extract::{AsUser, JsonBody, NamedSession, discard, text_header};
use crate::http::gate::session_token;
use crate::service::Services;

/// `GET /`: where everything begins. With an authorization it tells whether the session goes on, which the SDKs ask
/// before they open a socket again.
///
/// - `200` with `Link`; `authentication_required` for a session that ended
pub async fn root(State(services): State<Arc<Services>>, headers: HeaderMap) -> Answer {
    if let Some(header) = headers.get(AUTHORIZATION) {
        let token = header.to_str().ok().and_then(session_token);
        services.sessions.find(token.unwrap_or_default()).await?;
    }
    Ok(with_links(&services, answer::json(StatusCode::OK, &serde_json::Map::new()), &["nonces", "sessions"]))
}

/// `GET /ping`: whether the platform answers, in no version.
///
/// - `200` without a body
pub async fn ping() -> Response {
    answer::empty(StatusCode::OK)
}

/// `POST /nonces`: a nonce for an identity token. The body, if there is one, is not looked at.
///
/// - `201`; no session is needed
pub async fn nonce(State(services): State<Arc<Services>>, headers: HeaderMap) -> Answer {
    check_version(&headers)?;
    Ok(answer::json(StatusCode::CREATED, &NewNonce { nonce: services.sessions.nonce().await? }))
}

/// `POST /sessions`: opens a session with an identity token.
///
/// - `201` with the token of the session; no session is needed
/// - `missing_property`; `invalid_property` `identity_token`; `invalid_app_id`; `user_suspended`
pub async fn open(State(services): State<Arc<Services>>, headers: HeaderMap, JsonBody(body): JsonBody) -> Answer {
    check_version(&headers)?;
    let token = services.sessions.open(NewSession::parse(&body)?).await?;
    let created = answer::json(StatusCode::CREATED, &SessionToken { session_token: token.reveal() });
    Ok(with_links(&services, created, &[]))
}

/// `DELETE /sessions/<token>`: ends the session.
///
/// - `204`, also for a token that is not the caller's own, which ends nothing (assumed)
pub async fn end(State(services): State<Arc<Services>>, as_user: AsUser, NamedSession(named): NamedSession) -> Answer {
    services.sessions.end(&as_user.token, &named).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `POST /telemetry`: what the SDKs tell their vendor, where an application points them here. Nobody reads it.
///
/// - `202`, whatever comes
pub async fn telemetry(request: Request) -> Response {
    discard(request.into_body()).await;
    answer::empty(StatusCode::ACCEPTED)
}

/// There is one shape for all versions, but an unknown one is refused as everywhere.
fn check_version(headers: &HeaderMap) -> Result<(), HttpError> {
    Version::from_accept(text_header(headers, http::header::ACCEPT.as_str()))?;
    Ok(())
}

/// Adds where to go on: to `first`, and to what needs a session.
fn with_links(services: &Services, mut response: Response, first: &[&str]) -> Response {
    let url = services.core.public_url();
    let links = first.iter().chain(&["conversations", "content"]).map(|name| format!("<{url}/{name}>; rel={name}"));
    // Sockets open on the root. It is plain HTTP that a WebSocket begins with.
    let socket = format!("<{}>; rel=websocket", url.replacen("http", "ws", 1));
    if let Ok(links) = HeaderValue::from_str(&links.chain([socket]).collect::<Vec<_>>().join(", ")) {
        response.headers_mut().insert(LINK, links);
    }
    response
}
