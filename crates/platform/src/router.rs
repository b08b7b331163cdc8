//! Every route on one page.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};
use layer_wire::ApiError;

use crate::error::Failure;
use crate::gate;
use crate::routes::{announcement, block, conversation, deletion, identity, message, receipt, webhook};
use crate::service::Services;

/// Builds the routes. Everything passes the gate first, unknown paths too.
pub fn build(services: Arc<Services>) -> Router {
    Router::new()
        // Conversations and messages, system view
        .route("/apps/{app}/conversations", post(conversation::create))
        .route(
            "/apps/{app}/conversations/{conversation}",
            get(conversation::get).patch(conversation::edit).delete(conversation::delete),
        )
        .route("/apps/{app}/conversations/{conversation}/messages", get(message::get_all).post(message::send))
        .route("/apps/{app}/conversations/{conversation}/messages/{message}", get(message::get).delete(message::delete))
        // The same, in the view of a user
        .route("/apps/{app}/users/{user}/conversations", get(conversation::get_all_of_user))
        .route(
            "/apps/{app}/users/{user}/conversations/{conversation}",
            get(conversation::get_of_user).delete(deletion::delete_conversation),
        )
        .route("/apps/{app}/users/{user}/conversations/{conversation}/mark_all_read", post(receipt::mark_all_read))
        .route("/apps/{app}/users/{user}/conversations/{conversation}/messages", get(message::get_all_of_user))
        .route(
            "/apps/{app}/users/{user}/messages/{message}",
            get(message::get_of_user).delete(deletion::delete_message),
        )
        .route("/apps/{app}/users/{user}/messages/{message}/receipts", post(receipt::give))
        // Users
        .route("/apps/{app}/users/{user}/blocks", get(block::get).post(block::block))
        .route("/apps/{app}/users/{user}/blocks/{blocked}", delete(block::unblock))
        .route(
            "/apps/{app}/users/{user}/identity",
            get(identity::get)
                .post(identity::create)
                .patch(identity::edit)
                .put(identity::replace)
                .delete(identity::delete),
        )
        // The whole app
        .route("/apps/{app}/announcements", post(announcement::send))
        // Webhooks
        .route("/apps/{app}/webhooks", get(webhook::get_all).post(webhook::register))
        .route("/apps/{app}/webhooks/{webhook}", get(webhook::get).delete(webhook::delete))
        .route("/apps/{app}/webhooks/{webhook}/activate", post(webhook::activate))
        .route("/apps/{app}/webhooks/{webhook}/deactivate", post(webhook::deactivate))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(Arc::clone(&services), gate::check))
        .with_state(services)
}

async fn no_such_route() -> Failure {
    ApiError::invalid_endpoint().into()
}

/// The router adds the `Allow` header.
async fn no_such_method() -> Failure {
    ApiError::method_not_allowed().into()
}
