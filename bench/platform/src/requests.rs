//! What a target is asked for, in its own protocol.

use fastrand::Rng;

/// What makes a message findable again when it is sent twice: the `If-None-Match` of the request, which becomes its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// None: the server makes the id.
    None,
    /// A random UUID, as the clients of old send it.
    V4,
    /// A UUID that begins with the time.
    V7,
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Sends a message to any conversation.
    Send(Tag),
    /// Lists 100 messages of a long conversation.
    ListLong,
    /// Lists the messages of any conversation.
    ListAny,
    /// Lists the conversations of a user.
    ListConversations,
}

/// The requests of a load to one server.
pub trait Requests {
    /// Writes the request of an operation in place of what `request` holds.
    fn write(&self, operation: Operation, rng: &mut Rng, request: &mut Vec<u8>);

    /// The statuses of a success; none where the server has nothing like this operation.
    fn successes(&self, operation: Operation) -> &'static [u16];

    /// Messages in the store before the load.
    fn messages(&self) -> u64;
}
