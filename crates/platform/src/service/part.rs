//! Parts of messages that were sent. Contract 2.2.6: every change shows in the part and in the message.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use layer_store::conversation::ConversationRecord;
use layer_store::held::Held;
use layer_store::key::AppKey;
use layer_store::message::MessageRecord;
use layer_store::{StoreError, Writes};
use layer_wire::part::{self, NewPart, Part};
use layer_wire::{ApiError, ConversationId, MessageId, PartId, Timestamp, UserId};
use uuid::Uuid;

use super::caller::Caller;
use super::content::take_parts;
use super::conversation::find;
use super::core::Core;
use super::event::{Event, Events, PartChange};
use super::failure::Failure;
use super::message::{hold_in, hold_of_user};

/// Who looks for the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seeker {
    /// The application, in a conversation.
    InConversation(ConversationId),
    /// A user, in what it can see. Client API 4.3.
    User(UserId),
}

/// The outcome of a request to add a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddedPart {
    /// It was added, or a replay found it.
    Done(MessageRecord, usize),
    /// The message has a part with this id.
    IdInUse(MessageRecord, usize),
}

/// The place of a part in its message; `not_found` when it has no such part.
pub fn index_of(message: &MessageRecord, part: Uuid) -> Result<usize, Failure> {
    let index = message.parts.iter().position(|known| known.id == part);
    index.ok_or_else(|| ApiError::part_not_found().into())
}

/// A part that is changed or added now. Error: `invalid_property` `parts` when it has chosen an id other than `id`.
fn changed(id: PartId, new: NewPart, now: Timestamp) -> Result<Part, ApiError> {
    if new.id.is_some_and(|chosen| chosen != id) {
        return Err(ApiError::invalid_property("parts", "must not have an id other than that in the path"));
    }
    Ok(Part { id: id.part, mime_type: new.mime_type, body: new.body, updated_at: Some(now) })
}

/// Checks and keeps the parts of a message that were changed.
fn keep(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &ConversationRecord,
    mut message: Held<MessageRecord>,
    mut parts: Vec<Part>,
    now: Timestamp,
    events: &Events,
) -> Result<MessageRecord, Failure> {
    let before = message.clone().into_record();
    // One that has more from before there was a limit may lose some.
    if parts.len() >= before.parts.len() {
        part::check_message(&parts)?;
    }
    take_parts(writes, app, conversation, before.sender.user(), &mut parts)?;
    writes.put_parts(app, conversation, &mut message, parts, now)?;
    record_changes(writes, app, &before, &message, events)?;
    Ok(message.into_record())
}

/// Records what happened to the parts of a message, and to the message with them.
fn record_changes(
    writes: &mut dyn Writes,
    app: AppKey,
    before: &MessageRecord,
    after: &MessageRecord,
    events: &Events,
) -> Result<(), StoreError> {
    let known: HashMap<Uuid, &Part> = before.parts.iter().map(|part| (part.id, part)).collect();
    let left: HashSet<Uuid> = after.parts.iter().map(|part| part.id).collect();
    let mut record = |change, part| events.record(writes, app, &Event::Part { change, message: after, part });
    for part in before.parts.iter().filter(|part| !left.contains(&part.id)) {
        record(PartChange::Deleted, part)?;
    }
    for part in &after.parts {
        match known.get(&part.id) {
            None => record(PartChange::Created, part)?,
            Some(known) if *known != part => record(PartChange::Updated, part)?,
            Some(_) => {}
        }
    }
    events.record(writes, app, &Event::MessageUpdated(after))
}

/// The message that is to be changed. A user can change its own, as long as it takes part (assumed).
fn hold_message(
    writes: &mut dyn Writes,
    app: AppKey,
    seeker: &Seeker,
    message: MessageId,
) -> Result<(ConversationRecord, Held<MessageRecord>), Failure> {
    match seeker {
        Seeker::InConversation(conversation) => {
            let conversation = find(writes, app, *conversation)?;
            let message = hold_in(writes, app, conversation.id, message)?;
            Ok((conversation, message))
        }
        Seeker::User(user) => {
            let (conversation, membership, message) = hold_of_user(writes, app, user, message)?;
            if !membership.is_current() {
                return Err(ApiError::not_a_participant().into());
            }
            if message.sender.user() != Some(user) {
                return Err(ApiError::not_the_sender().into());
            }
            Ok((conversation, message))
        }
    }
}

/// Parts of messages that were sent.
pub struct PartService {
    pub(super) core: Arc<Core>,
}

