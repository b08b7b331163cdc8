//! Absolute URLs of resources, in system view and in the view of a user. Contract 1.4.

use uuid::Uuid;

use crate::id::{AnnouncementId, AppId, ConversationId, MessageId, UserId, WebhookId};

/// Builds the URLs of one app.
#[derive(Debug, Clone)]
pub struct Urls {
    app: String,
    view: String,
    is_user_view: bool,
    is_in_event: bool,
}

impl Urls {
    /// URLs in system view. `base` is scheme and host without a slash at the end, such as `https://api.layer.com`.
    pub fn system(base: &str, app: AppId) -> Self {
        let app = format!("{base}/apps/{app}");
        Self { view: app.clone(), app, is_user_view: false, is_in_event: false }
    }

    /// URLs in the view of a user, with the prefix `/users/<user id>`.
    pub fn of_user(base: &str, app: AppId, user: &UserId) -> Self {
        let app = format!("{base}/apps/{app}");
        Self { view: format!("{app}/users/{}", user.encoded()), app, is_user_view: true, is_in_event: false }
    }

    /// URLs in payloads of webhooks: those of the system view, but for identities.
    pub fn in_events(base: &str, app: AppId) -> Self {
        Self { is_in_event: true, ..Self::system(base, app) }
    }

    /// A conversation.
    pub fn conversation(&self, id: ConversationId) -> String {
        format!("{}/conversations/{}", self.view, id.uuid())
    }

    /// The messages of a conversation.
    pub fn messages(&self, id: ConversationId) -> String {
        format!("{}/conversations/{}/messages", self.view, id.uuid())
    }

    /// A message as reads show it: the long form in system view, the short form in the view of a user (recorded).
    pub fn message(&self, conversation: ConversationId, id: MessageId) -> String {
        if self.is_user_view {
            self.short_message(id)
        } else {
            format!("{}/{}", self.messages(conversation), id.uuid())
        }
    }

    /// A message as the answer of a 1.0 create shows it (recorded).
    pub fn short_message(&self, id: MessageId) -> String {
        format!("{}/messages/{}", self.view, id.uuid())
    }

    /// A webhook.
    pub fn webhook(&self, id: WebhookId) -> String {
        format!("{}/webhooks/{id}", self.app)
    }

    /// A part of a message, by its UUID; `message` is the URL of the message in this view. Version 3.0 only.
    pub fn part(message: &str, part: Uuid) -> String {
        format!("{message}/parts/{part}")
    }

    /// An identity: one URL in answers, in whatever view (recorded, R3), another in payloads of webhooks (recorded, M3).
    pub fn identity(&self, user: &UserId) -> String {
        if self.is_in_event {
            format!("{}/identities/{}", self.app, user.encoded())
        } else {
            format!("{}/users/{}/identity", self.app, user.encoded())
        }
    }

    /// An announcement.
    pub fn announcement(&self, id: AnnouncementId) -> String {
        format!("{}/announcements/{}", self.view, id.uuid())
    }
}

/// The `Location` of an existing conversation: a path without a host. Contract 2.1.1.
pub fn conversation_location(app: AppId, id: ConversationId) -> String {
    format!("/apps/{app}/conversations/{}", id.uuid())
}

/// The same in the view of a user (assumed).
pub fn conversation_location_of_user(app: AppId, user: &UserId, id: ConversationId) -> String {
    format!("/apps/{app}/users/{}/conversations/{}", user.encoded(), id.uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_differ_between_system_view_and_user_view() {
        let app = AppId::parse("e4fd3974-20fe-11e5-89c5-080725007e28").unwrap();
        let conversation = ConversationId::parse("f3cc7b32-3c92-11e4-baad-164230d1df67").unwrap();
        let message = MessageId::parse("940de862-3c96-11e4-baad-164230d1df67").unwrap();
        let prefix = format!("https://api.layer.com/apps/{app}");

        let system = Urls::system("https://api.layer.com", app);
        assert_eq!(system.conversation(conversation), format!("{prefix}/conversations/{}", conversation.uuid()));
        assert_eq!(
            system.message(conversation, message),
            format!("{prefix}/conversations/{}/messages/{}", conversation.uuid(), message.uuid())
        );
        assert_eq!(system.short_message(message), format!("{prefix}/messages/{}", message.uuid()));

        let user = Urls::of_user("https://api.layer.com", app, &UserId::parse("ns/42").unwrap());
        assert_eq!(
            user.messages(conversation),
            format!("{prefix}/users/ns%2F42/conversations/{}/messages", conversation.uuid())
        );
        assert_eq!(user.message(conversation, message), format!("{prefix}/users/ns%2F42/messages/{}", message.uuid()));
    }
}
