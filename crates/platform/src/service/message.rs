//! Messages. Contract 2.2.

use std::sync::Arc;
use std::time::Duration;

use layer_store::app::IdUse;
use layer_store::append::{Append, AppendRule};
use layer_store::content::referenced;
use layer_store::conversation::ConversationRecord;
use layer_store::held::{Held, Inserted};
use layer_store::key::AppKey;
use layer_store::membership::Membership;
use layer_store::message::{MessageRecord, NewMessageRecord};
use layer_store::page::PositionRange;
use layer_store::page::Weighed;
use layer_store::scheduled_message::ScheduledMessageRecord;
use layer_store::{Reads, Rule, StoreError, Writes};
use layer_wire::message::{NewMessage, RecipientStatus, Sender};
use layer_wire::page::{Listing, Page};
use layer_wire::part::Part;
use layer_wire::schedule::Delay;
use layer_wire::{ApiError, ConversationId, MessageId, Timestamp, UserId};
use uuid::Uuid;

use super::block::blocked_between;
use super::caller::Caller;
use super::content;
use super::conversation::{self, find, hold};
use super::core::Core;
use super::dedupe::{self, Creation, Scheduled, Tagged};
use super::event::{Event, Events};
use super::failure::Failure;
use super::named::{Named, NamesUsers, with_identities};

/// What became of a message of a batch, or of one with a delay.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// It was sent at once, or it was sent before and this is a replay.
    Sent(MessageRecord),
    /// It waits.
    Scheduled(Scheduled),
}

impl NamesUsers for Accepted {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        match self {
            Self::Sent(message) => message.for_each_user(name),
            Self::Scheduled(scheduled) => scheduled.message.sender.for_each_user(name),
        }
    }
}

impl Weighed for Accepted {
    fn weight(&self) -> usize {
        match self {
            Self::Sent(message) => message.weight(),
            Self::Scheduled(scheduled) => scheduled.message.parts.iter().map(Part::length).sum(),
        }
    }
}

/// The message, if it is in this conversation; else `not_found`.
pub fn find_in(
    reads: &dyn Reads,
    app: AppKey,
    conversation: ConversationId,
    id: MessageId,
) -> Result<MessageRecord, Failure> {
    let message = reads.message(app, id)?.filter(|message| message.conversation == conversation);
    message.ok_or_else(|| ApiError::message_not_found().into())
}

/// The same for a write that changes the message.
pub fn hold_in(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: ConversationId,
    id: MessageId,
) -> Result<Held<MessageRecord>, Failure> {
    let message = writes.hold_message(app, id)?.filter(|message| message.conversation == conversation);
    message.ok_or_else(|| ApiError::message_not_found().into())
}

/// The conversation, the membership of a user and a message that the user can see; `not_found` for any other message.
pub fn find_of_user(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    id: MessageId,
) -> Result<(ConversationRecord, Membership, MessageRecord), Failure> {
    let message = reads.message(app, id)?.ok_or_else(ApiError::message_not_found)?;
    let conversation = find(reads, app, message.conversation)?;
    let membership = as_reader(reads, app, user, &conversation, message.position)?;
    Ok((conversation, membership, message))
}

/// The same for a write that changes the message.
pub fn hold_of_user(
    writes: &mut dyn Writes,
    app: AppKey,
    user: &UserId,
    id: MessageId,
) -> Result<(ConversationRecord, Membership, Held<MessageRecord>), Failure> {
    let message = writes.hold_message(app, id)?.ok_or_else(ApiError::message_not_found)?;
    let conversation = find(writes, app, message.conversation)?;
    let membership = as_reader(writes, app, user, &conversation, message.position)?;
    Ok((conversation, membership, message))
}

/// The same for a write that changes the conversation as well. All writes hold the conversation before its messages.
pub fn hold_all_of_user(
    writes: &mut dyn Writes,
    app: AppKey,
    user: &UserId,
    id: MessageId,
) -> Result<(Held<ConversationRecord>, Membership, Held<MessageRecord>), Failure> {
    let conversation = writes.message(app, id)?.ok_or_else(ApiError::message_not_found)?.conversation;
    let conversation = hold(writes, app, conversation)?;
    let message = writes.hold_message(app, id)?.ok_or_else(ApiError::message_not_found)?;
    let membership = as_reader(writes, app, user, &conversation, message.position)?;
    Ok((conversation, membership, message))
}

