//! From records to the JSON of the version that was asked for.

use layer_store::announcement::AnnouncementCopy;
use layer_store::announcement::AnnouncementRecord;
use layer_store::conversation::ConversationRecord;
use layer_store::message::MessageRecord;
use layer_store::seen::SeenConversation;
use layer_wire::announcement::{Announcement, ReceivedAnnouncement};
use layer_wire::block_list::BlockedUser;
use layer_wire::conversation::{Conversation, UserPart};
use layer_wire::identity::{Fields, Identity};
use layer_wire::message::Message;
use layer_wire::url::Urls;
use layer_wire::view::Identities;
use layer_wire::{UserId, View};
use serde_json::Value;

use crate::service::caller::Caller;
use crate::service::dedupe::{Scheduled, Tagged};
use crate::service::message::Accepted;
use crate::service::shown;

/// Renders what the system sees of an app.
pub struct SystemView(View);

impl SystemView {
    /// `urls` are those of the app; `identities` are those of the users in what will be shown.
    pub fn new(urls: Urls, caller: Caller, identities: Identities) -> Self {
        Self(View { version: caller.version, urls, identities })
    }

    /// A conversation.
    pub fn conversation(&self, record: ConversationRecord) -> Conversation {
        shown::conversation(record, &self.0, None)
    }

    /// A message as reads show it.
    pub fn message(&self, record: MessageRecord) -> Message {
        Message::in_system_view(record, &self.0)
    }

    /// A message as the answer to its creation shows it.
    pub fn sent_message(&self, record: MessageRecord) -> Message {
        Message::created(record, &self.0)
    }

    /// An announcement.
    pub fn announcement(&self, record: AnnouncementRecord) -> Announcement {
        Announcement::new(record, &self.0)
    }

    /// Whom a user blocks.
    pub fn block_list(&self, blocked: Vec<UserId>) -> Vec<BlockedUser> {
        blocked.into_iter().map(|user| BlockedUser::new(user, &self.0)).collect()
    }

    /// The identity of a user.
    pub fn identity(&self, user: &UserId, fields: &Fields) -> Identity {
        Identity::new(user, fields, &self.0)
    }

    /// A message that is sent later, as the answer to its creation shows it.
    pub fn scheduled_message(&self, scheduled: Scheduled) -> Message {
        Message::scheduled(scheduled.into(), &self.0)
    }

    /// A message that was accepted: sent, or waiting.
    pub fn accepted_message(&self, accepted: Accepted) -> Message {
        match accepted {
            Accepted::Sent(message) => self.sent_message(message),
            Accepted::Scheduled(scheduled) => self.scheduled_message(scheduled),
        }
    }

    /// Whatever has the id of a dedupe tag; `None` when it was deleted.
    pub fn tagged(&self, tagged: Tagged) -> Option<Value> {
        let rendered = match tagged {
            Tagged::Conversation(record) => serde_json::to_value(self.conversation(record)),
            Tagged::Message(record) => serde_json::to_value(self.message(record)),
            Tagged::Announcement(record) => serde_json::to_value(self.announcement(record)),
            Tagged::Scheduled(scheduled) => serde_json::to_value(self.scheduled_message(scheduled)),
            Tagged::Deleted => return None,
        };
        rendered.ok()
    }
}

/// Renders what one user sees of an app.
pub struct UserView {
    view: View,
    user: UserId,
}

impl UserView {
    /// `urls` are those of the user; `identities` are those of the users in what will be shown.
    pub fn new(urls: Urls, caller: Caller, user: UserId, identities: Identities) -> Self {
        Self { view: View { version: caller.version, urls, identities }, user }
    }

    /// What every object of it is shown with.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Whose view it is.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// A conversation. A former member sees no participants (contract 2.1.3).
    pub fn conversation(&self, seen: SeenConversation) -> Conversation {
        let SeenConversation { mut conversation, membership, last_message } = seen;
        if !membership.is_current() {
            conversation.participants.clear();
        }
        let of_user = UserPart {
            last_message: last_message.map(|message| self.message(message)),
            unread_message_count: membership.unread_count,
        };
        shown::conversation(conversation, &self.view, Some(of_user))
    }

    /// A message.
    pub fn message(&self, record: MessageRecord) -> Message {
        Message::in_user_view(record, &self.view, &self.user)
    }

    /// The identity of any user.
    pub fn identity(&self, user: &UserId, fields: &Fields) -> Identity {
        Identity::new(user, fields, &self.view)
    }

    /// An announcement that the user got.
    pub fn announcement(&self, copy: AnnouncementCopy) -> ReceivedAnnouncement {
        let AnnouncementCopy { announcement, position, status, .. } = copy;
        ReceivedAnnouncement::new(announcement, position, status, &self.user, &self.view)
    }
}
