//! Messages: send requests and answers. Contract 2.2 and 3.2.

use serde::Serialize;
use serde::ser::SerializeMap as _;
use serde_json::Value;

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::id::{ConversationId, MessageId, UserId};
use crate::part::{self, CompactPart, NewPart, Part, ReadPart};
use crate::timestamp::Timestamp;
use crate::url::Urls;
use crate::version::Version;

/// Who sent a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A user or a bot.
    User(UserId),
    /// A free text, for what is no user: "Concierge". Only 1.x can send under one.
    Name(String),
}

impl Sender {
    /// Takes the sender out of a request: `sender` in 1.x, `sender_id` from 2.0 on. `null` counts as absent.
    ///
    /// Errors: `missing_property` or `invalid_property`, naming the one of the two that the version has.
    pub fn take(request: &mut Object, version: Version) -> Result<Self, ApiError> {
        if version.has_identities() {
            let sender = body::take_required(request, "sender_id")?;
            return body::user_id(&sender, "sender_id", version).map(Self::User);
        }
        let Value::Object(mut sender) = body::take_required(request, "sender")? else {
            return Err(refuse_sender("must be an object"));
        };
        match (body::take(&mut sender, "user_id"), body::take(&mut sender, "name")) {
            (Some(user), None) => body::user_id(&user, "sender", version).map(Self::User),
            (None, Some(Value::String(name))) if !name.is_empty() => Ok(Self::Name(name)),
            (None, Some(_)) => Err(refuse_sender("must have a name that is a non-empty string")),
            _ => Err(refuse_sender("must have exactly one of 'user_id' and 'name'")),
        }
    }

    /// The user who sent the message, if it was one.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Name(_) => None,
        }
    }
}

fn refuse_sender(rule: &str) -> ApiError {
    ApiError::invalid_property("sender", rule)
}

/// How far a message got with one participant. The order is the only way it moves: a read message stays read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was sent.
    Sent,
    /// It reached a device.
    Delivered,
    /// It was read.
    Read,
}

/// The status of a message with everyone who took part when it was sent, in the order of the participants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecipientStatus(pub Vec<(UserId, Status)>);

impl RecipientStatus {
    /// The status of a new message: `sent` for everyone, but `read` for the sender.
    pub fn new(participants: &[UserId], sender: &Sender) -> Self {
        let status = |user: &UserId| if sender.user() == Some(user) { Status::Read } else { Status::Sent };
        Self(participants.iter().map(|user| (user.clone(), status(user))).collect())
    }

    /// The status with one user; `None` for someone who took no part when the message was sent.
    pub fn of(&self, user: &UserId) -> Option<Status> {
        self.0.iter().find(|(recipient, _)| recipient == user).map(|(_, status)| *status)
    }

    /// Raises the status with one user, and tells whether that changed it: it never moves backwards, and someone who took no part
    /// when the message was sent has none.
    pub fn raise(&mut self, user: &UserId, to: Status) -> bool {
        match self.0.iter_mut().find(|(recipient, _)| recipient == user) {
            Some((_, status)) if *status < to => {
                *status = to;
                true
            }
            _ => false,
        }
    }

    /// Whether the message waits to be read by this user. Messages from before the user joined do not (assumed).
    pub fn is_unread_for(&self, user: &UserId) -> bool {
        self.of(user).is_some_and(|status| status < Status::Read)
    }
}

impl Serialize for RecipientStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (user, status) in &self.0 {
            map.serialize_entry(user, status)?;
        }
        map.end()
    }
}

/// A request to send a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Who sends it.
    pub sender: Sender,
    /// Its parts, at least one.
    pub parts: Vec<NewPart>,
}

impl NewMessage {
    /// Reads the request body.
    ///
    /// `notification` is checked to be an object and then dropped: it is never stored (contract 2.2.1).
    /// Delayed sending is not served yet: a `schedule` answers `invalid_property` `schedule`.
    ///
    /// Errors: `invalid_request` (also for `[]`, recorded), `missing_property` and `invalid_property` with the property; the sender
    /// is looked at before `parts`.
    pub fn parse(body: &[u8], version: Version) -> Result<Self, ApiError> {
        let mut request = body::parse_strict_object(body)?;
        let sender = Sender::take(&mut request, version)?;
        let parts = part::take_parts(&mut request, version)?;
        check_notification(&mut request)?;
        if body::take(&mut request, "schedule").is_some() {
            return Err(ApiError::invalid_property("schedule", "is not supported by this server"));
        }
        Ok(Self { sender, parts })
    }
}

/// Checks that `notification`, if there is one, is an object. Error: `invalid_property` `notification` (assumed).
pub fn check_notification(request: &mut Object) -> Result<(), ApiError> {
    match body::take(request, "notification") {
        None | Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(ApiError::invalid_property("notification", "must be an object")),
    }
}

