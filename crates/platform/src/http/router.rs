//! Every route on one page.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{delete, get, patch, post, put};
use layer_wire::Version;
use tower_service::Service as _;

use crate::http::client;
use crate::http::error::{self, no_such_method, no_such_route};
use crate::http::gate::{self, Caller};
use crate::http::live::{self, Hub};
use crate::http::openapi;
use crate::http::routes::{
    announcement, app, block, client_api, content, conversation, deletion, download, export, following, identity,
    message, notification, part, receipt, upload, user, webhook,
};
use crate::http::unread;
use crate::service::Services;

/// Builds the routes of the Server API, and beside them those of the Client API. Everything passes its gate first,
/// unknown paths too; then the version decides which routes there are.
pub fn build(services: Arc<Services>, hub: Arc<Hub>, server_api: Router) -> Router {
    let api = server_api.layer(from_fn_with_state(Arc::clone(&services), gate::check)).layer(from_fn(unread::discard));
    let sockets = live::sockets(&services, hub);
    let api = Router::new().fallback(by_api).with_state((client::build(&services), sockets, api));
    linked(services).fallback_service(api)
}

/// The Server API behind its gate: a request comes with its [`Caller`].
pub fn server_api(services: &Arc<Services>) -> Router {
    let by_version = Version::ALL.map(|version| {
        routes(version, services)
            .fallback(no_such_route)
            .method_not_allowed_fallback(no_such_method)
            .with_state(Arc::clone(services))
    });
    Router::new().fallback(dispatch).with_state(Arc::new(by_version))
}

/// Hands a request to the API that its path is of.
async fn by_api(
    State((mut client, mut sockets, mut server)): State<(Router, Router, Router)>,
    request: Request,
) -> Response {
    let router = if live::is_socket(&request) {
        &mut sockets
    } else if client::is_path(request.uri().path()) {
        &mut client
    } else {
        &mut server
    };
    router.call(request).await.unwrap_or_else(|never: Infallible| match never {})
}

/// What is reached past the gate: signed links, and the description of the API.
fn linked(services: Arc<Services>) -> Router {
    Router::new()
        .route("/openapi.json", get(openapi::get))
        .route("/content/{app}/{content}", get(download::content))
        .route("/content/{app}/{content}/upload", put(upload::receive).post(upload::receive).options(upload::preflight))
        .route("/exports/{app}/{export}/export.tar.gz.enc", get(export::download))
        .method_not_allowed_fallback(no_such_method)
        .with_state(services)
}

/// Hands a request to the routes of its version.
async fn dispatch(State(by_version): State<Arc<[Router; 4]>>, caller: Caller, request: Request) -> Response {
    // Versions number their routers: both are in the order of `Version::ALL`.
    let mut router = by_version[caller.version as usize].clone();
    router.call(request).await.unwrap_or_else(|never: Infallible| match never {})
}

/// Adds the routes that exist from a version on.
fn since(first: Version, version: Version, router: Routes, add: fn(Routes) -> Routes) -> Routes {
    if version >= first { add(router) } else { router }
}

/// Adds the routes that end with a version.
fn until(last: Version, version: Version, router: Routes, add: fn(Routes) -> Routes) -> Routes {
    if version <= last { add(router) } else { router }
}

type Routes = Router<Arc<Services>>;

