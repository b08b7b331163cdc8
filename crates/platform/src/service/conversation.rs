//! Conversations. Contract 2.1.

use layer_store::model::{AppKey, ConversationRecord, Gathered, Membership, MessageRecord, NewConversationRecord};
use layer_store::{Reads, Writes};
use layer_wire::conversation::{ConversationPatch, NewConversation, Patchable};
use layer_wire::page::{Listing, Page, SortBy};
use layer_wire::{ApiError, ConversationId, Timestamp, UserId};
use uuid::Uuid;

use super::Services;
use super::caller::Caller;
use super::dedupe::{self, Creation, Tagged};
use super::event::{Event, Events};
use super::failure::Failure;
use super::named::Named;

/// The outcome of a request to create a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// As for every create request.
    Plain(Creation<ConversationRecord>),
    /// The distinct conversation exists.
    Existing(ConversationRecord),
    /// The distinct conversation exists, but with other metadata.
    Conflict(ConversationRecord),
}

/// A conversation as one user sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct OfUser {
    /// The conversation.
    pub conversation: ConversationRecord,
    /// How the user is or was a member.
    pub membership: Membership,
    /// The newest message that the user can see.
    pub last_message: Option<MessageRecord>,
}

/// The conversation, unless it is unknown (`not_found`) or deleted (`object_deleted`).
pub fn find(reads: &dyn Reads, app: AppKey, id: ConversationId) -> Result<ConversationRecord, Failure> {
    let conversation = reads.conversation(app, id)?.ok_or_else(ApiError::conversation_not_found)?;
    if conversation.is_deleted { Err(ApiError::conversation_deleted().into()) } else { Ok(conversation) }
}

/// The conversation and the membership of a user who may read it; `not_found` for a user who never was a member, or who deleted
/// the conversation for itself (assumed).
pub fn find_of_user(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    id: ConversationId,
) -> Result<(ConversationRecord, Membership), Failure> {
    let conversation = find(reads, app, id)?;
    let membership = reads.membership(app, user, &conversation)?.filter(|membership| !membership.is_deleted);
    Ok((conversation, membership.ok_or_else(ApiError::conversation_not_found)?))
}

/// The conversation and the membership of a user who acts in it; `not_found` for a user who never was a member, `access_denied`
/// for a former one. Contract 2.1.3 [C1].
pub fn find_as_participant(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    id: ConversationId,
) -> Result<(ConversationRecord, Membership), Failure> {
    let conversation = find(reads, app, id)?;
    let membership = reads.membership(app, user, &conversation)?.ok_or_else(ApiError::conversation_not_found)?;
    if membership.is_current() { Ok((conversation, membership)) } else { Err(ApiError::not_a_participant().into()) }
}

/// Takes a user out of a conversation, which is no longer distinct then.
pub fn remove_participant(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &ConversationRecord,
    user: &UserId,
) -> Result<ConversationRecord, Failure> {
    let participants = conversation.participants.iter().filter(|participant| *participant != user).cloned().collect();
    let changed = ConversationRecord { participants, is_distinct: false, ..conversation.clone() };
    writes.update_conversation(app, &changed)?;
    Ok(changed)
}

/// Creates a conversation with this id, or finds the distinct one. `tag` is the id, if the request has one.
///
/// A tag that was seen comes first, then the distinct conversation, then blocks (assumed). Error: `participant_blocked`.
pub fn create(
    writes: &mut dyn Writes,
    app: AppKey,
    tag: Option<Uuid>,
    id: ConversationId,
    created_at: Timestamp,
    request: NewConversation,
    events: &Events,
) -> Result<Created, Failure> {
    match dedupe::find(writes, app, tag)? {
        Some(Tagged::Conversation(first)) => return Ok(Created::Plain(Creation::Done(first))),
        Some(other) => return Ok(Created::Plain(Creation::IdInUse(other))),
        None => {}
    }
    if request.is_distinct
        && let Some(existing) = writes.distinct_conversation(app, &request.participants)?
    {
        let is_same = request.metadata.is_none_or(|metadata| metadata == existing.metadata);
        return Ok(if is_same { Created::Existing(existing) } else { Created::Conflict(existing) });
    }
    if writes.has_block_between(app, &request.participants, &request.participants)? {
        return Err(ApiError::participant_blocked().into());
    }
    let new = NewConversationRecord {
        id,
        created_at,
        participants: request.participants,
        is_distinct: request.is_distinct,
        metadata: request.metadata.unwrap_or_default(),
    };
    let created = writes.insert_conversation(app, new)?;
    events.record(writes, app, &Event::ConversationCreated(&created))?;
    Ok(Created::Plain(Creation::Done(created)))
}

