//! Receipts. Contract 2.2.3: the status of a message only rises, and a sender gives none, because its own message is
//! read.

use std::slice;
use std::sync::Arc;

use layer_store::conversation::ConversationRecord;
use layer_store::delivery::NewEvent;
use layer_store::key::AppKey;
use layer_store::membership::Membership;
use layer_store::message::MessageRecord;
use layer_store::receipt::{Receipt, ReceiptRule, Receivable};
use layer_store::{Reads, Rule, Writes};
use layer_wire::message::Status;
use layer_wire::{ApiError, ConversationId, MessageId, UserId};

use super::conversation::find_as_participant;
use super::core::Core;
use super::event::{Event, Events};
use super::failure::Failure;
use super::message::{can_see, hold_of_user};

/// How many messages are marked as read in one transaction: other writes must not wait for a long history.
const MARKED_AT_ONCE: usize = 200;

/// Gives one receipt; nothing happens when the message has the status already.
struct Give {
    receipt: Receipt,
    events: Arc<Events>,
}

impl Rule for Give {
    type Done = ();
    type Failure = Failure;

    fn run(&mut self, writes: &mut dyn Writes) -> Result<(), Failure> {
        let Receipt { app, user, message, status } = &self.receipt;
        let (conversation, membership, mut message) = hold_of_user(writes, *app, user, *message)?;
        if !membership.is_current() {
            return Err(ApiError::not_a_participant().into());
        }
        if writes.raise_status(*app, user, &conversation, &mut message, *status)? {
            self.events.record(writes, *app, &self.event(slice::from_ref(&message)))?;
        }
        Ok(())
    }
}

impl ReceiptRule for Give {
    fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    fn plan(&mut self, reads: &dyn Reads, of: Receivable<'_>) -> Option<Vec<NewEvent>> {
        let Receivable { conversation, membership, message, is_raised } = of;
        let Receipt { app, user, .. } = &self.receipt;
        let is_allowed = membership.is_current()
            && !conversation.is_deleted
            && can_see(reads, *app, user, conversation, membership, message.position).ok()?;
        if !is_allowed {
            return None;
        }
        if !is_raised {
            return Some(vec![]);
        }
        self.events.plan(reads, *app, &self.event(slice::from_ref(message))).ok()
    }
}

impl Give {
    fn event<'a>(&'a self, messages: &'a [MessageRecord]) -> Event<'a> {
        Event::Receipt { messages, status: self.receipt.status, by: &self.receipt.user }
    }
}

/// Marks the next messages of a conversation as read, and tells whether nothing is left.
fn mark_next_read(
    writes: &mut dyn Writes,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
    up_to: u32,
    events: &Events,
) -> Result<bool, Failure> {
    let marked = writes.mark_read(app, user, conversation, up_to, MARKED_AT_ONCE)?;
    events.record(writes, app, &Event::Receipt { messages: &marked.messages, status: Status::Read, by: user })?;
    Ok(marked.is_done)
}

/// The position of the last message that a user can see, up to a position.
fn last_up_to(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
    membership: Membership,
    up_to: u32,
) -> Result<Option<u32>, Failure> {
    let after = up_to.checked_add(1);
    let newest = reads.messages_of(app, user, conversation, membership, after, 1)?.pop();
    Ok(newest.map(|message| message.position))
}

/// Receipts for messages.
pub struct ReceiptService {
    pub(super) core: Arc<Core>,
}

impl ReceiptService {
    /// Takes the receipt of a user for a message.
    ///
    /// Errors: `not_found` for a message that the user cannot see; `access_denied` for a former member (assumed).
    pub async fn give(&self, app: AppKey, user: UserId, id: MessageId, status: Status) -> Result<(), Failure> {
        let receipt = Receipt { app, user, message: id, status };
        self.core.store.give_receipt(Give { receipt, events: self.core.events() }).await
    }

    /// Marks the messages of a conversation as read for a participant, up to a position if one is given. Messages that
    /// come in meanwhile stay unread. It goes on in steps that are each kept: after a failure, what was marked stays
    /// marked.
    ///
    /// Tells the position of the last message that is marked now, also when it was marked before; 0 when there is none
    /// (assumed).
    ///
    /// Errors: `not_found`, also for a user who never was a member; `object_deleted`; `access_denied` for a former
    /// member.
    pub async fn mark_all_read(
        &self,
        app: AppKey,
        user: UserId,
        id: ConversationId,
        up_to: Option<u32>,
    ) -> Result<u32, Failure> {
        let mut up_to = up_to.unwrap_or(u32::MAX);
        loop {
            let (user, events) = (user.clone(), self.core.events());
            let mark = move |writes: &mut dyn Writes| {
                let (conversation, membership) = find_as_participant(writes, app, &user, id)?;
                let up_to = up_to.min(conversation.last_position);
                let is_done = mark_next_read(writes, app, &user, &conversation, up_to, &events)?;
                let last =
                    if is_done { last_up_to(writes, app, &user, &conversation, membership, up_to)? } else { None };
                Ok::<_, Failure>((is_done, last, up_to))
            };
            let (is_done, last, bound) = self.core.store.write(mark).await?;
            if is_done {
                return Ok(last.unwrap_or_default());
            }
            up_to = bound;
        }
    }
}
