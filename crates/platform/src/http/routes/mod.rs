//! The handlers: extract, call the service, answer.

pub mod announcement;
pub mod app;
pub mod block;
pub mod client_api;
pub mod content;
pub mod conversation;
pub mod deletion;
pub mod download;
pub mod export;
pub mod following;
pub mod identity;
pub mod message;
pub mod notification;
pub mod part;
pub mod push_token;
pub mod receipt;
pub mod session;
pub mod upload;
pub mod user;
pub mod webhook;

use layer_wire::view::Identities;
use layer_wire::{ApiError, UserId};

use crate::http::error::{Answer, HttpError};
use crate::http::gate::Caller;
use crate::http::render::{SystemView, UserView};
use crate::service::Services;
use crate::service::dedupe::Creation;

fn system_view(services: &Services, caller: Caller, identities: Identities) -> SystemView {
    SystemView::new(services.core.urls(caller.app), caller, identities)
}

fn user_view(services: &Services, caller: Caller, user: UserId, identities: Identities) -> UserView {
    UserView::new(services.core.urls_of_user(caller, &user), caller, user, identities)
}

/// What was created, or `id_in_use` with whatever has the id.
fn created<Record>(creation: Creation<Record>, what: &str, view: &SystemView) -> Result<Record, HttpError> {
    match creation {
        Creation::Done(record) => Ok(record),
        Creation::IdInUse(tagged) => Err(ApiError::id_in_use(what, view.tagged(tagged)).into()),
    }
}