/// The membership of a user who can see what is at a position; else `not_found`.
fn as_reader(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
    position: u32,
) -> Result<Membership, Failure> {
    match reads.membership(app, user, conversation)? {
        Some(membership) if can_see(reads, app, user, conversation, membership, position)? => Ok(membership),
        _ => Err(ApiError::message_not_found().into()),
    }
}

/// Whether a member can see the message at a position.
pub fn can_see(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
    membership: Membership,
    position: u32,
) -> Result<bool, Failure> {
    let has_deleted = membership.deleted_count > 0 && reads.has_deleted_message(app, user, conversation, position)?;
    Ok(membership.can_see(position) && !has_deleted)
}

/// The position of the message that a page begins after, if it is in this conversation; else `not_found`.
fn position_of(
    reads: &dyn Reads,
    app: AppKey,
    conversation: &ConversationRecord,
    from: MessageId,
) -> Result<u32, Failure> {
    let message = reads.message(app, from)?.filter(|message| message.conversation == conversation.id);
    Ok(message.ok_or_else(ApiError::from_id_not_found)?.position)
}

/// A user must be a participant; a bot need not be one.
///
/// Errors: `access_denied` (assumed); from 2.0 on, `invalid_property` `sender_id` for a user who does not exist
/// (assumed).
fn check_sender(
    reads: &dyn Reads,
    caller: Caller,
    conversation: &ConversationRecord,
    sender: &Sender,
) -> Result<(), Failure> {
    let Some(user) = sender.user().filter(|user| !conversation.participants.contains(user)) else { return Ok(()) };
    if reads.identity(caller.key, user)?.is_some_and(|fields| fields.is_bot()) {
        return Ok(());
    }
    if caller.version.has_identities() && !reads.user_exists(caller.key, user)? {
        return Err(ApiError::unknown_sender().into());
    }
    Err(ApiError::sender_not_participant().into())
}

/// The participants who do not see a message of a sender, because one of them blocks the other (documented).
pub fn hidden_from(
    reads: &dyn Reads,
    app: AppKey,
    sender: &Sender,
    participants: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    sender.user().map_or(Ok(vec![]), |user| blocked_between(reads, app, user, participants))
}

/// A message that may be sent. What its sender uploaded for it comes to belong to the conversation. Errors: those of
/// [`check_sender`]; `invalid_property` `parts`.
pub fn check(
    writes: &mut dyn Writes,
    caller: Caller,
    conversation: &ConversationRecord,
    id: MessageId,
    sent_at: Timestamp,
    request: NewMessage,
) -> Result<NewMessageRecord, Failure> {
    let NewMessage { sender, parts, delay: _ } = request;
    check_sender(writes, caller, conversation, &sender)?;
    let mut parts = Part::all_of(id.uuid(), parts)?;
    content::take_parts(writes, caller.key, conversation, sender.user(), &mut parts)?;
    let recipient_status = RecipientStatus::new(&conversation.participants, &sender);
    let hidden_from = hidden_from(writes, caller.key, &sender, &conversation.participants)?;
    Ok(NewMessageRecord { id, sent_at, sender, parts, recipient_status, hidden_from })
}

/// The message of an earlier request with the same tag.
pub fn find_accepted(
    reads: &dyn Reads,
    app: AppKey,
    conversation: &ConversationRecord,
    tag: Option<Uuid>,
) -> Result<Option<Creation<Accepted>>, Failure> {
    let tagged = dedupe::find(reads, app, tag)?;
    Ok(tagged.map(|tagged| accepted_before(conversation, tagged)))
}

fn accepted_before(conversation: &ConversationRecord, tagged: Tagged) -> Creation<Accepted> {
    match tagged {
        Tagged::Message(first) if first.conversation == conversation.id => Creation::Done(Accepted::Sent(first)),
        Tagged::Scheduled(first) if first.message.conversation == conversation.id => {
            Creation::Done(Accepted::Scheduled(first))
        }
        other => Creation::IdInUse(other),
    }
}

