//! The rules: who may do what, what is found again, what is refused. No HTTP, no SQL.
//!
//! A rule that depends on stored data runs inside the job that changes it, so that nothing can come between.

pub mod announcement;
pub mod app;
pub mod block;
pub mod caller;
pub mod client_api;
pub mod conversation;
pub mod dedupe;
pub mod deletion;
pub mod delivery;
pub mod event;
pub mod following;
pub mod identity;
pub mod message;
pub mod named;
pub mod notification;
pub mod receipt;
pub mod scheduled_message;
pub mod user;
pub mod webhook;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use layer_wire::AppId;
use tokio::sync::Notify;

use self::delivery::History;
use self::event::Events;
use crate::clock::Clock;
use crate::config::WebhookOptions;
use crate::ids::Ids;
use crate::store::Store;
use crate::store::model::AppRecord;

/// Everything that the rules need.
pub struct Services {
    store: Arc<dyn Store>,
    clock: Clock,
    ids: Arc<Ids>,
    /// Apps that were seen, so that a request does not have to look its app up. Apps never change.
    apps: RwLock<HashMap<AppId, AppRecord>>,
    events: Arc<Events>,
    webhooks: WebhookOptions,
    /// Tells those who wait that a challenge had its outcome.
    webhook_verified: Notify,
    /// Whether anyone may be suspended, so that a request has to look only then.
    may_have_suspended: AtomicBool,
    delivery_history: History,
    /// Scheme and host of the URLs in answers.
    public_url: String,
    /// Rings when a message was scheduled.
    scheduled: Arc<Notify>,
}

impl Services {
    /// Puts the services together. `public_url` has no slash at its end.
    pub fn new(store: Arc<dyn Store>, clock: Clock, ids: Ids, public_url: String, webhooks: WebhookOptions) -> Self {
        let ids = Arc::new(ids);
        let events = Arc::new(Events::new(clock.clone(), Arc::clone(&ids), public_url.clone()));
        Self {
            store,
            clock,
            ids,
            apps: RwLock::default(),
            events,
            webhooks,
            webhook_verified: Notify::new(),
            may_have_suspended: AtomicBool::new(true),
            delivery_history: History::default(),
            public_url,
            scheduled: Arc::default(),
        }
    }

    /// What a write records its events with.
    pub fn events(&self) -> Arc<Events> {
        Arc::clone(&self.events)
    }

    /// The time of this platform.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The ids of this platform.
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// Begins anew after the store was emptied.
    pub fn start_afresh(&self) {
        self.forget();
        self.ids.restart();
    }

    /// Forgets what was remembered of a store whose content was replaced, and has the workers look at it anew.
    pub fn forget(&self) {
        self.apps.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.may_have_suspended.store(true, Ordering::SeqCst);
        self.scheduled.notify_one();
    }

    /// Rings when a message was scheduled.
    pub fn scheduled(&self) -> &Arc<Notify> {
        &self.scheduled
    }

    /// Scheme and host of the URLs in answers.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }
}
