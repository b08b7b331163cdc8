//! Whose socket it is, and how things look to that user.

use layer_store::key::AppKey;
use layer_store::session::SessionRecord;
use layer_wire::view::Identities;
use layer_wire::{AppId, Timestamp, UserId, Version};

use crate::http::render::UserView;
use crate::service::Services;
use crate::service::caller::{Api, Caller};

/// Whose socket it is.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The app.
    pub app: AppId,
    /// The app inside the store.
    pub key: AppKey,
    /// The user.
    pub user: UserId,
    /// What it speaks.
    pub version: Version,
    /// The token of its session.
    pub token: Box<str>,
    /// When its session ends by itself.
    pub expires_at: Timestamp,
}

impl Listener {
    /// The user of a session.
    pub fn new(session: SessionRecord, token: &str, version: Version) -> Self {
        let SessionRecord { app, key, user, expires_at } = session;
        Self { app, key, user, version, token: token.into(), expires_at }
    }

    /// The same as a caller.
    pub fn caller(&self) -> Caller {
        Caller { app: self.app, key: self.key, version: self.version, api: Api::Client }
    }
}

/// The view of the user who listens.
pub fn view_of(services: &Services, listener: &Listener, identities: Identities) -> UserView {
    let caller = listener.caller();
    UserView::new(services.core.urls_of_user(caller, &listener.user), caller, listener.user.clone(), identities)
}
