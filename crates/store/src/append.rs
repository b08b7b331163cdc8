//! Sending as one command: what the rules decide before the write, and what the write checks of it.
//!
//! An engine in the process runs the job as it is. One that is far away asks for a plan instead, and carries out the
//! plans of many jobs in one transaction.
//!
//! The write checks the revision of the conversation, so participants, metadata and deletion are right even when the
//! engine planned with a record that it remembers. What else a rule looks at (blocks, identities, listeners to events)
//! it reads while it plans: as it was at a commit before the append, as if the request had come that much earlier.

use layer_wire::ConversationId;

use crate::conversation::ConversationRecord;
use crate::delivery::NewEvent;
use crate::job::{Rule, RuleJob};
use crate::key::AppKey;
use crate::message::NewMessageRecord;
use crate::{Reads, WriteJob};

/// A message that is ready to be appended.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// The revision of the conversation that it was planned with. In any other one it must not be appended.
    pub revision: u64,
    /// The message: without rich content, and hidden from nobody. It is appended as by
    /// [`crate::message::MessageWrites::append_message`].
    pub new: NewMessageRecord,
    /// The events to record with it.
    pub events: Vec<NewEvent>,
}

/// A write that appends one message. [`WriteJob::run`] does all of it.
///
/// In its place, an engine may plan and append, as often as it needs to; the last call of [`Self::appended`] or
/// `run` counts. It runs the job where there is no plan, and where it could not append: the revision is another one,
/// the conversation is deleted or unknown, the id is in use.
pub trait AppendJob: WriteJob {
    /// The conversation.
    fn conversation(&self) -> (AppKey, ConversationId);

    /// Decides what to append. `conversation` may be one that the engine remembers. `None` when that takes more than an
    /// append, or is refused.
    fn plan(&mut self, reads: &dyn Reads, conversation: &ConversationRecord) -> Option<Append>;

    /// Hears that what was planned last is appended, in this position, unless the transaction fails.
    fn appended(&mut self, position: u32);
}

/// A rule that appends one message. [`Rule::run`] does all of it.
pub trait AppendRule: Rule {
    /// The conversation.
    fn conversation(&self) -> (AppKey, ConversationId);

    /// See [`AppendJob::plan`]; with what the caller hears if it is appended.
    fn plan(&mut self, reads: &dyn Reads, conversation: &ConversationRecord) -> Option<(Append, Self::Done)>;

    /// Puts the position into what the caller hears.
    fn place(done: &mut Self::Done, position: u32);
}

impl<R, Reply> AppendJob for RuleJob<R, Reply>
where
    R: AppendRule,
    Reply: FnOnce(Result<R::Done, R::Failure>) + Send,
{
    fn conversation(&self) -> (AppKey, ConversationId) {
        self.rule.conversation()
    }

    fn plan(&mut self, reads: &dyn Reads, conversation: &ConversationRecord) -> Option<Append> {
        self.outcome = None;
        let (append, done) = self.rule.plan(reads, conversation)?;
        self.outcome = Some(Ok(done));
        Some(append)
    }

    fn appended(&mut self, position: u32) {
        if let Some(Ok(done)) = &mut self.outcome {
            R::place(done, position);
        }
    }
}