/// Sends a message, or puts it into the queue when it is to wait. Its id is the tag, if there is one.
pub fn accept(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &mut Held<ConversationRecord>,
    tag: Option<Uuid>,
    new: NewMessageRecord,
    delay: Delay,
    events: &Events,
) -> Result<Creation<Accepted>, Failure> {
    let accepted = if delay.after.is_zero() {
        send(writes, app, conversation, new, events)?.map(Accepted::Sent)
    } else {
        schedule(writes, app, conversation, new, delay)?.map(Accepted::Scheduled)
    };
    Ok(match accepted {
        Inserted::Done(accepted) => Creation::Done(accepted),
        // Another process was faster.
        Inserted::Taken(id_use) => accepted_before(conversation, dedupe::taken(writes, app, tag, id_use)?),
    })
}

/// Sends a message at once.
pub fn send(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &mut Held<ConversationRecord>,
    new: NewMessageRecord,
    events: &Events,
) -> Result<Inserted<MessageRecord, IdUse>, Failure> {
    let sent = writes.append_message(app, conversation, new)?;
    if let Inserted::Done(sent) = &sent {
        events.record(writes, app, &Event::MessageSent(sent))?;
    }
    Ok(sent)
}

fn schedule(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &Held<ConversationRecord>,
    new: NewMessageRecord,
    delay: Delay,
) -> Result<Inserted<Scheduled, IdUse>, Failure> {
    let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let due_at = Timestamp::from_ms(new.sent_at.as_ms().saturating_add(ms(delay.after)));
    let typing_at = Timestamp::from_ms(due_at.as_ms().saturating_sub(ms(delay.typing)));
    // A name alone does not type: a signal is of a user.
    let is_typing = !delay.typing.is_zero() && new.sender.user().is_some();
    let message = ScheduledMessageRecord {
        id: new.id,
        conversation: conversation.id,
        due_at,
        typing_at: is_typing.then_some(typing_at),
        sender: new.sender,
        parts: new.parts,
    };
    let inserted = writes.insert_scheduled_message(app, conversation, &message)?;
    Ok(inserted.map(|()| Scheduled::new(message, conversation)))
}

/// Sends a message, at once or after its delay.
struct Sending {
    caller: Caller,
    conversation: ConversationId,
    tag: Option<Uuid>,
    id: MessageId,
    now: Timestamp,
    request: NewMessage,
    events: Arc<Events>,
}

impl Rule for Sending {
    type Done = Named<Creation<Accepted>>;
    type Failure = Failure;

    fn run(&mut self, writes: &mut dyn Writes) -> Result<Self::Done, Failure> {
        let (caller, app, tag) = (self.caller, self.caller.key, self.tag);
        let mut conversation = hold(writes, app, self.conversation)?;
        let creation = if let Some(found) = find_accepted(writes, app, &conversation, tag)? {
            found
        } else {
            let new = check(writes, caller, &conversation, self.id, self.now, self.request.clone())?;
            let delay = self.request.delay.unwrap_or_default();
            accept(writes, app, &mut conversation, tag, new, delay, &self.events)?
        };
        Ok(with_identities(writes, caller, creation)?)
    }
}

impl AppendRule for Sending {
    fn conversation(&self) -> (AppKey, ConversationId) {
        (self.caller.key, self.conversation)
    }

    /// Only what is sent at once, to everyone, and has all of its content in it: the rest changes more than a
    /// conversation and its messages.
    fn plan(&mut self, reads: &dyn Reads, conversation: &ConversationRecord) -> Option<(Append, Self::Done)> {
        let (caller, app) = (self.caller, self.caller.key);
        let NewMessage { sender, parts, delay } = self.request.clone();
        if conversation.is_deleted || !delay.unwrap_or_default().after.is_zero() {
            return None;
        }
        check_sender(reads, caller, conversation, &sender).ok()?;
        let parts = Part::all_of(self.id.uuid(), parts).ok()?;
        let hidden_from = hidden_from(reads, app, &sender, &conversation.participants).ok()?;
        if !referenced(&parts).is_empty() || !hidden_from.is_empty() {
            return None;
        }
        let recipient_status = RecipientStatus::new(&conversation.participants, &sender);
        let new = NewMessageRecord { id: self.id, sent_at: self.now, sender, parts, recipient_status, hidden_from };
        let message = new.clone().at(conversation.id, 0);
        let events = self.events.plan_sent(reads, app, &message).ok()?;
        let append = Append { revision: conversation.revision, new, events };
        let done = with_identities(reads, caller, Creation::Done(Accepted::Sent(message))).ok()?;
        Some((append, done))
    }

