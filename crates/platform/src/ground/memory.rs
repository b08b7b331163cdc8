//! How much memory the requests under way take up in all, so that no number of them takes down the process.
//!
//! Six things are bounded: request bodies with what is made of them, answers that their readers have not taken yet,
//! what sockets have read of messages that are not whole, what clients catch up with over them, what is gathered for
//! buckets, and how many reads run at once. What finds no room is answered with `503` at once, and the client comes
//! again; a socket waits for it, but is closed if there is none for the message that it reads: nobody knows when that
//! is whole; a bucket gets less at a time. What is small is not counted: the number of connections bounds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use layer_store::StoreError;
use layer_wire::body::{MAX_VALUES, Measure};
use layer_wire::page::MAX_PAGE_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// For request bodies and what is made of them. Unit: bytes, as in all that follows.
const REQUESTS: usize = 16 * 1024 * 1024;

/// For answers that are not sent yet.
const ANSWERS: usize = 32 * 1024 * 1024;

/// For what sockets have read of messages that are not whole.
const MESSAGES: usize = 16 * 1024 * 1024;

/// For what clients catch up with, which they have not taken yet.
const REPLAYS: usize = 16 * 1024 * 1024;

/// For what is gathered before it goes to a bucket.
#[cfg(feature = "postgres")]
pub const PIECES: usize = 64 * 1024 * 1024;

/// How many reads run at once, each of which holds a page and its JSON. More threads than this do not read anyway.
const READS: usize = 4;

/// How long a read may wait for its turn.
const READ_WAIT: Duration = Duration::from_secs(5);

/// Up to this length, bodies and answers are not counted.
pub const SMALL: usize = 16 * 1024;

/// What a value of a JSON text takes up once it is parsed, and what an object does besides. Measured with the allocator
/// of glibc.
const PER_VALUE: usize = 100;
const PER_OBJECT: usize = 450;

/// What is counted at most for what is parsed, so that there is room for any body that is taken.
const PARSED_AT_MOST: usize = 12 * 1024 * 1024;

/// The smallest amount that is counted.
const UNIT: usize = 1024;

/// The room that there is. Clones share it.
#[derive(Clone)]
pub struct Memory(Arc<Pools>);

struct Pools {
    requests: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    messages: Arc<Semaphore>,
    replays: Arc<Semaphore>,
    #[cfg(feature = "postgres")]
    pieces: Arc<Semaphore>,
    /// How many wait for room for a replay.
    waiting: AtomicUsize,
    reads: Semaphore,
}

/// Room that was taken. It is given back when this is dropped.
#[derive(Debug)]
pub struct Share(OwnedSemaphorePermit);