/// The routes of a version.
fn routes(version: Version, services: &Arc<Services>) -> Routes {
    let router = Router::new()
        // Conversations and messages, system view
        .route("/apps/{app}/conversations", post(conversation::create))
        .route(
            "/apps/{app}/conversations/{conversation}",
            get(conversation::get).patch(conversation::edit).delete(conversation::delete),
        )
        .route("/apps/{app}/conversations/{conversation}/messages", get(message::get_all).post(message::send))
        .route("/apps/{app}/conversations/{conversation}/messages/{message}", get(message::get).delete(message::delete))
        // Rich content
        .route("/apps/{app}/conversations/{conversation}/content", post(content::create))
        .route("/apps/{app}/conversations/{conversation}/content/{content}", get(content::get))
        // Users
        .route("/apps/{app}/users/{user}/blocks", get(block::get))
        .route(
            "/apps/{app}/users/{user}/identity",
            get(identity::get)
                .post(identity::create)
                .patch(identity::edit)
                .put(identity::replace)
                .delete(identity::delete),
        )
        .route("/apps/{app}/users/{user}", get(user::get).patch(user::edit))
        .route("/apps/{app}/users/{user}/badge", get(user::badge).put(user::set_badge))
        .route("/apps/{app}/users/{user}/sessions", delete(user::delete_sessions))
        // The whole app
        .route("/apps/{app}", patch(app::edit))
        .route("/apps/{app}/notifications", post(notification::send))
        .route("/apps/{app}/export_security", get(export::get_key).put(export::set_key))
        .route("/apps/{app}/export_schedule", get(export::get_schedule).put(export::set_schedule))
        .route("/apps/{app}/exports", get(export::get_all).post(export::request))
        .route("/apps/{app}/exports/{export}", delete(export::delete))
        .route("/apps/{app}/exports/{export}/status", get(export::get_status))
        .route("/apps/{app}/announcements", post(announcement::send))
        // Webhooks
        .route("/apps/{app}/webhooks", get(webhook::get_all).post(webhook::register))
        .route("/apps/{app}/webhooks/{webhook}", get(webhook::get).delete(webhook::delete))
        .route("/apps/{app}/webhooks/{webhook}/activate", post(webhook::activate))
        .route("/apps/{app}/webhooks/{webhook}/deactivate", post(webhook::deactivate));
    let router = until(Version::V1_1, version, router, |router| {
        router
            .route("/apps/{app}/users/{user}/blocks", post(block::block))
            .route("/apps/{app}/users/{user}/blocks/{blocked}", delete(block::unblock))
    });
    let router = since(Version::V2_0, version, router, |router| {
        router
            .route("/apps/{app}/users/{user}/following", get(following::get_all).post(following::follow_all))
            .route(
                "/apps/{app}/users/{user}/following/{followed}",
                get(following::get).put(following::follow).delete(following::unfollow),
            )
            .route("/apps/{app}/users/{user}/identities", get(following::identities))
    });
    let router = since(Version::V3_0, version, router, |router| {
        router
            .route(
                "/apps/{app}/conversations/{conversation}/messages/{message}/parts",
                get(part::get_all).post(part::add).put(part::replace_all),
            )
            .route(
                "/apps/{app}/conversations/{conversation}/messages/{message}/parts/{part}",
                get(part::get).put(part::replace).delete(part::delete),
            )
    });
    router.merge(users_view(version, services))
}

/// What a user sees and does, unless it is suspended: the Client API, served below the user. Its errors point at its
/// own documentation. Contract 2.8 and 2.10.
fn users_view(version: Version, services: &Arc<Services>) -> Routes {
    let router = Router::new()
        .route(
            "/apps/{app}/users/{user}/conversations",
            get(conversation::get_all_of_user).post(client_api::create_conversation),
        )
        .route(
            "/apps/{app}/users/{user}/conversations/{conversation}",
            get(conversation::get_of_user).patch(client_api::edit_conversation).delete(deletion::delete_conversation),
        )
        .route(
            "/apps/{app}/users/{user}/conversations/{conversation}/messages",
            get(message::get_all_of_user).post(client_api::send_message),
        )
        .route(
            "/apps/{app}/users/{user}/messages/{message}",
            get(message::get_of_user).delete(deletion::delete_message),
        )
        .route("/apps/{app}/users/{user}/messages/{message}/receipts", post(receipt::give))
        .route("/apps/{app}/users/{user}/announcements", get(announcement::get_all_of_user))
        .route(
            "/apps/{app}/users/{user}/announcements/{announcement}",
            get(announcement::get_of_user).delete(announcement::delete_of_user),
        )
        .route("/apps/{app}/users/{user}/announcements/{announcement}/receipts", post(receipt::give_for_announcement));
    let router = since(Version::V2_0, version, router, |router| {
        router
            .route("/apps/{app}/users/{user}/conversations/{conversation}/mark_all_read", post(receipt::mark_all_read))
    });
    let router = if version <= Version::V1_1 {
        router.route_layer(from_fn_with_state(Arc::clone(services), gate::check_known))
    } else {
        router
    };
    router
        .route_layer(from_fn_with_state(Arc::clone(services), gate::check_not_suspended))
        .method_not_allowed_fallback(no_such_method)
        .layer(map_response(error::in_client_docs))
}
