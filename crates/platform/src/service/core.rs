//! What every service stands on.

use std::sync::Arc;

use layer_store::changes::{Changes, Kinds};
use layer_store::page::Weighed;
use layer_store::passing::{Heard, Passing};
use layer_store::{Reads, State, Store, StoreError, Writes};
use layer_wire::page::Listing;
use layer_wire::url::Urls;
use layer_wire::{AppId, UserId};
use tokio::sync::{Mutex, mpsc};

use super::caller::{Api, Caller};
use super::event::Events;
use super::failure::Failure;
use super::named::{Named, NamesUsers, page_with_identities, with_identities};
use crate::ground::blobs::Blobs;
use crate::ground::clock::Clock;
use crate::ground::ids::Ids;
use crate::ground::links::Links;
use crate::ground::memory::Memory;

/// The store, and what the rules need beside it. Built once; every service has it.
pub struct Core {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    pub(super) ids: Arc<Ids>,
    pub(super) events: Arc<Events>,
    pub(super) links: Arc<Links>,
    pub(super) blobs: Arc<dyn Blobs>,
    /// The turn of deleting blobs by the names that the store gives, from reading these to forgetting them. Replacing
    /// the store has turns of the same kind: the names are then those of other blobs.
    pub(super) blob_turn: Mutex<()>,
    pub(super) public_url: String,
    memory: Memory,
}

impl Core {
    /// `blobs` go with the store, and have the same room in `memory`. `public_url` is scheme and host of the URLs in
    /// answers, without a slash at its end.
    ///
    /// Error: the store does not answer. Blocks until it does.
    pub fn new(
        store: Arc<dyn Store>,
        (blobs, memory): (Arc<dyn Blobs>, Memory),
        clock: Clock,
        ids: Ids,
        public_url: String,
    ) -> Result<Self, StoreError> {
        let fresh = ids.link_key();
        let key = store.write_blocking::<_, StoreError>(move |writes| writes.link_key(fresh))?;
        let links = Arc::new(Links::new(public_url.clone(), key, clock.clone()));
        let ids = Arc::new(ids);
        let events = Arc::new(Events::new(clock.clone(), Arc::clone(&ids), public_url.clone(), Arc::clone(&links)));
        let blob_turn = Mutex::default();
        Ok(Self { store, clock, ids, events, links, blobs, blob_turn, public_url, memory })
    }

    /// What is committed from now on, of these kinds.
    pub fn changes(&self, kinds: Kinds) -> Changes {
        self.store.changes(kinds)
    }

    /// Tells other platforms on the same database what passes.
    pub fn pass(&self, passing: Passing) {
        self.store.pass(passing);
    }

    /// What other platforms tell from now on that passes, for one who hears it.
    pub fn passing(&self) -> mpsc::Receiver<Heard> {
        self.store.passing()
    }

    /// The room that requests under way have in memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Makes and checks the links that need no token.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// The bytes of rich content and the archives of exports.
    pub fn blobs(&self) -> Arc<dyn Blobs> {
        Arc::clone(&self.blobs)
    }

    /// The URLs of an app.
    pub fn urls(&self, app: AppId) -> Urls {
        Urls::system(&self.public_url, app).with_downloads(Arc::clone(&self.links) as _)
    }

    /// The URLs of an app in the view of a user, as the API has them that the caller came over.
    pub fn urls_of_user(&self, caller: Caller, user: &UserId) -> Urls {
        let urls = match caller.api {
            Api::Server => Urls::of_user(&self.public_url, caller.app, user),
            Api::Client => Urls::in_client_api(&self.public_url, caller.app),
        };
        urls.with_downloads(Arc::clone(&self.links) as _)
    }

    /// What a write records its events with.
    pub(super) fn events(&self) -> Arc<Events> {
        Arc::clone(&self.events)
    }

    /// Reads from the store, as any read does, and forgets what it read. Error: the store does not answer.
    pub async fn answers(&self) -> Result<(), StoreError> {
        self.store.read(|reads: &dyn Reads| reads.app(AppId::new(uuid::Uuid::nil())).map(drop)).await
    }

    /// The store in numbers.
    pub fn store_state(&self) -> State {
        self.store.state()
    }

    /// The time of this platform.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Scheme and host of the URLs in answers.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Runs a read, and adds the identities of the users in what it found.
    pub async fn read_named<Found: NamesUsers + Send + 'static>(
        &self,
        caller: Caller,
        mut work: impl FnMut(&dyn Reads) -> Result<Found, Failure> + Send + 'static,
    ) -> Result<Named<Found>, Failure> {
        let read = move |reads: &dyn Reads| Ok(with_identities(reads, caller, work(reads)?)?);
        self.store.read(read).await
    }

    /// Runs a read of a page, ends it where it comes to take up too much, adds the identities of the users in it, and
    /// shows it. All of that where it is read: thousands of small pieces of memory that one thread takes and another
    /// gives back would have both wait for the allocator, for longer than the page takes.
    pub async fn read_page<Item: NamesUsers + Weighed, Shown: Send + 'static>(
        &self,
        caller: Caller,
        mut work: impl FnMut(&dyn Reads) -> Result<Listing<Item>, Failure> + Send + 'static,
        mut show: impl FnMut(Named<Listing<Item>>) -> Shown + Send + 'static,
    ) -> Result<Shown, Failure> {
        let read = move |reads: &dyn Reads| Ok(show(page_with_identities(reads, caller, work(reads)?)?));
        self.store.read(read).await
    }

    /// Runs a write, and adds the identities of the users in what it made or found.
    pub async fn write_named<Found: NamesUsers + Send + 'static>(
        &self,
        caller: Caller,
        mut work: impl FnMut(&mut dyn Writes) -> Result<Found, Failure> + Send + 'static,
    ) -> Result<Named<Found>, Failure> {
        let write = move |writes: &mut dyn Writes| {
            let found = work(writes)?;
            Ok(with_identities(writes, caller, found)?)
        };
        self.store.write(write).await
    }
}
