//! Receipts: how far messages got with their recipients.

use layer_wire::message::Status;
use layer_wire::{MessageId, UserId};

use crate::conversation::ConversationRecord;
use crate::delivery::NewEvent;
use crate::held::Held;
use crate::job::{Rule, RuleJob};
use crate::key::AppKey;
use crate::membership::Membership;
use crate::message::MessageRecord;
use crate::{Reads, StoreError, WriteJob};

/// What receipts change. What a user has not read yet is counted with it.
pub trait ReceiptWrites {
    /// Raises the status of a message with a user; `false` when it is that high already, or the user is not a
    /// recipient.
    fn raise_status(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        message: &mut Held<MessageRecord>,
        status: Status,
    ) -> Result<bool, StoreError>;

    /// Goes through the next messages that a participant has perhaps not read, oldest first, and marks them as read: at
    /// most `limit`, and none behind the position `up_to`. The place that it came to is kept.
    fn mark_read(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        up_to: u32,
        limit: usize,
    ) -> Result<MarkedRead, StoreError>;
}

/// What [`ReceiptWrites::mark_read`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedRead {
    /// The messages that were unread, as they are now.
    pub messages: Vec<MessageRecord>,
    /// Whether nothing is left to look at.
    pub is_done: bool,
}

/// A receipt that a user gives for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The app.
    pub app: AppKey,
    /// Who gives it.
    pub user: UserId,
    /// The message.
    pub message: MessageId,
    /// The status that the message gets with the user, if it has a lower one.
    pub status: Status,
}

/// What a receipt is about, all of it held until the end of the write.
#[derive(Debug, Clone, Copy)]
pub struct Receivable<'a> {
    /// The conversation of the message, perhaps a deleted one.
    pub conversation: &'a ConversationRecord,
    /// How the user who gives the receipt is or was a member of it.
    pub membership: Membership,
    /// The message, with its status already raised.
    pub message: &'a MessageRecord,
    /// Whether that changed anything, as [`ReceiptWrites::raise_status`] tells.
    pub is_raised: bool,
}

/// A write that gives one receipt. [`WriteJob::run`] does all of it.
///
/// In its place, an engine may hold what the receipts of many jobs are about, plan each, and raise the status as by
/// [`ReceiptWrites::raise_status`], as often as it needs to; the last call of [`Self::plan`] or `run` counts. It runs
/// the job where there is no plan, no such message, or no membership.
pub trait ReceiptJob: WriteJob {
    /// The receipt.
    fn receipt(&self) -> &Receipt;

    /// Decides which events to record with the receipt. `None` when it is refused.
    fn plan(&mut self, reads: &dyn Reads, of: Receivable<'_>) -> Option<Vec<NewEvent>>;
}

/// A rule that gives one receipt. [`Rule::run`] does all of it.
pub trait ReceiptRule: Rule<Done = ()> {
    /// The receipt.
    fn receipt(&self) -> &Receipt;

    /// See [`ReceiptJob::plan`].
    fn plan(&mut self, reads: &dyn Reads, of: Receivable<'_>) -> Option<Vec<NewEvent>>;
}

impl<R, Reply> ReceiptJob for RuleJob<R, Reply>
where
    R: ReceiptRule,
    Reply: FnOnce(Result<(), R::Failure>) + Send,
{
    fn receipt(&self) -> &Receipt {
        self.rule.receipt()
    }

    fn plan(&mut self, reads: &dyn Reads, of: Receivable<'_>) -> Option<Vec<NewEvent>> {
        self.outcome = None;
        let events = self.rule.plan(reads, of)?;
        self.outcome = Some(Ok(()));
        Some(events)
    }
}
