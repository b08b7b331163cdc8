//! Conversations. Contract 2.1.

use std::sync::Arc;

use layer_store::conversation::{ConversationChange, ConversationRecord, ConversationTaken, NewConversationRecord};
use layer_store::held::{Held, Inserted};
use layer_store::key::AppKey;
use layer_store::membership::Membership;
use layer_store::seen::SeenConversation;
use layer_store::{Reads, Writes};
use layer_wire::body::Object;
use layer_wire::conversation::{ConversationPatch, NewConversation, Patchable};
use layer_wire::page::{Listing, Page, SortBy};
use layer_wire::{ApiError, ConversationId, Timestamp, UserId};
use uuid::Uuid;

use super::caller::Caller;
use super::core::Core;
use super::dedupe::{self, Creation, Tagged};
use super::event::{Event, Events};
use super::failure::Failure;
use super::named::{Named, NamesUsers};

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

impl NamesUsers for Created {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        match self {
            Self::Plain(creation) => creation.for_each_user(name),
            Self::Existing(conversation) | Self::Conflict(conversation) => conversation.for_each_user(name),
        }
    }
}

/// The conversation, unless it is unknown (`not_found`) or deleted (`object_deleted`).
pub fn find(reads: &dyn Reads, app: AppKey, id: ConversationId) -> Result<ConversationRecord, Failure> {
    let conversation = reads.conversation(app, id)?.ok_or_else(ApiError::conversation_not_found)?;
    if conversation.is_deleted { Err(ApiError::conversation_deleted().into()) } else { Ok(conversation) }
}

/// The same for a write that changes the conversation.
pub fn hold(writes: &mut dyn Writes, app: AppKey, id: ConversationId) -> Result<Held<ConversationRecord>, Failure> {
    let conversation = writes.hold_conversation(app, id)?.ok_or_else(ApiError::conversation_not_found)?;
    if conversation.is_deleted { Err(ApiError::conversation_deleted().into()) } else { Ok(conversation) }
}

/// The conversation and the membership of a user who may read it; `not_found` for a user who never was a member, or who
/// deleted the conversation for itself (assumed).
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

/// The conversation and the membership of a user who acts in it; `not_found` for a user who never was a member,
/// `access_denied` for a former one. Contract 2.1.3 [C1].
pub fn find_as_participant(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    id: ConversationId,
) -> Result<(ConversationRecord, Membership), Failure> {
    let conversation = find(reads, app, id)?;
    let membership = as_participant(reads, app, user, &conversation)?;
    Ok((conversation, membership))
}

/// The same for a write that changes the conversation.
pub fn hold_as_participant(
    writes: &mut dyn Writes,
    app: AppKey,
    user: &UserId,
    id: ConversationId,
) -> Result<Held<ConversationRecord>, Failure> {
    let conversation = hold(writes, app, id)?;
    as_participant(writes, app, user, &conversation)?;
    Ok(conversation)
}

fn as_participant(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    conversation: &ConversationRecord,
) -> Result<Membership, Failure> {
    let membership = reads.membership(app, user, conversation)?.ok_or_else(ApiError::conversation_not_found)?;
    if membership.is_current() { Ok(membership) } else { Err(ApiError::not_a_participant().into()) }
}

/// Takes a user out of a conversation, which is no longer distinct then.
pub fn remove_participant(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &mut Held<ConversationRecord>,
    user: &UserId,
) -> Result<(), Failure> {
    let mut change = ConversationChange::from(&**conversation);
    change.participants.retain(|participant| participant != user);
    change.is_distinct = false;
    Ok(writes.change_conversation(app, conversation, change)?)
}

/// Creates a conversation with this id, or finds the distinct one. `tag` is the id, if the request has one.
///
/// A tag that was seen comes first, then the distinct conversation, then blocks (assumed). Error:
/// `participant_blocked`.
pub fn create(
    writes: &mut dyn Writes,
    app: AppKey,
    tag: Option<Uuid>,
    id: ConversationId,
    created_at: Timestamp,
    request: &NewConversation,
    events: &Events,
) -> Result<Created, Failure> {
    if let Some(tagged) = dedupe::find(writes, app, tag)? {
        return Ok(tagged_with(tagged));
    }
    if request.is_distinct
        && let Some(existing) = writes.distinct_conversation(app, &request.participants)?
    {
        return Ok(distinct(existing, request.metadata.as_ref()));
    }
    if writes.has_block_between(app, &request.participants, &request.participants)? {
        return Err(ApiError::participant_blocked().into());
    }
    let new = NewConversationRecord {
        id,
        created_at,
        participants: request.participants.clone(),
        is_distinct: request.is_distinct,
        metadata: request.metadata.clone().unwrap_or_default(),
    };
    match writes.insert_conversation(app, new)? {
        Inserted::Done(created) => {
            events.record(writes, app, &Event::ConversationCreated(&created))?;
            Ok(Created::Plain(Creation::Done(created.into_record())))
        }
        // Another process was faster since the looks above.
        Inserted::Taken(ConversationTaken::Id(id_use)) => Ok(tagged_with(dedupe::taken(writes, app, tag, id_use)?)),
        Inserted::Taken(ConversationTaken::Distinct(existing)) => Ok(distinct(existing, request.metadata.as_ref())),
    }
}

fn tagged_with(tagged: Tagged) -> Created {
    Created::Plain(match tagged {
        Tagged::Conversation(first) => Creation::Done(first),
        other => Creation::IdInUse(other),
    })
}

