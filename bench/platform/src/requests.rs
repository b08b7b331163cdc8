//! What a target is asked for, in its own protocol.

use fastrand::Rng;

use crate::world::Operation;

/// The requests of a load to one server.
pub trait Requests {
    /// Writes the request of an operation in place of what `request` holds.
    fn write(&self, operation: Operation, rng: &mut Rng, request: &mut Vec<u8>);

    /// The statuses of a success; none where the server has nothing like this operation.
    fn successes(&self, operation: Operation) -> &'static [u16];

    /// Messages in the store before the load.
    fn messages(&self) -> u64;
}