impl PartService {
    /// Adds a part to a message, at its end. Its id is the one that it chose, else `tag`.
    ///
    /// Errors: `not_found`, `object_deleted`; `access_denied` for a user who is not the sender, or takes no part;
    /// `invalid_property` `parts`.
    pub async fn add(
        &self,
        caller: Caller,
        seeker: Seeker,
        message: MessageId,
        tag: Option<Uuid>,
        new: NewPart,
    ) -> Result<AddedPart, Failure> {
        let (app, events) = (caller.key, self.core.events());
        let now = self.core.clock.now();
        let chosen = new.id;
        let part = chosen.map(|id| id.part).or(tag).unwrap_or_else(|| self.core.ids.resource(now));
        let add = move |writes: &mut dyn Writes| {
            let (conversation, before) = hold_message(writes, app, &seeker, message)?;
            if chosen.is_some_and(|chosen| chosen.message != message) {
                return Err(ApiError::invalid_property("parts", "has an id that belongs to another message").into());
            }
            if let Ok(index) = index_of(&before, part) {
                let is_replay = chosen.is_none();
                let before = before.into_record();
                return Ok(if is_replay { AddedPart::Done(before, index) } else { AddedPart::IdInUse(before, index) });
            }
            let mut parts = before.parts.clone();
            parts.push(changed(PartId { message, part }, new.clone(), now)?);
            let after = keep(writes, app, &conversation, before, parts, now, &events)?;
            let index = after.parts.len() - 1;
            Ok(AddedPart::Done(after, index))
        };
        self.core.store.write(add).await
    }

    /// Replaces all parts of a message. A part that is the same as before, its id included, keeps the time of its last
    /// change.
    ///
    /// Errors: `not_found`, `object_deleted`; `access_denied` for a user who is not the sender, or takes no part;
    /// `invalid_property` `parts`.
    pub async fn replace_all(
        &self,
        caller: Caller,
        seeker: Seeker,
        message: MessageId,
        new: Vec<NewPart>,
    ) -> Result<MessageRecord, Failure> {
        let (app, events) = (caller.key, self.core.events());
        let now = self.core.clock.now();
        // An id is not used again for something else, so those that were not chosen are fresh.
        let new: Vec<NewPart> = new
            .into_iter()
            .map(|part| {
                let id = part.id.unwrap_or_else(|| PartId { message, part: self.core.ids.resource(now) });
                NewPart { id: Some(id), ..part }
            })
            .collect();
        let replace = move |writes: &mut dyn Writes| {
            let (conversation, before) = hold_message(writes, app, &seeker, message)?;
            let mut parts = Part::all_of(message.uuid(), new.clone())?;
            for part in &mut parts {
                let is_same =
                    |known: &&Part| known.id == part.id && known.mime_type == part.mime_type && known.body == part.body;
                let kept = before.parts.iter().find(is_same);
                part.updated_at = kept.map_or(Some(now), |kept| kept.updated_at);
            }
            if parts == before.parts {
                return Ok(before.into_record());
            }
            keep(writes, app, &conversation, before, parts, now, &events)
        };
        self.core.store.write(replace).await
    }

    /// Replaces a part, which keeps its id and its place, and tells the message and the place. Errors: those of
    /// [`Self::add`].
    pub async fn replace(
        &self,
        caller: Caller,
        seeker: Seeker,
        message: MessageId,
        part: Uuid,
        new: NewPart,
    ) -> Result<(MessageRecord, usize), Failure> {
        let (app, events) = (caller.key, self.core.events());
        let now = self.core.clock.now();
        let replace = move |writes: &mut dyn Writes| {
            let (conversation, before) = hold_message(writes, app, &seeker, message)?;
            let index = index_of(&before, part)?;
            let mut parts = before.parts.clone();
            parts[index] = changed(PartId { message, part }, new.clone(), now)?;
            let after = keep(writes, app, &conversation, before, parts, now, &events)?;
            Ok((after, index))
        };
        self.core.store.write(replace).await
    }

    /// Removes a part; the last one, too (assumed). Errors: those of [`Self::add`]; `not_found`, also once more.
    pub async fn delete(&self, caller: Caller, seeker: Seeker, message: MessageId, part: Uuid) -> Result<(), Failure> {
        let (app, events) = (caller.key, self.core.events());
        let now = self.core.clock.now();
        let delete = move |writes: &mut dyn Writes| {
            let (conversation, before) = hold_message(writes, app, &seeker, message)?;
            let index = index_of(&before, part)?;
            let mut parts = before.parts.clone();
            parts.remove(index);
            keep(writes, app, &conversation, before, parts, now, &events)?;
            Ok(())
        };
        self.core.store.write(delete).await
    }
}