/// What any view of a message shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Its id.
    pub id: MessageId,
    /// The conversation it is in.
    pub conversation: ConversationId,
    /// Its place in the conversation: 1 for the first message (assumed), always growing.
    pub position: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When one of its parts was changed, added or removed last; `None` as long as it is as it was sent.
    pub updated_at: Option<Timestamp>,
    /// Who sent it.
    pub sender: Sender,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Its status.
    pub recipient_status: RecipientStatus,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ConversationLink {
    id: ConversationId,
    url: String,
}

impl ConversationLink {
    fn new(id: ConversationId, urls: &Urls) -> Self {
        Self { id, url: urls.conversation(id) }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ReadSender {
    user_id: Option<UserId>,
    name: Option<String>,
}

impl From<Sender> for ReadSender {
    fn from(sender: Sender) -> Self {
        match sender {
            Sender::User(user) => Self { user_id: Some(user), name: None },
            Sender::Name(name) => Self { user_id: None, name: Some(name) },
        }
    }
}

/// A message in a read of version 1.x: long URL, explicit nulls (recorded, R1).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    id: MessageId,
    url: String,
    receipts_url: Option<String>,
    position: Option<u32>,
    conversation: ConversationLink,
    parts: Vec<ReadPart>,
    sent_at: Timestamp,
    received_at: Option<Timestamp>,
    sender: ReadSender,
    is_unread: Option<bool>,
    recipient_status: RecipientStatus,
    /// Always `null`: it is never stored.
    notification: Option<()>,
}

impl Message {
    /// Shows a message in system view: what belongs to a reader is `null`.
    pub fn in_system_view(shown: Shown, urls: &Urls) -> Self {
        Self {
            id: shown.id,
            url: urls.message(shown.conversation, shown.id),
            receipts_url: None,
            position: None,
            conversation: ConversationLink::new(shown.conversation, urls),
            parts: ReadPart::all(shown.id, &shown.parts),
            sent_at: shown.sent_at,
            received_at: None,
            sender: shown.sender.into(),
            is_unread: None,
            recipient_status: shown.recipient_status,
            notification: None,
        }
    }

    /// Shows a message in the view of a user; `urls` must be those of the user.
    ///
    /// `received_at` is the time of sending: nothing receives on the user's behalf later than that (assumed).
    pub fn in_user_view(shown: Shown, urls: &Urls, user: &UserId) -> Self {
        let position = shown.position;
        let received_at = shown.sent_at;
        let is_unread = shown.recipient_status.is_unread_for(user);
        let message = Self::in_system_view(shown, urls);
        Self {
            receipts_url: Some(format!("{}/receipts", message.url)),
            position: Some(position),
            received_at: Some(received_at),
            is_unread: Some(is_unread),
            ..message
        }
    }
}

/// A message in the answer of a 1.0 create: short URL, no nulls, parts without ids (recorded, R1).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompactMessage {
    id: MessageId,
    url: String,
    conversation: ConversationLink,
    sent_at: Timestamp,
    recipient_status: RecipientStatus,
    sender: CompactSender,
    parts: Vec<CompactPart>,
}

/// A sender with the one key that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CompactSender {
    /// A user.
    UserId(UserId),
    /// A free text.
    Name(String),
}

impl From<Sender> for CompactSender {
    fn from(sender: Sender) -> Self {
        match sender {
            Sender::User(user) => Self::UserId(user),
            Sender::Name(name) => Self::Name(name),
        }
    }
}

