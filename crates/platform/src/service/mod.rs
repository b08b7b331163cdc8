//! The rules: who may do what, what is found again, what is refused. No HTTP, no SQL.
//!
//! A rule that depends on stored data runs inside the job that changes it, so that nothing can come between.

pub mod announcement;
pub mod app;
pub mod block;
pub mod conversation;
pub mod dedupe;
pub mod deletion;
pub mod identity;
pub mod message;
pub mod receipt;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use layer_wire::AppId;

use crate::clock::Clock;
use crate::ids::Ids;
use crate::store::Store;
use crate::store::model::AppRecord;

/// Everything that the rules need.
pub struct Services {
    store: Arc<dyn Store>,
    clock: Clock,
    ids: Ids,
    /// Apps that were seen, so that a request does not have to look its app up. Apps never change.
    apps: RwLock<HashMap<AppId, AppRecord>>,
    /// Scheme and host of the URLs in answers.
    public_url: String,
}

impl Services {
    /// Puts the services together. `public_url` has no slash at its end.
    pub fn new(store: Arc<dyn Store>, clock: Clock, ids: Ids, public_url: String) -> Self {
        Self { store, clock, ids, apps: RwLock::default(), public_url }
    }

    /// The time of this platform.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Scheme and host of the URLs in answers.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }
}
