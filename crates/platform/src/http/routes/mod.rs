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

use axum::response::Response;
use layer_wire::json::ToJson;
use layer_wire::page::Listing;
use layer_wire::view::Identities;
use layer_wire::{ApiError, UserId};

use crate::http::answer;
use crate::http::error::{Answer, HttpError};
use crate::http::gate::Caller;
use crate::http::render::{SystemView, UserView};
use crate::service::Services;
use crate::service::dedupe::Creation;
use crate::service::named::Named;

fn system_view(services: &Services, caller: Caller, identities: Identities) -> SystemView {
    SystemView::new(services.core.urls(caller.app), caller, identities)
}

fn user_view(services: &Services, caller: Caller, user: UserId, identities: Identities) -> UserView {
    UserView::new(services.core.urls_of_user(caller, &user), caller, user, identities)
}

/// Answers with a page in system view, on the thread that reads it. `item` shows an item.
fn system_list<Item: 'static, Shown: ToJson + 'static>(
    services: &Services,
    caller: Caller,
    item: fn(&SystemView, Item) -> Shown,
) -> impl FnMut(Named<Listing<Item>>) -> Response + Send + 'static + use<Item, Shown> {
    let urls = services.core.urls(caller.app);
    move |(listing, identities)| {
        let view = SystemView::new(urls.clone(), caller, identities);
        answer::list(caller.version, listing, |found| item(&view, found))
    }
}

/// The same in the view of a user.
fn user_list<Item: 'static, Shown: ToJson + 'static>(
    services: &Services,
    caller: Caller,
    user: UserId,
    item: fn(&UserView, Item) -> Shown,
) -> impl FnMut(Named<Listing<Item>>) -> Response + Send + 'static + use<Item, Shown> {
    let urls = services.core.urls_of_user(caller, &user);
    move |(listing, identities)| {
        let view = UserView::new(urls.clone(), caller, user.clone(), identities);
        answer::list(caller.version, listing, |found| item(&view, found))
    }
}

/// What was created, or `id_in_use` with whatever has the id.
fn created<Record>(creation: Creation<Record>, what: &str, view: &SystemView) -> Result<Record, HttpError> {
    match creation {
        Creation::Done(record) => Ok(record),
        Creation::IdInUse(tagged) => Err(ApiError::id_in_use(what, view.tagged(tagged)).into()),
    }
}
