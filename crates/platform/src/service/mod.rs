//! The rules: who may do what, what is found again, what is refused. No HTTP, no SQL.
//!
//! A rule that depends on stored data runs inside the job that changes it, so that nothing can come between.

pub mod announcement;
pub mod app;
pub mod archive;
pub mod batch;
pub mod block;
mod cached;
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
pub mod schedule;
pub mod snapshot;
pub mod upload;
pub mod user;
pub mod webhook;

use std::collections::HashMap;
use std::sync::Arc;

use layer_store::app::AppRecord;
use layer_store::changes::{Changes, Kinds};
use layer_store::{Store, StoreError};
use layer_wire::url::Urls;
use layer_wire::{AppId, UserId};

use self::cached::Cached;
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
    /// Apps that were seen, so that a request does not have to look its app up.
    apps: Cached<HashMap<AppId, AppRecord>>,
    events: Arc<Events>,
    webhooks: WebhookOptions,
    /// Whether anyone is suspended, if that is known, so that a request has to look only then.
    suspended: Cached<Option<bool>>,
    delivery_history: History,
    links: Arc<Links>,
    files: Arc<Files>,
    /// Whether exports may be asked for more than once a day.
    unlimited_exports: bool,
    /// Scheme and host of the URLs in answers.
    public_url: String,
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
            apps: Cached::new(&*store, Kinds::APPS),
            suspended: Cached::new(&*store, Kinds::SUSPENSIONS),
            store,
            clock,
            ids,
            events,
            webhooks,
            delivery_history: History::default(),
            links,
            files: Arc::new(files),
            unlimited_exports,
            public_url,
            memory: Memory::default(),
        })
    }

    /// What is committed from now on, of these kinds.
    pub fn changes(&self, kinds: Kinds) -> Changes {
        self.store.changes(kinds)
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

    /// Empties the store of all but the apps and their tokens, and begins anew: ids, history, files. Blocks until that
    /// is durable.
    pub fn reset(&self) -> Result<(), StoreError> {
        self.store.reset()?;
        self.delivery_history.disown();
        self.files.clear()?;
        self.delivery_history.clear();
        self.ids.restart();
        Ok(())
    }

    /// Everything that is stored, in one piece, in memory. Blocks. Error: `Unavailable` when the engine makes no
    /// copies.
    pub fn snapshot(&self) -> Result<Vec<u8>, StoreError> {
        snapshot::take(&*self.store, &self.files, &self.ids)
    }

    /// Replaces everything by a snapshot. Blocks until that is durable.
    ///
    /// Error: `BadSnapshot` when it is none; nothing is changed then. `Unavailable` when the engine makes no copies.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), StoreError> {
        snapshot::restore(&*self.store, &self.files, &self.ids, bytes)?;
        self.delivery_history.disown();
        Ok(())
    }

    /// Scheme and host of the URLs in answers.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }
}
