//! Absolute URLs of resources, in system view and in the view of a user. Contract 1.4.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::id::{AnnouncementId, AppId, ContentId, ConversationId, MessageId, UserId, WebhookId};
use crate::timestamp::Timestamp;

/// Where something can be downloaded, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadLink {
    /// For a plain GET, without the headers of the API.
    pub url: String,
    /// When the URL expires.
    pub expires_at: Timestamp,
}

/// Makes links to the bytes of rich content.
pub trait DownloadLinks: fmt::Debug + Send + Sync {
    /// A fresh link.
    fn download(&self, app: AppId, content: ContentId) -> DownloadLink;
}

/// Builds the URLs of one app.
#[derive(Debug, Clone)]
pub struct Urls {
    id: AppId,
    downloads: Option<Arc<dyn DownloadLinks>>,
    app: String,
    view: String,
    kind: Kind,
}

/// Whom URLs are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The application, through the Server API.
    System,
    /// The application, in the view of a user.
    User,
    /// A user, through the Client API.
    Client,
    /// The application, through a webhook.
    Event,
}

impl Urls {
    /// URLs in system view. `base` is scheme and host without a slash at the end, such as `https://api.layer.com`.
    pub fn system(base: &str, app: AppId) -> Self {
        let id = app;
        let app = format!("{base}/apps/{app}");
        Self { id, downloads: None, view: app.clone(), app, kind: Kind::System }
    }

    /// URLs in the view of a user, with the prefix `/users/<user id>`.
    pub fn of_user(base: &str, app: AppId, user: &UserId) -> Self {
        let system = Self::system(base, app);
        Self { view: format!("{}/users/{}", system.app, user.encoded()), kind: Kind::User, ..system }
    }

    /// URLs of the Client API, where the session says which app and user: without a prefix. Client API 3.
    pub fn in_client_api(base: &str, app: AppId) -> Self {
        Self { id: app, downloads: None, app: base.to_owned(), view: base.to_owned(), kind: Kind::Client }
    }

    /// URLs in payloads of webhooks: those of the system view, but for identities.
    pub fn in_events(base: &str, app: AppId) -> Self {
        Self { kind: Kind::Event, ..Self::system(base, app) }
    }

    /// The same, with links to the bytes of rich content. Without them such links are left out.
    #[must_use]
    pub fn with_downloads(self, downloads: Arc<dyn DownloadLinks>) -> Self {
        Self { downloads: Some(downloads), ..self }
    }

    /// A fresh link to the bytes of rich content.
    pub fn download(&self, content: ContentId) -> Option<DownloadLink> {
        self.downloads.as_ref().map(|downloads| downloads.download(self.id, content))
    }

    /// Where to get a fresh link to rich content, in every view (assumed); in payloads of webhooks (contract 6.4) and
    /// the Client API without the conversation.
    pub fn content(&self, conversation: ConversationId, content: ContentId) -> String {
        match self.kind {
            Kind::Event | Kind::Client => format!("{}/content/{}", self.app, content.uuid()),
            Kind::System | Kind::User => {
                format!("{}/conversations/{}/content/{}", self.app, conversation.uuid(), content.uuid())
            }
        }
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
        match self.kind {
            Kind::User | Kind::Client => self.short_message(id),
            Kind::System | Kind::Event => format!("{}/{}", self.messages(conversation), id.uuid()),
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

    /// A part of a message in payloads of webhooks from 2.0 on, by its UUID: short, and without the app (recorded, R4
    /// to R6).
    pub fn part_in_event(&self, message: MessageId, part: Uuid) -> String {
        let base = self.app.rsplit_once("/apps/").map_or("", |(base, _)| base);
        format!("{base}/messages/{}/parts/{part}", message.uuid())
    }

    /// Whether they are for payloads of webhooks.
    pub fn are_in_events(&self) -> bool {
        self.kind == Kind::Event
    }

    /// Whether they are for the Client API.
    pub fn are_of_clients(&self) -> bool {
        self.kind == Kind::Client
    }

    /// An identity: one URL in answers, in every view (recorded, R3), another in payloads of webhooks (recorded, R4 to
    /// R6), which the Client API has, too.
    pub fn identity(&self, user: &UserId) -> String {
        match self.kind {
            Kind::Event | Kind::Client => format!("{}/identities/{}", self.app, user.encoded()),
            Kind::System | Kind::User => format!("{}/users/{}/identity", self.app, user.encoded()),
        }
    }

    /// An announcement.
    pub fn announcement(&self, id: AnnouncementId) -> String {
        format!("{}/announcements/{}", self.view, id.uuid())
    }
}

/// The `Location` of new rich content: a path without a host. Contract 2.5.
pub fn content_location(app: AppId, conversation: ConversationId, content: ContentId) -> String {
    format!("{}/content/{}", conversation_location(app, conversation), content.uuid())
}

/// The same in the Client API. Client API 4.8.
pub fn content_location_in_client_api(content: ContentId) -> String {
    format!("/content/{}", content.uuid())
}

/// The `Location` of an existing conversation: a path without a host. Contract 2.1.1.
pub fn conversation_location(app: AppId, id: ConversationId) -> String {
    format!("/apps/{app}/conversations/{}", id.uuid())
}

/// The same in the view of a user (assumed).
pub fn conversation_location_of_user(app: AppId, user: &UserId, id: ConversationId) -> String {
    format!("/apps/{app}/users/{}/conversations/{}", user.encoded(), id.uuid())
}

/// The same in the Client API.
pub fn conversation_location_in_client_api(id: ConversationId) -> String {
    format!("/conversations/{}", id.uuid())
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

        let client = Urls::in_client_api("https://api.layer.com", app);
        assert_eq!(client.message(conversation, message), format!("https://api.layer.com/messages/{}", message.uuid()));
        let user = UserId::parse("o'neil~").unwrap();
        assert_eq!(client.identity(&user), "https://api.layer.com/identities/o%27neil%7E");

        let event = Urls::in_events("https://api.layer.com", app);
        let part = Uuid::nil();
        let expected = format!("https://api.layer.com/messages/{}/parts/{part}", message.uuid());
        assert_eq!(event.part_in_event(message, part), expected);
    }
}