impl Default for Memory {
    fn default() -> Self {
        Self(Arc::new(Pools {
            requests: Arc::new(Semaphore::new(REQUESTS / UNIT)),
            answers: Arc::new(Semaphore::new(ANSWERS / UNIT)),
            messages: Arc::new(Semaphore::new(MESSAGES / UNIT)),
            replays: Arc::new(Semaphore::new(REPLAYS / UNIT)),
            #[cfg(feature = "postgres")]
            pieces: Arc::new(Semaphore::new(PIECES / UNIT)),
            waiting: AtomicUsize::new(0),
            reads: Semaphore::new(READS),
        }))
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn take(pool: &Arc<Semaphore>, bytes: usize) -> Result<Share, StoreError> {
    Arc::clone(pool).try_acquire_many_owned(units(bytes)).map(Share).map_err(|_| StoreError::Busy)
}

/// Waits for room. There is none only when the pool is closed, and none ever is.
async fn wait_for(pool: &Arc<Semaphore>, bytes: usize) -> Option<Share> {
    Arc::clone(pool).acquire_many_owned(units(bytes)).await.ok().map(Share)
}

/// What is counted for a JSON text once it is parsed.
fn parsed_size(text: &[u8]) -> usize {
    let Measure { values, objects } = Measure::of(text);
    // One with more values than may be is refused before it is parsed.
    let parsed = if values > MAX_VALUES { 0 } else { values * PER_VALUE + objects * PER_OBJECT };
    parsed.min(PARSED_AT_MOST)
}

impl Memory {
    /// Takes room for part of a request. Error: `Busy` when there is none.
    pub fn for_request(&self, bytes: usize) -> Result<Share, StoreError> {
        take(&self.0.requests, bytes)
    }

    /// Takes room for an answer. Error: `Busy` when there is none.
    pub fn for_answer(&self, bytes: usize) -> Result<Share, StoreError> {
        take(&self.0.answers, bytes)
    }

    /// Makes the room for what a socket has read of a message as large as `bytes`; what is small needs none. Error:
    /// `Busy` when there is none.
    pub fn for_message(&self, share: &mut Option<Share>, bytes: usize) -> Result<(), StoreError> {
        if bytes <= SMALL / 4 {
            return Ok(());
        }
        match share {
            Some(share) => share.grow_from(&self.0.messages, bytes),
            None => take(&self.0.messages, bytes).map(|taken| *share = Some(taken)),
        }
    }

    /// Waits for room for a packet of a client and what is made of it; `None` for one that is small. Its socket is not
    /// read meanwhile.
    pub async fn for_packet(&self, text: &[u8]) -> Option<Share> {
        if text.len() <= SMALL / 4 {
            return None;
        }
        wait_for(&self.0.requests, text.len() + parsed_size(text)).await
    }

    /// Takes room for what a client catches up with, at most all that there can be. Error: `Busy` when there is none.
    pub fn for_replay(&self, bytes: usize) -> Result<Share, StoreError> {
        take(&self.0.replays, bytes.min(REPLAYS))
    }

    /// Waits for such room.
    pub async fn wait_for_replay(&self, bytes: usize) -> Option<Share> {
        let _counted = Counted::new(&self.0.waiting);
        wait_for(&self.0.replays, bytes.min(REPLAYS)).await
    }

    /// Makes the room for what is gathered for a bucket as large as `bytes`. Error: `Busy` when there is none.
    #[cfg(feature = "postgres")]
    pub fn for_piece(&self, share: &mut Option<Share>, bytes: usize) -> Result<(), StoreError> {
        match share {
            Some(share) => share.grow_from(&self.0.pieces, bytes),
            None => take(&self.0.pieces, bytes).map(|taken| *share = Some(taken)),
        }
    }

    /// Whether anyone waits for such room.
    pub fn is_replay_awaited(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    /// Waits for the turn to read something and make an answer of it.
    ///
    /// Error: `Busy` after [`READ_WAIT`], and at once for a list when there is no room for a page.
    pub async fn turn_to_read(&self, is_list: bool) -> Result<SemaphorePermit<'_>, StoreError> {
        let has_room = || !is_list || self.0.answers.available_permits() >= MAX_PAGE_BYTES / UNIT;
        if !has_room() {
            return Err(StoreError::Busy);
        }
        let turn = tokio::time::timeout(READ_WAIT, self.0.reads.acquire()).await;
        // Those that waited for their turn may have been many.
        turn.ok().and_then(Result::ok).filter(|_| has_room()).ok_or(StoreError::Busy)
    }

    /// Takes the further room that is needed once a JSON body is parsed, and binds all of it to the bytes: it is given
    /// back when the last copy of them is dropped. Error: `Busy` when there is no room.
    pub fn keep(&self, bytes: Bytes, share: Option<Share>) -> Result<Bytes, StoreError> {
        if bytes.len() <= SMALL / 4 {
            return Ok(bytes);
        }
        let further = self.for_request(parsed_size(&bytes))?;
        Ok(Bytes::from_owner(Held { bytes, _shares: (share, further) }))
    }
}

/// Counts something for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Share {
    /// Makes the share as large as `bytes`, if it is smaller. Error: `Busy` when there is no room.
    pub fn grow(&mut self, memory: &Memory, bytes: usize) -> Result<(), StoreError> {
        self.grow_from(&memory.0.requests, bytes)
    }

    fn grow_from(&mut self, pool: &Arc<Semaphore>, bytes: usize) -> Result<(), StoreError> {
        let further = bytes.saturating_sub(self.0.num_permits() * UNIT);
        if further > 0 {
            self.0.merge(take(pool, further)?.0);
        }
        Ok(())
    }
}

struct Held {
    bytes: Bytes,
    _shares: (Option<Share>, Share),
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_with_the_last_copy_of_what_it_is_for() {
        let memory = Memory::default();
        let all = || memory.0.requests.available_permits();
        let before = all();
        let mut share = memory.for_request(UNIT).unwrap();
        share.grow(&memory, 100 * UNIT).unwrap();
        assert_eq!(before - all(), 100);
        let body = format!("[{}]", vec!["{}"; 20_000].join(","));
        let kept = memory.keep(body.into(), Some(share)).unwrap();
        assert!(before - all() > 20_000 * (PER_VALUE + PER_OBJECT) / UNIT);
        let copy = kept.clone();
        drop(kept);
        assert!(before > all());
        drop(copy);
        assert_eq!(before, all());
    }

    #[test]
    fn what_finds_no_room_is_refused_and_takes_none() {
        let memory = Memory::default();
        let half = memory.for_answer(ANSWERS / 2).unwrap();
        assert_eq!(memory.for_answer(ANSWERS / 2 + 1).err(), Some(StoreError::Busy));
        assert!(memory.for_answer(ANSWERS / 2).is_ok());
        drop(half);
        assert!(memory.for_answer(ANSWERS).is_ok());
        // The largest body that is parsed fits, alone.
        let body = format!("[{}]", vec!["{\"\":0}"; MAX_VALUES / 3].join(","));
        assert!(memory.keep(body.into(), None).is_ok());
    }
}
