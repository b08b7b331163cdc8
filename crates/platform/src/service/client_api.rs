//! What a user creates and edits through the Client API. Contract 2.10.

use layer_store::conversation::ConversationRecord;
use layer_store::held::Inserted;
use layer_store::key::AppKey;
use layer_store::message::MessageRecord;
use layer_store::seen::SeenConversation;
use layer_store::{Reads, Writes};
use layer_wire::client_api::{ConversationOfUser, MessageOfUser};
use layer_wire::conversation::ConversationPatch;
use layer_wire::message::{NewMessage, Sender};
use layer_wire::{ConversationId, MessageId, UserId};
use uuid::Uuid;

use super::caller::Caller;
use super::conversation::{self, ConversationService, Created, hold_as_participant, seen_by_user};
use super::dedupe::{self, Creation, Tagged};
use super::failure::Failure;
use super::message::{self, MessageService};
use super::named::{Named, NamesUsers};

/// The outcome of a request to create a conversation as a user.
#[derive(Debug, Clone, PartialEq)]
pub enum CreatedOfUser {
    /// It was created, or a replay found what it created the first time.
    Done(SeenConversation),
    /// The distinct conversation exists.
    Existing(SeenConversation),
    /// The distinct conversation exists, but with other metadata.
    Conflict(SeenConversation),
    /// The id is taken: by a conversation of the user, or by something else.
    IdInUse(Option<SeenConversation>),
}

impl NamesUsers for CreatedOfUser {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        match self {
            Self::Done(conversation) | Self::Existing(conversation) | Self::Conflict(conversation) => {
                conversation.for_each_user(name);
            }
            Self::IdInUse(conversation) => {
                if let Some(conversation) = conversation {
                    conversation.for_each_user(name);
                }
            }
        }
    }
}

/// The conversation as a user sees it; `None` for a user who never was a member.
fn seen(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    conversation: ConversationRecord,
) -> Result<Option<SeenConversation>, Failure> {
    let membership = reads.membership(app, user, &conversation)?;
    membership.map(|membership| seen_by_user(reads, app, user, conversation, membership)).transpose()
}

fn id_in_use(reads: &dyn Reads, app: AppKey, user: &UserId, by: Tagged) -> Result<CreatedOfUser, Failure> {
    let Tagged::Conversation(conversation) = by else { return Ok(CreatedOfUser::IdInUse(None)) };
    Ok(CreatedOfUser::IdInUse(seen(reads, app, user, conversation)?))
}

impl ConversationService {
    /// Creates a conversation as a user, who takes part in it, or finds the distinct one. A distinct one that the user
    /// deleted for itself comes back to it (assumed).
    ///
    /// An id in the body that is taken is always a conflict, a tag in the header a replay, as for every create request.
    /// Error: `participant_blocked`.
    pub async fn create_as_user(
        &self,
        caller: Caller,
        user: UserId,
        tag: Option<Uuid>,
        request: ConversationOfUser,
    ) -> Result<Named<CreatedOfUser>, Failure> {
        let (app, events) = (caller.key, self.core.events());
        let created_at = self.core.clock.now();
        let ConversationOfUser { id: chosen, conversation: request } = request;
        let tag = if chosen.is_some() { None } else { tag };
        let id = ConversationId::new(chosen.or(tag).unwrap_or_else(|| self.core.ids.resource(created_at)));
        let create = move |writes: &mut dyn Writes| {
            if let Some(taken) = dedupe::find(writes, app, chosen)? {
                return id_in_use(writes, app, &user, taken);
            }
            let (conversation, outcome): (_, fn(SeenConversation) -> CreatedOfUser) =
                match conversation::create(writes, app, tag, id, created_at, &request, &events)? {
                    Created::Plain(Creation::Done(conversation)) => (conversation, CreatedOfUser::Done),
                    Created::Plain(Creation::IdInUse(taken)) => return id_in_use(writes, app, &user, taken),
                    Created::Existing(conversation) => {
                        writes.revive_conversation_of(app, &user, &conversation)?;
                        (conversation, CreatedOfUser::Existing)
                    }
                    Created::Conflict(conversation) => (conversation, CreatedOfUser::Conflict),
                };
            // A replay may find a conversation that the user has nothing to do with.
            Ok(seen(writes, app, &user, conversation)?.map_or(CreatedOfUser::IdInUse(None), outcome))
        };
        self.core.write_named(caller, create).await
    }

    /// Patches a conversation as a participant. Errors: those of [`Self::edit`]; `not_found` for a user
    /// who never was a member; `access_denied` for a former one.
    pub async fn edit_as_user(
        &self,
        app: AppKey,
        user: UserId,
        id: ConversationId,
        patch: ConversationPatch,
    ) -> Result<(), Failure> {
        let events = self.core.events();
        let edit = move |writes: &mut dyn Writes| {
            let mut conversation = hold_as_participant(writes, app, &user, id)?;
            conversation::edit(writes, app, &mut conversation, &patch, &events)
        };
        self.core.store.write(edit).await
    }
}

impl MessageService {
    /// Sends a message as a participant. An id in the body that is taken is always a conflict, a tag in the header a
    /// replay.
    ///
    /// Errors: `not_found`, also for a user who never was a member; `access_denied` for a former one; `object_deleted`;
    /// `invalid_property` `parts`.
    pub async fn send_as_user(
        &self,
        caller: Caller,
        user: UserId,
        conversation: ConversationId,
        tag: Option<Uuid>,
        request: MessageOfUser,
    ) -> Result<Named<Creation<MessageRecord>>, Failure> {
        let (app, events) = (caller.key, self.core.events());
        let now = self.core.clock.now();
        let MessageOfUser { id: chosen, parts } = request;
        let tag = if chosen.is_some() { None } else { tag };
        let id = MessageId::new(chosen.or(tag).unwrap_or_else(|| self.core.ids.resource(now)));
        let conversation_id = conversation;
        let send = move |writes: &mut dyn Writes| {
            let mut conversation = hold_as_participant(writes, app, &user, conversation)?;
            let in_the_way = |tagged: Tagged| match tagged {
                Tagged::Message(first) if chosen.is_none() && first.conversation == conversation_id => {
                    Creation::Done(first)
                }
                taken => Creation::IdInUse(taken),
            };
            if let Some(tagged) = dedupe::find(writes, app, chosen.or(tag))? {
                return Ok(in_the_way(tagged));
            }
            let request = NewMessage { sender: Sender::User(user.clone()), parts: parts.clone(), delay: None };
            let new = message::check(writes, caller, &conversation, id, now, request)?;
            match message::send(writes, app, &mut conversation, new, &events)? {
                Inserted::Done(sent) => Ok(Creation::Done(sent)),
                Inserted::Taken(id_use) => Ok(in_the_way(dedupe::taken(writes, app, chosen.or(tag), id_use)?)),
            }
        };
        self.core.write_named(caller, send).await
    }
}
