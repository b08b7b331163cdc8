//! Conversations as users see them: each with its newest message.

use layer_wire::UserId;
use layer_wire::page::SortBy;

use crate::StoreError;
use crate::conversation::ConversationRecord;
use crate::key::AppKey;
use crate::membership::{Membership, MembershipReads};
use crate::message::{MessageReads, MessageRecord};
use crate::page::{Gathered, Weighed};

/// A conversation as one user sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenConversation {
    /// The conversation.
    pub conversation: ConversationRecord,
    /// How the user is or was a member.
    pub membership: Membership,
    /// The newest message that the user can see.
    pub last_message: Option<MessageRecord>,
}

impl Weighed for SeenConversation {
    fn weight(&self) -> usize {
        self.conversation.weight() + self.last_message.as_ref().map_or(0, Weighed::weight)
    }
}

/// What can be read of conversations as users see them.
pub trait SeenReads: MembershipReads + MessageReads {
    /// The newest message of a conversation that a member can see.
    fn last_message_of(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
        membership: Membership,
    ) -> Result<Option<MessageRecord>, StoreError> {
        Ok(self.messages_of(app, user, conversation, membership, None, 1)?.pop())
    }

    /// A conversation as a member or former member sees it: with its newest message, and with the metadata of when it
    /// left.
    fn seen(
        &self,
        app: AppKey,
        user: &UserId,
        mut conversation: ConversationRecord,
        membership: Membership,
    ) -> Result<SeenConversation, StoreError> {
        let last_message = self.last_message_of(app, user, &conversation, membership)?;
        if !membership.is_current()
            && let Some(metadata) = self.metadata_left_with(app, user, &conversation)?
        {
            conversation.metadata = metadata;
        }
        Ok(SeenConversation { conversation, membership, last_message })
    }

    /// Like [`MembershipReads::conversations_of`], each with its newest message: a page in one question, for engines
    /// that are far away.
    fn seen_conversations_of(
        &self,
        app: AppKey,
        user: &UserId,
        sort_by: SortBy,
        from: Option<&ConversationRecord>,
        limit: usize,
    ) -> Result<Vec<SeenConversation>, StoreError> {
        let mut seen = Gathered::default();
        for (conversation, membership) in self.conversations_of(app, user, sort_by, from, limit)? {
            let last_message = self.last_message_of(app, user, &conversation, membership)?;
            if !seen.add(SeenConversation { conversation, membership, last_message }) {
                break;
            }
        }
        Ok(seen.into_items())
    }
}
