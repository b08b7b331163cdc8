//! Requests on their way to the engine's thread.
//!
//! Memory that one thread allocates and another one frees makes both wait for the allocator's lock. So the texts of
//! requests lie one after the other in one piece of memory, of which the engine takes slices, and all else that a
//! request needs is made over there.

use crate::client::Client;
use crate::connection::Body;
use crate::failure::Failure;
use crate::methods::Method;
use bytes::Bytes;
use http::{HeaderValue, Request};
use std::mem;
use std::sync::Arc;

/// Requests that are handed over in one piece.
#[derive(Default)]
pub struct Packet {
    /// For each draft its path and its body.
    pub(crate) text: Vec<u8>,
    pub(crate) drafts: Vec<Draft>,
}

/// A request without its texts.
pub(crate) struct Draft {
    pub(crate) ticket: u32,
    pub(crate) client: Arc<Client>,
    pub(crate) method: &'static Method,
    pub(crate) tag: Option<HeaderValue>,
    /// Where its path ends in the text; it begins where the draft before ends.
    pub(crate) path_end: usize,
    pub(crate) body_end: usize,
}

impl Packet {
    /// Requests after which a packet is worth a wake-up of the engine while JavaScript still makes more.
    const FULL_COUNT: usize = 128;
    /// Bytes after which it is. What one request keeps waiting for its reply, it keeps in memory of all its neighbours.
    const FULL_LENGTH: usize = 1 << 16;

    /// Whether it should be handed over without waiting for more.
    pub fn is_full(&self) -> bool {
        self.drafts.len() >= Self::FULL_COUNT || self.text.len() >= Self::FULL_LENGTH
    }

    /// Whether there is nothing to hand over.
    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// The requests, in the order in which they were put.
    pub(crate) fn into_jobs(self) -> impl Iterator<Item = Job> {
        let text = Bytes::from(self.text);
        let mut start = 0;
        self.drafts.into_iter().map(move |draft| {
            let path = text.slice(mem::replace(&mut start, draft.body_end)..draft.path_end);
            let body = text.slice(draft.path_end..draft.body_end);
            Job { ticket: draft.ticket, client: draft.client, method: draft.method, tag: draft.tag, path, body }
        })
    }
}

/// A request that the engine carries.
pub(crate) struct Job {
    pub(crate) ticket: u32,
    pub(crate) client: Arc<Client>,
    method: &'static Method,
    tag: Option<HeaderValue>,
    path: Bytes,
    body: Bytes,
}

impl Job {
    /// The request; made anew for each attempt, because few need a second one.
    pub(crate) fn request(&self) -> Result<Request<Body>, Box<Failure>> {
        let body = self.method.payload.map(|_| self.body.clone());
        let request = self.client.request(self.method, self.path.clone(), self.tag.as_ref(), body);
        // `prepare` lets nothing through that this would have to say.
        request.ok_or_else(|| Box::new(Failure::hang_up()))
    }
}
