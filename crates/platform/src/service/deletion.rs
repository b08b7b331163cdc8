//! Deletions as a user. Contract 2.2, 2.10 and 2.1.3: for everyone, or for the user's own devices alone.

use layer_store::Writes;
use layer_store::key::AppKey;
use layer_wire::client_api::{ConversationDeletion, DeletionMode};
use layer_wire::{ApiError, ConversationId, MessageId, UserId};

use super::conversation::{ConversationService, hold_as_participant, remove_participant};
use super::event::Event;
use super::failure::Failure;
use super::message::{MessageService, hold_all_of_user};

impl MessageService {
    /// Deletes a message as a user who can see it. For everyone, it must be a participant.
    ///
    /// Errors: `not_found`, also once more; `access_denied` for a former member who wants it deleted for everyone
    /// (assumed).
    pub async fn delete_as_user(
        &self,
        app: AppKey,
        user: UserId,
        id: MessageId,
        mode: DeletionMode,
    ) -> Result<(), Failure> {
        let events = self.core.events();
        let delete = move |writes: &mut dyn Writes| {
            let (mut conversation, membership, message) = hold_all_of_user(writes, app, &user, id)?;
            match mode {
                DeletionMode::MyDevices => writes.delete_message_of(app, &user, &conversation, &message)?,
                DeletionMode::AllParticipants if membership.is_current() => {
                    writes.delete_message(app, &mut conversation, &message)?;
                    events.record(writes, app, &Event::MessageDeleted { message: &message, by: Some(&user) })?;
                }
                DeletionMode::AllParticipants => return Err(ApiError::not_a_participant().into()),
            }
            Ok(())
        };
        self.core.store.write(delete).await
    }
}

impl ConversationService {
    /// Deletes a conversation as a participant. Deleted for the user alone, it comes back with the next message, unless
    /// the user leaves it.
    ///
    /// Errors: `not_found`, also for a user who never was a member; `access_denied` for a former one; `object_deleted`
    /// (assumed).
    pub async fn delete_as_user(
        &self,
        app: AppKey,
        user: UserId,
        id: ConversationId,
        deletion: ConversationDeletion,
    ) -> Result<(), Failure> {
        let events = self.core.events();
        let delete = move |writes: &mut dyn Writes| {
            let mut conversation = hold_as_participant(writes, app, &user, id)?;
            match deletion {
                ConversationDeletion::AllParticipants => {
                    writes.delete_conversation(app, &conversation)?;
                    events.record(writes, app, &Event::ConversationDeleted(&conversation))?;
                }
                ConversationDeletion::MyDevices { leave } => {
                    if leave {
                        remove_participant(writes, app, &mut conversation, &user)?;
                        let (conversation, users) = (&*conversation, [user.clone()]);
                        let event = Event::ConversationParticipantsUpdated { conversation, joined: &[], left: &users };
                        events.record(writes, app, &event)?;
                    }
                    writes.delete_conversation_of(app, &user, &conversation)?;
                }
            }
            Ok(())
        };
        self.core.store.write(delete).await
    }
}
