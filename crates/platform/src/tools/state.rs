//! What the handlers of the admin API need.

use std::sync::Arc;

use axum::Router;
use layer_wire::{ApiError, AppId};
use tokio::sync::{Semaphore, watch};

use super::Tools;
use super::backups::Backups;
use super::charts::Charts;
use crate::http::error::HttpError;
use crate::http::live::Hub;
use crate::service::Services;

/// How many may watch at the same time.
const MAX_WATCHERS: usize = 32;

/// The platform, as they see it.
#[derive(Clone)]
pub struct Admin {
    /// The rules.
    pub services: Arc<Services>,
    /// The tools.
    pub tools: Arc<Tools>,
    /// The last hour in numbers.
    pub charts: Arc<Charts>,
    /// The sockets of clients.
    pub hub: Arc<Hub>,
    /// The Server API behind its gate.
    pub api: Router,
    /// The backups beside the database.
    pub backups: Arc<Backups>,
    /// Who follows what happens.
    pub watchers: Arc<Watchers>,
}

/// Who watches.
pub struct Watchers {
    /// A place for each.
    pub(super) places: Arc<Semaphore>,
    /// When all are sent away.
    pub(super) stop: watch::Receiver<bool>,
}

impl Watchers {
    /// Nobody yet. Whoever watches is sent away when `stop` says so.
    pub fn new(stop: watch::Receiver<bool>) -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_WATCHERS)), stop }
    }
}

/// The app in a path. Error: `invalid_app_id`.
pub fn app_id(text: &str) -> Result<AppId, HttpError> {
    AppId::parse(text).ok_or_else(|| ApiError::invalid_app_id().into())
}
