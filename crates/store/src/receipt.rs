//! Receipts: how far messages got with their recipients.

use layer_wire::message::Status;
use layer_wire::{MessageId, UserId};

use crate::conversation::ConversationRecord;
use crate::delivery::NewEvent;
use crate::held::Held;
use crate::job::{Rule, RuleJob};
use crate::key::AppKey;
use crate::membership::{Membership, MembershipReads};
use crate::message::MessageRecord;
use crate::page::Gathered;
use crate::{Reads, StoreError, WriteJob};

/// What receipts change. What a user has not read yet is counted with it.
pub trait ReceiptWrites: MembershipReads {
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

    /// The messages above a position, up to `up_to`, that a member did not delete for itself: oldest first, at most
    /// `limit`. Nobody else changes them until the end of the write.
    fn hold_messages_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        above: u32,
        up_to: u32,
        limit: usize,
    ) -> Result<Gathered<MessageRecord>, StoreError>;

    /// Keeps the status of messages that a member has read just now, counts them as read, and keeps that nothing up to
    /// the position `up_to` is unread.
    fn put_read(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        messages: &[MessageRecord],
        up_to: u32,
    ) -> Result<(), StoreError>;

    /// Goes through the next messages that a participant has perhaps not read, oldest first, and marks them as read: at
    /// most `limit`, and none behind the position `up_to`. The place that it came to is kept.
    fn mark_read(
        &mut self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        up_to: u32,
        limit: usize,
    ) -> Result<MarkedRead, StoreError> {
        let Some(membership) = self.membership(app, user, conversation)? else {
            return Ok(MarkedRead { messages: vec![], is_done: true });
        };
        let above = membership.read_position.max(membership.deleted_position);
        // A user who has nothing left to read need not look at the rest.
        let (mut messages, is_full) = if membership.unread_count == 0 {
            (vec![], false)
        } else {
            self.hold_messages_of(app, user, conversation, above, up_to, limit)?.into_parts()
        };
        let is_done = messages.len() < limit && !is_full;
        let looked_up_to = messages.last().filter(|_| !is_done).map_or(up_to, |message| message.position);
        messages.retain_mut(|message| message.recipient_status.raise(user, Status::Read));
        self.put_read(app, user, conversation, &messages, looked_up_to)?;
        Ok(MarkedRead { messages, is_done })
    }
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
