//! Messages. Contract 2.2.

use layer_store::conversation::ConversationRecord;
use layer_store::held::Held;
use layer_store::key::AppKey;
use layer_store::membership::Membership;
use layer_store::message::{MessageRecord, NewMessageRecord, PositionRange};
use layer_store::{Reads, Writes};
use layer_wire::message::{NewMessage, RecipientStatus, Sender};
use layer_wire::page::{Listing, Page};
use layer_wire::part::Part;
use layer_wire::{ApiError, ConversationId, MessageId, Timestamp, UserId};
use uuid::Uuid;

use super::Services;
use super::caller::Caller;
use super::content;
use super::conversation::{self, find, hold};
use super::dedupe::Creation;
use super::event::Event;
use super::failure::Failure;
use super::named::Named;
use super::scheduled_message::{self, Accepted};

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

fn can_see(
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

/// A message that may be sent. Errors: those of [`check_sender`]; `invalid_property` `parts`.
pub fn check(
    reads: &dyn Reads,
    caller: Caller,
    conversation: &ConversationRecord,
    id: MessageId,
    sent_at: Timestamp,
    request: NewMessage,
) -> Result<NewMessageRecord, Failure> {
    let NewMessage { sender, parts, delay: _ } = request;
    check_sender(reads, caller, conversation, &sender)?;
    let parts = Part::all_of(id.uuid(), parts)?;
    content::check_parts(reads, caller.key, conversation, &parts)?;
    let recipient_status = RecipientStatus::new(&conversation.participants, &sender);
    Ok(NewMessageRecord { id, sent_at, sender, parts, recipient_status })
}

impl Services {
    /// Sends a message, at once or after its delay.
    ///
    /// Errors: `not_found`, `object_deleted`; then a tag that was seen is looked at; then those of [`check_sender`].
    pub async fn send_message(
        &self,
        caller: Caller,
        conversation: ConversationId,
        tag: Option<Uuid>,
        request: NewMessage,
    ) -> Result<Named<Creation<Accepted>>, Failure> {
        let app = caller.key;
        let now = self.clock.now();
        let id = MessageId::new(tag.unwrap_or_else(|| self.ids.resource(now)));
        let delay = request.delay.unwrap_or_default();
        let events = self.events();
        let send = move |writes: &mut dyn Writes| {
            let mut conversation = hold(writes, app, conversation)?;
            if let Some(found) = scheduled_message::find_accepted(writes, app, &conversation, tag)? {
                return Ok(found);
            }
            let new = check(writes, caller, &conversation, id, now, request.clone())?;
            scheduled_message::accept(writes, app, &mut conversation, tag, new, delay, &events)
        };
        self.write_named(caller, send).await
    }

    /// A page of the messages of a conversation. Errors: `not_found` (also for the item of `from_id`),
    /// `object_deleted`.
    pub async fn messages(
        &self,
        caller: Caller,
        conversation: ConversationId,
        page: Page<MessageId>,
    ) -> Result<Named<Listing<MessageRecord>>, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| {
            let conversation = find(reads, app, conversation)?;
            let after = page.from.map(|from| position_of(reads, app, &conversation, from)).transpose()?;
            let range = PositionRange { after, ..PositionRange::default() };
            let found = reads.messages(&conversation, range, page.size + 1)?;
            Ok(Listing::new(found, page.size, conversation.message_count))
        };
        self.read_page(caller, read).await
    }

    /// A page of the messages that a user can see. Errors as for [`Self::messages`].
    pub async fn messages_of_user(
        &self,
        caller: Caller,
        user: UserId,
        conversation: ConversationId,
        page: Page<MessageId>,
    ) -> Result<Named<Listing<MessageRecord>>, Failure> {
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
        self.read_page(caller, read).await
    }

    /// A message of a conversation. Errors: `not_found`, `object_deleted` for the conversation.
    pub async fn message(
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
        self.read_named(caller, read).await
    }

    /// A message that a user can see. Error: `not_found`.
    pub async fn message_of_user(
        &self,
        caller: Caller,
        user: UserId,
        id: MessageId,
    ) -> Result<Named<MessageRecord>, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| find_of_user(reads, app, &user, id).map(|(_, _, message)| message);
        self.read_named(caller, read).await
    }

    /// Deletes a message for everyone. Errors: `not_found` (also once more), `object_deleted` for the conversation.
    pub async fn delete_message(
        &self,
        app: AppKey,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<(), Failure> {
        let events = self.events();
        let delete = move |writes: &mut dyn Writes| {
            let mut conversation = hold(writes, app, conversation)?;
            let message = hold_in(writes, app, conversation.id, id)?;
            writes.delete_message(app, &mut conversation, &message)?;
            Ok(events.record(writes, app, &Event::MessageDeleted { message: &message, by: None })?)
        };
        self.store.write(delete).await
    }
}
