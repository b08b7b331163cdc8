//! The sockets of clients. Client API 5 and 6.

mod delayed;
mod dispatch;
mod elsewhere;
mod hub;
mod listener;
mod packet;
mod passing;
mod presence;
mod presence_feed;
mod request;
mod socket;
mod typing;

pub use self::hub::{Hub, Limits};

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{from_fn, map_response};
use axum::routing::get;
use axum::{Extension, Router};
use http::header::UPGRADE;

use crate::http::error::{self, no_such_method};
use crate::http::unread;
use crate::service::Services;

/// The paths on which sockets open: today's, and those of SDKs before 1.0.10.
const SOCKETS: [&str; 3] = ["/", "/websocket", "/websocket/"];

/// Whether a request is to become a socket.
pub fn is_socket(request: &Request) -> bool {
    let path = request.uri().path();
    let is_upgrade = request.headers().contains_key(UPGRADE);
    SOCKETS.contains(&path) && (path != "/" || is_upgrade)
}

/// Builds the routes of sockets.
pub fn sockets(services: &Arc<Services>, hub: Arc<Hub>) -> Router {
    SOCKETS
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, get(socket::upgrade)))
        .method_not_allowed_fallback(no_such_method)
        .layer(Extension(hub))
        .with_state(Arc::clone(services))
        .layer(map_response(error::in_client_docs))
        .layer(from_fn(unread::discard))
}
