//! Every route of the Client API on one page. Client API 4.
//!
//! The handlers are those of the Server API in the view of a user: the session says which app and user it is about.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{delete, get, post};
use layer_wire::Version;
use tower_service::Service as _;

use crate::http::error::{self, no_such_method, no_such_route};
use crate::http::gate::{self, Caller};
use crate::http::routes::{
    announcement, client_api, content, conversation, deletion, following, identity, message, part, push_token, receipt,
    session,
};
use crate::http::unread;
use crate::service::Services;

/// The nouns that paths of the Client API begin with. Channels were a preview and do not exist.
const NOUNS: [&str; 11] = [
    "ping",
    "nonces",
    "sessions",
    "conversations",
    "channels",
    "messages",
    "announcements",
    "identities",
    "following",
    "push_tokens",
    "telemetry",
];

/// Whether a path is one of the Client API, if only by its first segment. Below `/content`, links to the bytes have two
/// ids and more.
pub fn is_path(path: &str) -> bool {
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let noun = segments.next().unwrap_or_default();
    path == "/" || NOUNS.contains(&noun) || (noun == "content" && segments.count() < 2)
}

/// Builds the routes. Only what a client needs before it has a session is open.
pub fn build(services: &Arc<Services>) -> Router {
    let by_version = Version::ALL.map(|version| {
        routes(version)
            .fallback(no_such_route)
            .method_not_allowed_fallback(no_such_method)
            .with_state(Arc::clone(services))
    });
    let with_session = Router::new()
        .fallback(dispatch)
        .with_state(Arc::new(by_version))
        .layer(from_fn_with_state(Arc::clone(services), gate::check_session));
    Router::new()
        .route("/", get(session::root))
        .route("/ping", get(session::ping))
        .route("/nonces", post(session::nonce))
        .route("/sessions", post(session::open))
        .route("/telemetry", post(session::telemetry))
        .method_not_allowed_fallback(no_such_method)
        .with_state(Arc::clone(services))
        .fallback_service(with_session)
        .layer(map_response(error::in_client_docs))
        .layer(from_fn(unread::discard))
}

/// Hands a request to the routes of its version.
async fn dispatch(State(by_version): State<Arc<[Router; 4]>>, caller: Caller, request: Request) -> Response {
    // Versions number their routers: both are in the order of `Version::ALL`.
    let mut router = by_version[caller.version as usize].clone();
    router.call(request).await.unwrap_or_else(|never: Infallible| match never {})
}

/// The routes of a version.
fn routes(version: Version) -> Router<Arc<Services>> {
    let router = Router::new()
        .route("/sessions/{session}", delete(session::end))
        .route("/conversations", get(conversation::get_all_of_user).post(client_api::create_conversation))
        .route(
            "/conversations/{conversation}",
            get(conversation::get_of_user).patch(client_api::edit_conversation).delete(deletion::delete_conversation),
        )
        .route("/conversations/{conversation}/messages", get(message::get_all_of_user).post(client_api::send_message))
        .route("/messages/{message}", get(message::get_of_user).delete(deletion::delete_message))
        .route("/messages/{message}/receipts", post(receipt::give))
        .route("/content", post(content::create_as_user))
        .route("/content/{content}", get(content::get_as_user))
        .route("/push_tokens", post(push_token::register))
        .route("/push_tokens/{device}", delete(push_token::forget))
        .route("/announcements", get(announcement::get_all_of_user))
        .route("/announcements/{announcement}", get(announcement::get_of_user).delete(announcement::delete_of_user))
        .route("/announcements/{announcement}/receipts", post(receipt::give_for_announcement));
    if version < Version::V2_0 {
        return router;
    }
    let router = router
        .route("/conversations/{conversation}/mark_all_read", post(receipt::mark_all_read))
        .route("/identities", get(following::identities))
        .route("/identities/{identity}", get(identity::get_for_user))
        .route("/following", get(following::get_all))
        .route("/following/{followed}", delete(following::unfollow))
        .route("/following/users", post(following::follow_all))
        .route("/following/users/{followed}", get(following::get).put(following::follow).delete(following::unfollow));
    if version < Version::V3_0 {
        return router;
    }
    router
        .route("/messages/{message}/parts", get(part::get_all).post(part::add).put(part::replace_all))
        .route("/messages/{message}/parts/{part}", get(part::get).put(part::replace).delete(part::delete))
}

#[cfg(test)]
mod tests {
    use super::is_path;

    #[test]
    fn paths_of_the_client_api_are_told_from_those_of_the_server_api_and_of_links() {
        for path in ["/", "/nonces", "/conversations/x", "/identities/a%2Fb", "/channels", "/content", "/content/x"] {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "",
            "/apps",
            "/apps/x/conversations",
            "/openapi.json",
            "/exports/x/y",
            "/content/x/y",
            "/_platform/clock",
            "/x",
        ] {
            assert!(!is_path(path), "{path}");
        }
    }
}
