//! From records to the JSON of the version that was asked for. Only version 1.0 is served, so there is one shape of each.

use layer_wire::announcement::Announcement;
use layer_wire::conversation::{Conversation, UserPart};
use layer_wire::message::{CompactMessage, Message};
use layer_wire::url::Urls;
use layer_wire::{AppId, UserId};
use serde_json::Value;

use crate::service::conversation::OfUser;
use crate::service::dedupe::Tagged;
use crate::store::model::{AnnouncementRecord, ConversationRecord, MessageRecord};

/// Renders what the system sees of an app.
pub struct SystemView {
    urls: Urls,
}

impl SystemView {
    /// `base` is scheme and host of the URLs.
    pub fn new(base: &str, app: AppId) -> Self {
        Self { urls: Urls::system(base, app) }
    }

    /// A conversation.
    pub fn conversation(&self, record: ConversationRecord) -> Conversation {
        Conversation::in_system_view(record.into(), &self.urls)
    }

    /// A message as reads show it.
    pub fn message(&self, record: MessageRecord) -> Message {
        Message::in_system_view(record.into(), &self.urls)
    }

    /// A message as the answer to its creation shows it.
    pub fn sent_message(&self, record: MessageRecord) -> CompactMessage {
        CompactMessage::new(record.into(), &self.urls)
    }

    /// An announcement.
    pub fn announcement(&self, record: AnnouncementRecord) -> Announcement {
        Announcement::new(record.into(), &self.urls)
    }

    /// Whatever has the id of a dedupe tag; `None` when it was deleted.
    pub fn tagged(&self, tagged: Tagged) -> Option<Value> {
        let rendered = match tagged {
            Tagged::Conversation(record) => serde_json::to_value(self.conversation(record)),
            Tagged::Message(record) => serde_json::to_value(self.message(record)),
            Tagged::Announcement(record) => serde_json::to_value(self.announcement(record)),
            Tagged::Deleted => return None,
        };
        rendered.ok()
    }
}

/// Renders what one user sees of an app.
pub struct UserView {
    urls: Urls,
    user: UserId,
}

impl UserView {
    /// `base` is scheme and host of the URLs.
    pub fn new(base: &str, app: AppId, user: UserId) -> Self {
        Self { urls: Urls::of_user(base, app, &user), user }
    }

    /// A conversation. A former member sees no participants (contract 2.1.3).
    pub fn conversation(&self, seen: OfUser) -> Conversation {
        let OfUser { mut conversation, membership, last_message } = seen;
        if !membership.is_current() {
            conversation.participants.clear();
        }
        let of_user = UserPart {
            last_message: last_message.map(|message| self.message(message)),
            unread_message_count: membership.unread_count,
        };
        Conversation::in_user_view(conversation.into(), &self.urls, of_user)
    }

    /// A message.
    pub fn message(&self, record: MessageRecord) -> Message {
        Message::in_user_view(record.into(), &self.urls, &self.user)
    }
}