impl CompactMessage {
    /// Shows a message that was just sent.
    pub fn new(shown: Shown, urls: &Urls) -> Self {
        Self {
            id: shown.id,
            url: urls.short_message(shown.id),
            conversation: ConversationLink::new(shown.conversation, urls),
            sent_at: shown.sent_at,
            recipient_status: shown.recipient_status,
            sender: shown.sender.into(),
            parts: CompactPart::all(&shown.parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::id::AppId;
    use crate::part::PartBody;
    use serde_json::json;

    fn parse(body: &Value) -> Result<NewMessage, ApiError> {
        NewMessage::parse(body.to_string().as_bytes(), Version::V1_0)
    }

    fn shown() -> Shown {
        let users = [UserId::parse("maria").unwrap(), UserId::parse("jon").unwrap()];
        let sender = Sender::User(users[0].clone());
        let id = MessageId::parse("940de862-3c96-11e4-baad-164230d1df67").unwrap();
        let part = NewPart { id: None, mime_type: "text/plain".into(), body: PartBody::Bytes(b"Hi".into()) };
        Shown {
            id,
            conversation: ConversationId::parse("f3cc7b32-3c92-11e4-baad-164230d1df67").unwrap(),
            position: 7,
            sent_at: Timestamp::from_ms(0),
            recipient_status: RecipientStatus::new(&users, &sender),
            sender,
            updated_at: None,
            parts: Part::all_of(id.uuid(), vec![part]).unwrap(),
        }
    }

    fn app() -> AppId {
        AppId::parse("e4fd3974-20fe-11e5-89c5-080725007e28").unwrap()
    }

    #[test]
    fn the_sender_is_looked_at_before_the_parts() {
        let error = parse(&json!({})).unwrap_err();
        assert_eq!(error.data(), Some(&json!({ "property": "sender" })));
        let error = parse(&json!({ "sender": { "name": "x" } })).unwrap_err();
        assert_eq!(error.data(), Some(&json!({ "property": "parts" })));
        assert_eq!(parse(&json!([])).unwrap_err().kind(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn a_sender_has_exactly_one_of_user_id_and_name() {
        let parts = json!([{ "mime_type": "text/plain", "body": "x" }]);
        let with = |sender: Value| parse(&json!({ "sender": sender, "parts": parts }));
        assert_eq!(with(json!({ "user_id": null, "name": "x" })).unwrap().sender, Sender::Name("x".into()));
        assert!(with(json!({ "user_id": "a", "name": null })).is_ok());
        for sender in [
            json!({ "user_id": "a", "name": "b" }),
            json!({}),
            json!("a"),
            json!({ "name": "" }),
            json!({ "user_id": 1 }),
        ] {
            assert_eq!(with(sender.clone()).unwrap_err().data(), Some(&json!({ "property": "sender" })), "{sender}");
        }
    }

    #[test]
    fn from_2_0_on_the_sender_is_an_identity() {
        let parse = |body: &Value| NewMessage::parse(body.to_string().as_bytes(), Version::V2_0);
        let mut body = json!({ "sender": { "name": "x" }, "parts": [{ "mime_type": "text/plain", "body": "x" }] });
        let error = parse(&body).unwrap_err();
        assert_eq!(
            (error.kind(), error.data()),
            (ErrorKind::MissingProperty, Some(&json!({ "property": "sender_id" })))
        );
        for sender in ["layer:///identities/maria", "maria"] {
            body["sender_id"] = json!(sender);
            assert_eq!(parse(&body).unwrap().sender, Sender::User(UserId::parse("maria").unwrap()));
        }
        body["sender_id"] = json!({ "user_id": "maria" });
        assert_eq!(parse(&body).unwrap_err().kind(), ErrorKind::InvalidProperty);
    }

    #[test]
    fn a_schedule_is_refused_and_a_notification_dropped() {
        let mut body = json!({
            "sender": { "name": "x" },
            "parts": [{ "mime_type": "text/plain", "body": "x" }],
            "notification": { "text": "x" }
        });
        assert!(parse(&body).is_ok());
        body["schedule"] = json!({ "delay_in_seconds": 2 });
        assert_eq!(parse(&body).unwrap_err().data(), Some(&json!({ "property": "schedule" })));
    }

    #[test]
    fn the_answer_of_a_create_is_compact() {
        let urls = Urls::system("https://api.layer.com", app());
        let message = serde_json::to_string(&CompactMessage::new(shown(), &urls)).unwrap();
        let prefix = "https://api.layer.com/apps/e4fd3974-20fe-11e5-89c5-080725007e28";
        assert_eq!(
            message,
            format!(
                r#"{{"id":"layer:///messages/940de862-3c96-11e4-baad-164230d1df67","url":"{prefix}/messages/940de862-3c96-11e4-baad-164230d1df67","conversation":{{"id":"layer:///conversations/f3cc7b32-3c92-11e4-baad-164230d1df67","url":"{prefix}/conversations/f3cc7b32-3c92-11e4-baad-164230d1df67"}},"sent_at":"1970-01-01T00:00:00.000Z","recipient_status":{{"maria":"read","jon":"sent"}},"sender":{{"user_id":"maria"}},"parts":[{{"mime_type":"text/plain","body":"Hi"}}]}}"#
            )
        );
    }

    #[test]
    fn a_read_has_explicit_nulls_in_system_view_and_values_in_user_view() {
        let system = serde_json::to_value(Message::in_system_view(shown(), &Urls::system("", app()))).unwrap();
        for key in ["receipts_url", "position", "received_at", "is_unread", "notification"] {
            assert_eq!(system.get(key), Some(&Value::Null), "{key}");
        }
        assert_eq!(system["sender"], json!({ "user_id": "maria", "name": null }));
        assert_eq!(system["parts"][0]["id"], "layer:///messages/940de862-3c96-11e4-baad-164230d1df67/parts/0");
        assert_eq!(system["parts"][0].get("encoding"), Some(&Value::Null));

        let jon = UserId::parse("jon").unwrap();
        let user = serde_json::to_value(Message::in_user_view(shown(), &Urls::of_user("", app(), &jon), &jon)).unwrap();
        assert_eq!(user["position"], 7);
        assert_eq!(user["is_unread"], true);
        assert_eq!(user["received_at"], "1970-01-01T00:00:00.000Z");
        assert_eq!(user["receipts_url"], format!("{}/receipts", user["url"].as_str().unwrap()));
    }
}
