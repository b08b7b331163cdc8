//! Claims: which worker has which queued item. They stand in the rows of the queue: several processes can share one,
//! and a dead one holds nothing for long.

use std::time::Duration;

use layer_wire::Timestamp;
use uuid::Uuid;

/// One claim of a worker. Each claim is another one: what was claimed again in the meantime is no longer under the
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimId(Uuid);

impl ClaimId {
    /// Wraps a UUID, which an engine makes anew for each claim.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// Something that a worker has claimed: nobody else gets it until the claim lapses or is given back.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed<T> {
    /// The claim, which the worker shows when it is done.
    pub claim: ClaimId,
    /// What was claimed.
    pub record: T,
}

/// What a worker got when it asked for work.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims<T> {
    /// What it has claimed now.
    pub taken: Vec<T>,
    /// When something else will be due by the clock of the platform, unless a change comes first.
    pub next: Option<Timestamp>,
    /// When the next claim of anyone lapses, by the clock of the engine: nobody tells that it did.
    pub lapses_in: Option<Duration>,
}

impl<T> Default for Claims<T> {
    fn default() -> Self {
        Self { taken: vec![], next: None, lapses_in: None }
    }
}
