//! What every request passes before its handler: path, version, app, token. Contract 1.1 to 1.3.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{ACCEPT, AUTHORIZATION};
use http::request::Parts;
use http::{HeaderMap, Method};
use layer_store::session::SessionRecord;
use layer_wire::{ApiError, AppId, Version, percent};

use crate::http::error::{self, HttpError};
use crate::http::extract::{AsUser, OfUser, text_header};
use crate::service::Services;
pub use crate::service::caller::{Api, Caller};

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        // Absent only if a route were added outside the gate.
        parts.extensions.get().copied().ok_or_else(|| ApiError::internal().into())
    }
}

/// Lets a request pass that is well addressed and has a valid token.
///
/// Checked in this order (assumed): path encoding (`400`), a path below `/apps/` (`404`), `Accept` (`406`), a token at
/// all (`401`), how often it was used (`429`), the app (`403`), the token (`401`).
///
/// Every error below `/webhooks` points at the documentation of webhooks, unknown routes and wrong methods too.
/// Contract 1.9.
pub async fn check(
    State(services): State<Arc<Services>>,
    mut request: Request,
    next: Next,
) -> Result<Response, HttpError> {
    let address = address(request.uri().path())?;
    let response = match admit(&services, &address, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
            let _turn = if is_read { Some(services.core.memory().turn_to_read(address.is_list).await?) } else { None };
            next.run(request).await
        }
        Err(failure) => failure.into_response(),
    };
    Ok(if address.is_webhooks { error::in_webhooks_docs(response) } else { response })
}

/// Lets a request of the Client API pass that comes with a session.
///
/// Checked in this order (assumed): path encoding (`400`), `Accept` (`406`), how often the session was used (`429`),
/// the session (`401`, with a fresh nonce).
pub async fn check_session(
    State(services): State<Arc<Services>>,
    mut request: Request,
    next: Next,
) -> Result<Response, HttpError> {
    let segments = decoded(request.uri().path())?;
    let version = Version::from_accept(text_header(request.headers(), ACCEPT.as_str()))?;
    let token = text_header(request.headers(), AUTHORIZATION.as_str()).and_then(session_token);
    let Some(token) = token else { return Err(services.sessions.unauthenticated().await.into()) };
    check_rate(&services, token)?;
    let as_user = AsUser { session: services.sessions.find(token).await?, token: token.into() };
    let SessionRecord { app, key, .. } = as_user.session;
    request.extensions_mut().insert(Caller { app, key, version, api: Api::Client });
    request.extensions_mut().insert(as_user);
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    // Kinds and ids take turns, after the empty segment that a path begins with.
    let is_list = segments.len() % 2 == 0;
    let _turn = if is_read { Some(services.core.memory().turn_to_read(is_list).await?) } else { None };
    Ok(next.run(request).await)
}

/// Counts the use of a token. Before it is checked, so that who tries tokens costs no look into the store.
fn check_rate(services: &Services, token: &str) -> Result<(), HttpError> {
    services.limiter.as_ref().map_or(Ok(()), |limiter| limiter.take(token).map_err(HttpError::RateLimited))
}

/// The token of an `Authorization` header as clients send it: `Layer session-token="<token>"`. Single quotes and none
/// are taken, too.
pub fn session_token(header: &str) -> Option<&str> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let (name, token) = rest.split_once('=')?;
    let is_right = scheme.eq_ignore_ascii_case("layer") && name.trim().eq_ignore_ascii_case("session-token");
    let token = token.trim().trim_matches(['"', '\'']);
    (is_right && !token.is_empty()).then_some(token)
}

async fn admit(services: &Services, address: &Address, headers: &HeaderMap) -> Result<Caller, HttpError> {
    let accept = text_header(headers, ACCEPT.as_str());
    let version =
        if address.is_webhooks { Version::from_webhooks_accept(accept) } else { Version::from_accept(accept) }?;
    let token = text_header(headers, AUTHORIZATION.as_str()).and_then(bearer_token);
    let token = token.ok_or_else(ApiError::authentication_required)?;
    check_rate(services, token)?;
    let app = address.app.ok_or_else(ApiError::invalid_app_id)?;
    let key = services.apps.authenticate(app, token).await?;
    Ok(Caller { app, key, version, api: Api::Server })
}

/// Lets a request pass that is made as a user, unless the user is suspended. Contract 2.8 and 2.10.
///
/// Error: `user_suspended` (assumed for the proxy of the Client API; the contract says so of sessions).
pub async fn check_not_suspended(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    request: Request,
    next: Next,
) -> Result<Response, HttpError> {
    services.users.check_not_suspended(caller.key, user).await?;
    Ok(next.run(request).await)
}

/// Lets a request pass that is made as a user who exists. Only before 2.0: later versions show lists without items
/// instead.
/// Contract 2.1.3 and 2.10.
///
/// Error: `not_found` (assumed; the contract says `404`).
pub async fn check_known(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    request: Request,
    next: Next,
) -> Result<Response, HttpError> {
    services.users.check_known(caller.key, user).await?;
    Ok(next.run(request).await)
}

/// Whom a path `/apps/<app>/...` is about.
struct Address {
    /// `None` when the id is malformed.
    app: Option<AppId>,
    /// Whether it names things of a kind, rather than one by its id.
    is_list: bool,
    /// Whether it belongs to the Webhooks API, which has a media type of its own. Contract 6.1.
    is_webhooks: bool,
}

fn address(path: &str) -> Result<Address, HttpError> {
    let segments = decoded(path)?;
    match segments.as_slice() {
        [root, apps, app, rest @ ..] if root.is_empty() && apps == "apps" => {
            let is_webhooks = rest.first().is_some_and(|noun| noun == "webhooks");
            // Kinds and ids take turns.
            let is_list = rest.len() % 2 == 1;
            Ok(Address { app: AppId::parse_bare(app), is_list, is_webhooks })
        }
        _ => Err(ApiError::invalid_endpoint().into()),
    }
}

fn decoded(path: &str) -> Result<Vec<String>, ApiError> {
    let malformed = |_| ApiError::invalid_request("The path is not valid percent-encoded UTF-8.");
    path.split('/').map(percent::decode).collect::<Result<_, _>>().map_err(malformed)
}

/// The token of an `Authorization` header.
pub fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::session_token;

    #[test]
    fn the_token_of_a_session_is_read_with_either_quotes_and_without() {
        for header in ["Layer session-token=\"a-_.\"", "layer Session-Token='a-_.'", "Layer session-token=a-_."] {
            assert_eq!(session_token(header), Some("a-_."), "{header}");
        }
        for header in ["", "Layer", "Bearer a", "Layer token=a", "Layer session-token=", "Layer session-token=\"\""] {
            assert_eq!(session_token(header), None, "{header}");
        }
    }
}
