//! The rules: who may do what, what is found again, what is refused. No HTTP, no SQL.
//!
//! A rule that depends on stored data runs inside the job that changes it, so that nothing can come between.

pub mod announcement;
pub mod app;
pub mod archive;
pub mod block;
pub mod caller;
pub mod client_api;
pub mod content;
pub mod conversation;
pub mod dedupe;
pub mod deletion;
pub mod delivery;
pub mod event;
pub mod export;
pub mod failure;
pub mod following;
pub mod identity;
pub mod message;
pub mod named;
pub mod notification;
pub mod part;
pub mod receipt;
pub mod scheduled_message;
pub mod snapshot;
pub mod upload;
pub mod user;
pub mod webhook;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use layer_store::model::AppRecord;
use layer_store::{Store, StoreError};
use layer_wire::url::Urls;
use layer_wire::{AppId, UserId};
use tokio::sync::Notify;

use self::delivery::History;
use self::event::Events;
use crate::config::WebhookOptions;
use crate::ground::clock::Clock;
use crate::ground::files::Files;
use crate::ground::ids::Ids;
use crate::ground::links::Links;
use crate::ground::memory::Memory;

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
    links: Arc<Links>,
    files: Arc<Files>,
    /// Rings when a write gave up files.
    files_unused: Arc<Notify>,
    generation: Arc<AtomicU64>,
    /// Rings when an export was asked for, or the schedule of exports changed.
    exports_wanted: Arc<Notify>,
    /// Whether exports may be asked for more than once a day.
    unlimited_exports: bool,
    /// Scheme and host of the URLs in answers.
    public_url: String,
    /// Rings when a message was scheduled.
    scheduled: Arc<Notify>,
    memory: Memory,
}

impl Services {
    /// Puts the services together. `public_url` has no slash at its end.
    ///
    /// Error: the store does not answer. Blocks until it does.
    pub fn new(
        store: Arc<dyn Store>,
        files: Files,
        clock: Clock,
        ids: Ids,
        public_url: String,
        webhooks: WebhookOptions,
        unlimited_exports: bool,
    ) -> Result<Self, StoreError> {
        let fresh = ids.link_key();
        let key = store.write_blocking::<_, StoreError>(move |writes| writes.link_key(fresh))?;
        let links = Arc::new(Links::new(public_url.clone(), key, clock.clone()));
        let ids = Arc::new(ids);
        let events = Arc::new(Events::new(clock.clone(), Arc::clone(&ids), public_url.clone(), Arc::clone(&links)));
        Ok(Self {
            store,
            clock,
            ids,
            apps: RwLock::default(),
            events,
            webhooks,
            webhook_verified: Notify::new(),
            may_have_suspended: AtomicBool::new(true),
            delivery_history: History::default(),
            links,
            files: Arc::new(files),
            files_unused: Arc::default(),
            generation: Arc::default(),
            exports_wanted: Arc::default(),
            unlimited_exports,
            public_url,
            scheduled: Arc::default(),
            memory: Memory::default(),
        })
    }

    /// The room that requests under way have in memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What makes and checks the links that need no token.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// The folder beside the database.
    pub fn files(&self) -> Arc<Files> {
        Arc::clone(&self.files)
    }

    /// Rings when a write may have given up files: then they can be deleted. It may ring in the middle of that write.
    pub fn files_unused(&self) -> &Arc<Notify> {
        &self.files_unused
    }

    /// Rings when an export was asked for, or the schedule of exports changed.
    pub fn exports_wanted(&self) -> &Arc<Notify> {
        &self.exports_wanted
    }

    /// The URLs of an app.
    pub fn urls(&self, app: AppId) -> Urls {
        Urls::system(&self.public_url, app).with_downloads(Arc::clone(&self.links) as _)
    }

    /// The URLs of an app in the view of a user.
    pub fn urls_of_user(&self, app: AppId, user: &UserId) -> Urls {
        Urls::of_user(&self.public_url, app, user).with_downloads(Arc::clone(&self.links) as _)
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
        self.delivery_history.clear();
        self.ids.restart();
        self.wake_workers();
    }

    /// Has the workers look at a store whose content was replaced. Not before that is done: what they are in the middle of is
    /// forgotten, and they would begin it once more.
    pub fn wake_workers(&self) {
        self.scheduled.notify_one();
        self.events.recorded().notify_one();
        self.files_unused.notify_one();
        self.exports_wanted.notify_one();
    }

    /// Forgets what was remembered of a store whose content is replaced. Call it before and after: what begins in between is
    /// forgotten as well.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.apps.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.may_have_suspended.store(true, Ordering::SeqCst);
    }

    /// How often the content of the store was replaced, so that the outcome of something in the old one is not kept in the new one.
    pub fn generation(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.generation)
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