/// Patches a conversation. Changed participants end the distinctness.
pub fn edit(
    writes: &mut dyn Writes,
    app: AppKey,
    before: &ConversationRecord,
    patch: &ConversationPatch,
    events: &Events,
) -> Result<(), Failure> {
    let kept = Patchable { participants: before.participants.clone(), metadata: before.metadata.clone() };
    let Patchable { participants, metadata } = patch.apply(&kept)?;
    let is_new = |user: &&UserId| !before.participants.contains(user);
    let added: Vec<UserId> = participants.iter().filter(is_new).cloned().collect();
    if writes.has_block_between(app, &added, &participants)? {
        return Err(ApiError::participant_blocked().into());
    }
    let is_same_set = added.is_empty() && participants.len() == before.participants.len();
    let is_distinct = before.is_distinct && is_same_set;
    let changed = ConversationRecord { participants, is_distinct, metadata, ..before.clone() };
    if changed != *before {
        writes.update_conversation(app, &changed)?;
    }
    // One event per kind of change per request (assumed, contract 4).
    if !is_same_set {
        let left: Vec<UserId> =
            before.participants.iter().filter(|user| !changed.participants.contains(user)).cloned().collect();
        let event = Event::ConversationParticipantsUpdated { conversation: &changed, joined: &added, left: &left };
        events.record(writes, app, &event)?;
    }
    if changed.metadata != before.metadata {
        events.record(writes, app, &Event::ConversationMetadataUpdated(&changed))?;
    }
    Ok(())
}

/// The conversation as a user sees it.
pub fn seen_by_user(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    conversation: ConversationRecord,
    membership: Membership,
) -> Result<OfUser, Failure> {
    let last_message = reads.messages_of(app, user, &conversation, membership, None, 1)?.pop();
    Ok(OfUser { conversation, membership, last_message })
}

impl Services {
    /// Creates a conversation, or finds the distinct one. Error: `participant_blocked`.
    pub async fn create_conversation(
        &self,
        caller: Caller,
        tag: Option<Uuid>,
        request: NewConversation,
    ) -> Result<Named<Created>, Failure> {
        let app = caller.key;
        let created_at = self.clock.now();
        let id = ConversationId::new(tag.unwrap_or_else(|| self.ids.resource(created_at)));
        let events = self.events();
        let create = move |writes: &mut dyn Writes| create(writes, app, tag, id, created_at, request, &events);
        self.write_named(caller, create).await
    }

    /// A conversation in system view. Errors: `not_found`, `object_deleted`.
    pub async fn conversation(&self, caller: Caller, id: ConversationId) -> Result<Named<ConversationRecord>, Failure> {
        let app = caller.key;
        self.read_named(caller, move |reads| find(reads, app, id)).await
    }

    /// A conversation in the view of a user. Errors: `not_found` (also for a user who never was a member), `object_deleted`.
    pub async fn conversation_of_user(
        &self,
        caller: Caller,
        user: UserId,
        id: ConversationId,
    ) -> Result<Named<OfUser>, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| {
            let (conversation, membership) = find_of_user(reads, app, &user, id)?;
            seen_by_user(reads, app, &user, conversation, membership)
        };
        self.read_named(caller, read).await
    }

    /// A page of the conversations of a user, former ones included. An unknown user has none (3.0: recorded, L3).
    ///
    /// Error: `not_found` when the page is to begin after a conversation that is not in the list.
    pub async fn conversations_of_user(
        &self,
        caller: Caller,
        user: UserId,
        page: Page<ConversationId>,
        sort_by: SortBy,
    ) -> Result<Named<Listing<OfUser>>, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| {
            let from = match page.from {
                None => None,
                Some(id) => match find_of_user(reads, app, &user, id) {
                    Ok((conversation, _)) => Some(conversation),
                    Err(Failure::Api(_)) => return Err(ApiError::from_id_not_found().into()),
                    Err(other) => return Err(other),
                },
            };
            let total = reads.conversation_count_of(app, &user)?;
            let found = reads.conversations_of(app, &user, sort_by, from.as_ref(), page.size + 1)?;
            let mut seen = Gathered::default();
            for (conversation, membership) in found {
                if !seen.add(seen_by_user(reads, app, &user, conversation, membership)?) {
                    break;
                }
            }
            Ok(Listing::new(seen.into_items(), page.size, total))
        };
        self.read_page(caller, read).await
    }

    /// Patches participants and metadata, all operations or none. Changed participants end the distinctness.
    ///
    /// Errors: `not_found`, `object_deleted` (assumed), `invalid_property`, `participant_blocked`.
    pub async fn edit_conversation(
        &self,
        app: AppKey,
        id: ConversationId,
        patch: ConversationPatch,
    ) -> Result<(), Failure> {
        let events = self.events();
        let edit = move |writes: &mut dyn Writes| {
            let before = find(writes, app, id)?;
            edit(writes, app, &before, &patch, &events)
        };
        // What a participant who goes had scheduled goes too.
        self.giving_up_files(self.store.write(edit)).await
    }

    /// Deletes a conversation for everyone; once more counts as success. Error: `not_found`.
    pub async fn delete_conversation(&self, app: AppKey, id: ConversationId) -> Result<(), Failure> {
        let events = self.events();
        let delete = move |writes: &mut dyn Writes| {
            let conversation = writes.conversation(app, id)?.ok_or_else(ApiError::conversation_not_found)?;
            if !conversation.is_deleted {
                writes.delete_conversation(app, &conversation)?;
                events.record(writes, app, &Event::ConversationDeleted(&conversation))?;
            }
            Ok(())
        };
        self.giving_up_files(self.store.write(delete)).await
    }
}