    fn place(done: &mut Self::Done, position: u32) {
        if let (Creation::Done(Accepted::Sent(message)), _) = done {
            message.position = position;
        }
    }
}

/// Messages: sent and shown here, in batches in `batch.rs`, after a delay in `schedule.rs`, as a user in
/// `client_api.rs` and `deletion.rs`.
pub struct MessageService {
    pub(super) core: Arc<Core>,
}

impl MessageService {
    /// Sends a message, at once or after its delay.
    ///
    /// Errors: `not_found`, `object_deleted`; then a tag that was seen is looked at; then those of [`check_sender`].
    pub async fn send(
        &self,
        caller: Caller,
        conversation: ConversationId,
        tag: Option<Uuid>,
        request: NewMessage,
    ) -> Result<Named<Creation<Accepted>>, Failure> {
        let now = self.core.clock.now();
        let id = MessageId::new(tag.unwrap_or_else(|| self.core.ids.resource(now)));
        self.core
            .store
            .append(Sending { caller, conversation, tag, id, now, request, events: self.core.events() })
            .await
    }

    /// A page of the messages of a conversation, shown by `show`. Errors: `not_found` (also for the item of `from_id`),
    /// `object_deleted`.
    pub async fn page<Shown: Send + 'static>(
        &self,
        caller: Caller,
        conversation: ConversationId,
        page: Page<MessageId>,
        show: impl FnMut(Named<Listing<MessageRecord>>) -> Shown + Send + 'static,
    ) -> Result<Shown, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| {
            let conversation = find(reads, app, conversation)?;
            let after = page.from.map(|from| position_of(reads, app, &conversation, from)).transpose()?;
            let range = PositionRange { after, ..PositionRange::default() };
            let found = reads.messages(&conversation, range, page.size + 1)?;
            Ok(Listing::new(found, page.size, conversation.message_count))
        };
        self.core.read_page(caller, read, show).await
    }

    /// A page of the messages that a user can see, shown by `show`. Errors as for [`Self::page`].
    pub async fn page_of_user<Shown: Send + 'static>(
        &self,
        caller: Caller,
        user: UserId,
        conversation: ConversationId,
        page: Page<MessageId>,
        show: impl FnMut(Named<Listing<MessageRecord>>) -> Shown + Send + 'static,
    ) -> Result<Shown, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| {
            let (conversation, membership) = conversation::find_of_user(reads, app, &user, conversation)?;
            let after = page.from.map(|from| position_of(reads, app, &conversation, from)).transpose()?;
            if let Some(from) = after
                && !can_see(reads, app, &user, &conversation, membership, from)?
            {
                return Err(ApiError::from_id_not_found().into());
            }
            let found = reads.messages_of(app, &user, &conversation, membership, after, page.size + 1)?;
            Ok(Listing::new(found, page.size, membership.visible_count))
        };
        self.core.read_page(caller, read, show).await
    }

    /// A message of a conversation. Errors: `not_found`, `object_deleted` for the conversation.
    pub async fn find(
        &self,
        caller: Caller,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<Named<MessageRecord>, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| {
            let conversation = find(reads, app, conversation)?;
            find_in(reads, app, conversation.id, id)
        };
        self.core.read_named(caller, read).await
    }

    /// A message that a user can see. Error: `not_found`.
    pub async fn find_of_user(
        &self,
        caller: Caller,
        user: UserId,
        id: MessageId,
    ) -> Result<Named<MessageRecord>, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| find_of_user(reads, app, &user, id).map(|(_, _, message)| message);
        self.core.read_named(caller, read).await
    }

    /// Deletes a message for everyone. Errors: `not_found` (also once more), `object_deleted` for the conversation.
    pub async fn delete(&self, app: AppKey, conversation: ConversationId, id: MessageId) -> Result<(), Failure> {
        let events = self.core.events();
        let delete = move |writes: &mut dyn Writes| {
            let mut conversation = hold(writes, app, conversation)?;
            let message = hold_in(writes, app, conversation.id, id)?;
            writes.delete_message(app, &mut conversation, &message)?;
            Ok(events.record(writes, app, &Event::MessageDeleted { message: &message, by: None })?)
        };
        self.core.store.write(delete).await
    }
}