fn distinct(existing: ConversationRecord, wanted: Option<&Object>) -> Created {
    let is_same = wanted.is_none_or(|metadata| *metadata == existing.metadata);
    if is_same { Created::Existing(existing) } else { Created::Conflict(existing) }
}

/// Patches a conversation. Changed participants end the distinctness.
pub fn edit(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &mut Held<ConversationRecord>,
    patch: &ConversationPatch,
    events: &Events,
) -> Result<(), Failure> {
    let before = ConversationChange::from(&**conversation);
    let kept = Patchable { participants: before.participants.clone(), metadata: before.metadata.clone() };
    let Patchable { participants, metadata } = patch.apply(&kept)?;
    let is_new = |user: &&UserId| !before.participants.contains(user);
    let added: Vec<UserId> = participants.iter().filter(is_new).cloned().collect();
    if writes.has_block_between(app, &added, &participants)? {
        return Err(ApiError::participant_blocked().into());
    }
    let is_same_set = added.is_empty() && participants.len() == before.participants.len();
    let is_distinct = before.is_distinct && is_same_set;
    let changed = ConversationChange { participants, is_distinct, metadata };
    if changed != before {
        writes.change_conversation(app, conversation, changed)?;
    }
    // One event per kind of change per request (assumed, contract 4).
    if !is_same_set {
        let left: Vec<UserId> =
            before.participants.iter().filter(|user| !conversation.participants.contains(user)).cloned().collect();
        let event = Event::ConversationParticipantsUpdated { conversation, joined: &added, left: &left };
        events.record(writes, app, &event)?;
    }
    if conversation.metadata != before.metadata {
        events.record(writes, app, &Event::ConversationMetadataUpdated(conversation))?;
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
) -> Result<SeenConversation, Failure> {
    Ok(reads.seen(app, user, conversation, membership)?)
}

/// Conversations: of the system here, as a user in `client_api.rs` and `deletion.rs`.
pub struct ConversationService {
    pub(super) core: Arc<Core>,
}

impl ConversationService {
    /// Creates a conversation, or finds the distinct one. Error: `participant_blocked`.
    pub async fn create(
        &self,
        caller: Caller,
        tag: Option<Uuid>,
        request: NewConversation,
    ) -> Result<Named<Created>, Failure> {
        let app = caller.key;
        let created_at = self.core.clock.now();
        let id = ConversationId::new(tag.unwrap_or_else(|| self.core.ids.resource(created_at)));
        let events = self.core.events();
        let create = move |writes: &mut dyn Writes| create(writes, app, tag, id, created_at, &request, &events);
        self.core.write_named(caller, create).await
    }

    /// A conversation in system view. Errors: `not_found`, `object_deleted`.
    pub async fn find(&self, caller: Caller, id: ConversationId) -> Result<Named<ConversationRecord>, Failure> {
        let app = caller.key;
        self.core.read_named(caller, move |reads| find(reads, app, id)).await
    }

    /// A conversation in the view of a user. Errors: `not_found` (also for a user who never was a member),
    /// `object_deleted`.
    pub async fn find_of_user(
        &self,
        caller: Caller,
        user: UserId,
        id: ConversationId,
    ) -> Result<Named<SeenConversation>, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| {
            let (conversation, membership) = find_of_user(reads, app, &user, id)?;
            seen_by_user(reads, app, &user, conversation, membership)
        };
        self.core.read_named(caller, read).await
    }

    /// A page of the conversations of a user, former ones included, shown by `show`. An unknown user has none (3.0:
    /// recorded, L3).
    ///
    /// Error: `not_found` when the page is to begin after a conversation that is not in the list.
    pub async fn page_of_user<Shown: Send + 'static>(
        &self,
        caller: Caller,
        user: UserId,
        page: Page<ConversationId>,
        sort_by: SortBy,
        show: impl FnMut(Named<Listing<SeenConversation>>) -> Shown + Send + 'static,
    ) -> Result<Shown, Failure> {
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
            let found = reads.seen_conversations_of(app, &user, sort_by, from.as_ref(), page.size + 1)?;
            Ok(Listing::new(found, page.size, total))
        };
        self.core.read_page(caller, read, show).await
    }

    /// Patches participants and metadata, all operations or none. Changed participants end the distinctness.
    ///
    /// Errors: `not_found`, `object_deleted` (assumed), `invalid_property`, `participant_blocked`.
    pub async fn edit(&self, app: AppKey, id: ConversationId, patch: ConversationPatch) -> Result<(), Failure> {
        let events = self.core.events();
        let edit = move |writes: &mut dyn Writes| {
            let mut conversation = hold(writes, app, id)?;
            edit(writes, app, &mut conversation, &patch, &events)
        };
        self.core.store.write(edit).await
    }

    /// Deletes a conversation for everyone; once more counts as success. Error: `not_found`.
    pub async fn delete(&self, app: AppKey, id: ConversationId) -> Result<(), Failure> {
        let events = self.core.events();
        let delete = move |writes: &mut dyn Writes| {
            let conversation = writes.hold_conversation(app, id)?.ok_or_else(ApiError::conversation_not_found)?;
            if !conversation.is_deleted {
                writes.delete_conversation(app, &conversation)?;
                events.record(writes, app, &Event::ConversationDeleted(&conversation))?;
            }
            Ok(())
        };
        self.core.store.write(delete).await
    }
}
