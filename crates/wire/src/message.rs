//! Messages: send requests and answers. Contract 2.2 and 3.2.

use serde::Serialize;
use serde::ser::SerializeMap as _;
use serde_json::Value;

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::id::{ConversationId, MessageId, UserId};
use crate::member::Member;
use crate::part::{self, NewPart, Part, PartForm, ShownPart};
use crate::schedule::{self, Delay, Sending};
use crate::timestamp::Timestamp;
use crate::version::Version;
use crate::view::{BasicIdentity, View};

/// Who sent a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A user or a bot.
    User(UserId),
    /// A free text, for a sender that is not a user: "Concierge". Only 1.x can send under one.
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
            // Some stores cannot keep NUL, here as in user ids.
            (None, Some(Value::String(name))) if name.contains('\0') => {
                Err(refuse_sender("must have a name without the character NUL"))
            }
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

    /// Raises the status with one user, and tells whether that changed it: it never moves backwards, and someone who
    /// took no part when the message was sent has none.
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

/// The status of a message in an answer: by user id in 1.x, by identity id from 2.0 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownStatus {
    status: RecipientStatus,
    has_identities: bool,
}

impl ShownStatus {
    /// The status with everyone.
    fn of_all(status: RecipientStatus, view: &View) -> Self {
        Self { status, has_identities: view.version.has_identities() }
    }

    /// The status with one user alone.
    pub(crate) fn of(user: &UserId, status: Status, view: &View) -> Self {
        let status = RecipientStatus(vec![(user.clone(), status)]);
        Self { status, has_identities: view.version.has_identities() }
    }
}

impl Serialize for ShownStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.status.0.len()))?;
        for (user, status) in &self.status.0 {
            if self.has_identities {
                map.serialize_entry(&user.identity_id(), status)?;
            } else {
                map.serialize_entry(user, status)?;
            }
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
    /// How long to wait before it is sent: from now on, or, in a batch, from the message before.
    pub delay: Option<Delay>,
}

/// What is sent in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewMessages {
    /// A message.
    One(NewMessage),
    /// Several, in the order of their delivery. At least one; from 2.0 on (contract 2.2.5).
    Batch(Vec<NewMessage>),
}

/// The most messages in a batch. The contract names no limit, so this generous one is (assumed).
pub const MAX_BATCH: usize = 500;

impl NewMessages {
    /// Reads the request body.
    ///
    /// Errors: `invalid_request` (also for `[]`, recorded, and for an array before 2.0), and those of a [`NewMessage`].
    pub fn parse(body: &[u8], version: Version) -> Result<Self, ApiError> {
        match body::parse(body)? {
            Value::Object(request) => NewMessage::from_object(request, version, Sending::Alone).map(Self::One),
            Value::Array(requests) if version.has_identities() && !requests.is_empty() => {
                if requests.len() > MAX_BATCH {
                    let message = format!("A batch must not hold more than {MAX_BATCH} messages.");
                    return Err(ApiError::invalid_request(message));
                }
                let read = |request| match request {
                    Value::Object(request) => NewMessage::from_object(request, version, Sending::InBatch),
                    _ => Err(ApiError::invalid_request("A batch must hold messages, which are objects.")),
                };
                requests.into_iter().map(read).collect::<Result<_, _>>().map(Self::Batch)
            }
            _ => Err(ApiError::invalid_request("The request body must be a message, which is a JSON object.")),
        }
    }
}

impl NewMessage {
    /// Reads a message out of a request.
    ///
    /// `notification` is checked to be an object and then dropped: it is never stored (contract 2.2.1).
    ///
    /// Errors: `missing_property` and `invalid_property` with the property; the sender is looked at before `parts`.
    fn from_object(mut request: Object, version: Version, sending: Sending) -> Result<Self, ApiError> {
        let sender = Sender::take(&mut request, version)?;
        let parts = part::take_parts(&mut request, version)?;
        check_notification(&mut request)?;
        let delay = schedule::take_delay(&mut request, sending)?;
        Ok(Self { sender, parts, delay })
    }
}

/// Checks that `notification`, if there is one, is an object. Error: `invalid_property` `notification` (assumed).
pub fn check_notification(request: &mut Object) -> Result<(), ApiError> {
    match body::take(request, "notification") {
        None | Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(ApiError::invalid_property("notification", "must be an object")),
    }
}

/// A message, as it is kept; every view of it is made from this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
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
    fn new(id: ConversationId, view: &View) -> Self {
        Self { id, url: view.urls.conversation(id) }
    }
}

/// A sender in an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ShownSender {
    /// In 1.x: both keys, one of them null; or the one key that has a value.
    Keys {
        /// A user.
        #[serde(skip_serializing_if = "Member::is_absent")]
        user_id: Member<Option<UserId>>,
        /// A free text.
        #[serde(skip_serializing_if = "Member::is_absent")]
        name: Member<Option<String>>,
    },
    /// From 2.0 on. A free text of 1.x is an identity with nothing but a name (assumed).
    Identity(BasicIdentity),
}

impl ShownSender {
    /// Shows a sender, in 1.x with or without the key that is null.
    pub fn new(sender: Sender, view: &View, has_nulls: bool) -> Self {
        match sender {
            Sender::User(user) if view.version.has_identities() => Self::Identity(view.identity(user)),
            Sender::Name(name) if view.version.has_identities() => Self::Identity(BasicIdentity::named(name, view)),
            Sender::User(user) => {
                Self::Keys { user_id: Member::nullable(Some(user), has_nulls), name: Member::nullable(None, has_nulls) }
            }
            Sender::Name(name) => {
                Self::Keys { user_id: Member::nullable(None, has_nulls), name: Member::nullable(Some(name), has_nulls) }
            }
        }
    }
}

/// A message in an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Never anything but `null`: channels are outside this API.
    #[serde(skip_serializing_if = "Member::is_absent")]
    channel: Member<Option<()>>,
    id: MessageId,
    url: String,
    #[serde(skip_serializing_if = "Member::is_absent")]
    receipts_url: Member<Option<String>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    position: Member<Option<u32>>,
    conversation: ConversationLink,
    parts: Vec<ShownPart>,
    /// `null` for a message that waits.
    sent_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    received_at: Member<Option<Timestamp>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    updated_at: Member<Option<Timestamp>>,
    sender: ShownSender,
    #[serde(skip_serializing_if = "Member::is_absent")]
    is_unread: Member<Option<bool>>,
    recipient_status: ShownStatus,
    /// Never anything but `null`: no request says what a message replies to.
    #[serde(skip_serializing_if = "Member::is_absent")]
    reply_to: Member<Option<()>>,
    /// Never anything but `null`: it is not stored.
    #[serde(skip_serializing_if = "Member::is_absent")]
    notification: Member<Option<()>>,
}

impl Message {
    /// Shows a message in system view, as reads do: what belongs to a reader is `null` (recorded, R1 and R3).
    ///
    /// `position` is `null` in 1.0 (recorded, R1) and 1.1 (contract 5), an integer in 3.0 (recorded, R3) and 2.0
    /// (assumed), which also have `reply_to` and `updated_at`.
    pub fn in_system_view(shown: MessageRecord, view: &View) -> Self {
        let url = view.urls.message(shown.conversation, shown.id);
        let has_identities = view.version.has_identities();
        let (position, updated_at) = (shown.position, shown.updated_at);
        Self {
            receipts_url: Member::Present(None),
            position: Member::Present(has_identities.then_some(position)),
            received_at: Member::Present(None),
            updated_at: Member::when(has_identities, || updated_at),
            is_unread: Member::Present(None),
            reply_to: Member::when(has_identities, || None),
            notification: Member::Present(None),
            ..Self::bare(shown, view, url, PartForm::of_reads(view.version), true)
        }
    }

    /// Shows a message in the view of a user, whose URLs `view` must have.
    ///
    /// `received_at` is the time of sending: nothing receives on the user's behalf later than that (assumed).
    pub fn in_user_view(shown: MessageRecord, view: &View, user: &UserId) -> Self {
        let position = shown.position;
        let received_at = shown.sent_at;
        let is_unread = shown.recipient_status.is_unread_for(user);
        let message = Self::in_system_view(shown, view);
        Self {
            receipts_url: Member::Present(Some(format!("{}/receipts", message.url))),
            position: Member::Present(Some(position)),
            received_at: Member::Present(Some(received_at)),
            is_unread: Member::Present(Some(is_unread)),
            ..message
        }
    }

    /// Shows a message in the answer to its creation.
    ///
    /// - 1.0: short URL, no nulls, parts without ids (recorded, R1)
    /// - 1.1: short URL (contract 5), otherwise as in a read (contract 3, assumed)
    /// - 2.0 (assumed) and 3.0 (recorded, R3): long URL, `channel`, and nothing that a reader or a change would bring;
    ///   in 3.0 parts with five keys
    pub fn created(shown: MessageRecord, view: &View) -> Self {
        match view.version {
            Version::V1_0 => {
                let url = view.urls.short_message(shown.id);
                Self::bare(shown, view, url, PartForm::Compact, false)
            }
            Version::V1_1 => {
                let url = view.urls.short_message(shown.id);
                Self { url, ..Self::in_system_view(shown, view) }
            }
            Version::V2_0 | Version::V3_0 => {
                let url = view.urls.message(shown.conversation, shown.id);
                let form = if view.version >= Version::V3_0 { PartForm::Sent } else { PartForm::Numbered };
                Self { channel: Member::Present(None), ..Self::bare(shown, view, url, form, true) }
            }
        }
    }

    /// Shows a message that is sent later as it will be, but without the time of sending (assumed, contract 2.2.5).
    pub fn scheduled(shown: MessageRecord, view: &View) -> Self {
        Self { sent_at: None, ..Self::created(shown, view) }
    }

    /// A message with the members that every form of it has.
    fn bare(shown: MessageRecord, view: &View, url: String, form: PartForm, has_nulls: bool) -> Self {
        Self {
            channel: Member::Absent,
            id: shown.id,
            url,
            receipts_url: Member::Absent,
            position: Member::Absent,
            conversation: ConversationLink::new(shown.conversation, view),
            parts: ShownPart::all(shown.parts, form, shown.conversation, shown.id, &view.urls),
            sent_at: Some(shown.sent_at),
            received_at: Member::Absent,
            updated_at: Member::Absent,
            sender: ShownSender::new(shown.sender, view, has_nulls),
            is_unread: Member::Absent,
            recipient_status: ShownStatus::of_all(shown.recipient_status, view),
            reply_to: Member::Absent,
            notification: Member::Absent,
        }
    }
}

/// A message in a payload of webhooks, its keys in the recorded order (contract 6.5); keys without a value are left
/// out.
///
/// - 1.0: short URL, parts with numbers, no position (contract 6.4)
/// - 2.0 (recorded, R4 to R6) and 3.0 (assumed): long URL, parts with UUIDs, `position`; `updated_at` once a part was
///   changed (assumed)
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventMessage {
    id: MessageId,
    url: String,
    conversation: ConversationLink,
    parts: Vec<ShownPart>,
    sent_at: Timestamp,
    sender: ShownSender,
    recipient_status: ShownStatus,
    #[serde(skip_serializing_if = "Member::is_absent")]
    position: Member<u32>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    updated_at: Member<Option<Timestamp>>,
}

impl EventMessage {
    /// Shows a message. `view` must have URLs for payloads.
    pub fn new(shown: MessageRecord, view: &View) -> Self {
        let has_identities = view.version.has_identities();
        let url = if has_identities {
            view.urls.message(shown.conversation, shown.id)
        } else {
            view.urls.short_message(shown.id)
        };
        let form = PartForm::of_events(view.version);
        Self {
            id: shown.id,
            url,
            conversation: ConversationLink::new(shown.conversation, view),
            parts: ShownPart::all(shown.parts, form, shown.conversation, shown.id, &view.urls),
            sent_at: shown.sent_at,
            sender: ShownSender::new(shown.sender, view, false),
            recipient_status: ShownStatus::of_all(shown.recipient_status, view),
            position: Member::when(has_identities, || shown.position),
            updated_at: Member::nullable(shown.updated_at.filter(|_| has_identities), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;
    use crate::id::AppId;
    use crate::part::PartBody;
    use crate::url::Urls;
    use crate::view::{Identities, Profile};

    fn parse(body: &Value) -> Result<NewMessage, ApiError> {
        parse_in(body, Version::V1_0)
    }

    fn parse_in(body: &Value, version: Version) -> Result<NewMessage, ApiError> {
        match NewMessages::parse(body.to_string().as_bytes(), version)? {
            NewMessages::One(message) => Ok(message),
            NewMessages::Batch(messages) => panic!("{messages:?}"),
        }
    }

    fn shown() -> MessageRecord {
        let users = [UserId::parse("maria").unwrap(), UserId::parse("jon").unwrap()];
        let sender = Sender::User(users[0].clone());
        let id = MessageId::parse("940de862-3c96-11e4-baad-164230d1df67").unwrap();
        let part = NewPart { id: None, mime_type: "text/plain".into(), body: PartBody::Bytes(b"Hi".into()) };
        MessageRecord {
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
            json!({ "name": "a\u{0}b" }),
            json!({ "user_id": 1 }),
            json!({ "user_id": "a\u{0}b" }),
        ] {
            assert_eq!(with(sender.clone()).unwrap_err().data(), Some(&json!({ "property": "sender" })), "{sender}");
        }
    }

    #[test]
    fn from_2_0_on_the_sender_is_an_identity() {
        let parse = |body: &Value| parse_in(body, Version::V2_0);
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
    fn a_schedule_becomes_a_delay_and_a_notification_is_dropped() {
        let mut body = json!({
            "sender": { "name": "x" },
            "parts": [{ "mime_type": "text/plain", "body": "x" }],
            "notification": { "text": "x" }
        });
        assert_eq!(parse(&body).unwrap().delay, None);
        body["schedule"] = json!({ "delay_in_seconds": 2 });
        assert_eq!(parse(&body).unwrap().delay.unwrap().after, Duration::from_secs(2));
        body["schedule"] = json!({ "delay_in_seconds": 0 });
        assert_eq!(parse(&body).unwrap_err().data(), Some(&json!({ "property": "schedule" })));
    }

    /// Contract 2.2.1 and 2.2.5.
    #[test]
    fn a_batch_is_an_array_of_messages_from_2_0_on() {
        let part = json!({ "mime_type": "text/plain", "body": "x" });
        let message = json!({ "sender": { "name": "x" }, "sender_id": "a", "parts": [part] });
        let read = |body: &Value, version| NewMessages::parse(body.to_string().as_bytes(), version);
        let batch = json!([message, message]);
        for version in [Version::V2_0, Version::V3_0] {
            let Ok(NewMessages::Batch(messages)) = read(&batch, version) else { panic!("{version}") };
            assert_eq!((messages.len(), messages[0].delay), (2, None));
        }
        assert_eq!(read(&batch, Version::V1_1).unwrap_err().kind(), ErrorKind::InvalidRequest);
        for body in [json!([]), json!([1]), json!(vec![message; MAX_BATCH + 1])] {
            assert_eq!(read(&body, Version::V3_0).unwrap_err().kind(), ErrorKind::InvalidRequest);
        }
        let broken = read(&json!([{ "sender_id": "a", "parts": [part] }, {}]), Version::V3_0).unwrap_err();
        assert_eq!(broken.data(), Some(&json!({ "property": "sender_id" })));
    }

    fn view(version: Version) -> View {
        View { version, urls: Urls::system("https://api.layer.com", app()), identities: Identities::default() }
    }

    fn json(message: &Message) -> Value {
        serde_json::to_value(message).unwrap()
    }

    /// Contract 2.2.3 (recorded, R1).
    #[test]
    fn the_answer_of_a_1_0_create_is_compact() {
        let prefix = "https://api.layer.com/apps/e4fd3974-20fe-11e5-89c5-080725007e28";
        let message = "940de862-3c96-11e4-baad-164230d1df67";
        let conversation = "f3cc7b32-3c92-11e4-baad-164230d1df67";
        let expected = json!({
            "id": format!("layer:///messages/{message}"),
            "url": format!("{prefix}/messages/{message}"),
            "conversation": {
                "id": format!("layer:///conversations/{conversation}"),
                "url": format!("{prefix}/conversations/{conversation}")
            },
            "sent_at": "1970-01-01T00:00:00.000Z",
            "recipient_status": { "maria": "read", "jon": "sent" },
            "sender": { "user_id": "maria" },
            "parts": [{ "mime_type": "text/plain", "body": "Hi" }]
        });
        assert_eq!(json(&Message::created(shown(), &view(Version::V1_0))), expected);
    }

    /// Contract 5 and 3 (assumed).
    #[test]
    fn the_answer_of_a_1_1_create_is_that_of_a_read_but_for_the_url() {
        let mut expected = json(&Message::in_system_view(shown(), &view(Version::V1_1)));
        expected["url"] = json!(
            "https://api.layer.com/apps/e4fd3974-20fe-11e5-89c5-080725007e28/messages/940de862-3c96-11e4-baad-164230d1df67"
        );
        assert_eq!(json(&Message::created(shown(), &view(Version::V1_1))), expected);
    }

    /// Contract 2.2.3 (3.0: recorded, R3; 2.0: assumed).
    #[test]
    fn the_answer_of_a_later_create_has_a_channel_and_no_more_than_was_recorded() {
        for (version, part) in
            [(Version::V2_0, "0".to_owned()), (Version::V3_0, Part::id_at(shown().id.uuid(), 0).to_string())]
        {
            let read = json(&Message::in_system_view(shown(), &view(version)));
            let id = read["id"].as_str().unwrap();
            let expected = json!({
                "channel": null,
                "conversation": read["conversation"], "url": read["url"], "sent_at": read["sent_at"], "id": id,
                "recipient_status": read["recipient_status"], "sender": read["sender"],
                "parts": [{
                    "body": "Hi", "encoding": null, "id": format!("{id}/parts/{part}"), "mime_type": "text/plain",
                    "content": null
                }],
            });
            assert_eq!(json(&Message::created(shown(), &view(version))), expected, "{version}");
        }
    }

    /// Contract 6.5 (2.0: recorded, R4 to R6; 3.0: assumed): these keys in this order, none of them null.
    #[test]
    fn a_message_in_an_event_has_the_recorded_keys_in_their_order() {
        for version in [Version::V2_0, Version::V3_0] {
            let urls = Urls::in_events("https://api.layer.com", app());
            let view = View { version, urls, identities: Identities::default() };
            let text = serde_json::to_string(&EventMessage::new(shown(), &view)).unwrap();
            let (message, part) = (shown().id, Part::id_at(shown().id.uuid(), 0));
            let (conversation, prefix) = (shown().conversation, format!("https://api.layer.com/apps/{}", app()));
            let expected = format!(
                r#"{{"id":"{message}","url":"{prefix}/conversations/{1}/messages/{0}","conversation":{{"id":"{conversation}","url":"{prefix}/conversations/{1}"}},"parts":[{{"id":"{message}/parts/{part}","url":"https://api.layer.com/messages/{0}/parts/{part}","mime_type":"text/plain","body":"Hi"}}],"sent_at":"1970-01-01T00:00:00.000Z","sender":{{"id":"layer:///identities/maria","url":"{prefix}/identities/maria","user_id":"maria"}},"recipient_status":{{"layer:///identities/maria":"read","layer:///identities/jon":"sent"}},"position":7}}"#,
                message.uuid(),
                conversation.uuid(),
            );
            assert_eq!(text, expected, "{version}");
        }
    }

    /// Contract 3.2 (recorded, R1).
    #[test]
    fn a_read_has_explicit_nulls_in_system_view_and_values_in_user_view() {
        let system = json(&Message::in_system_view(shown(), &view(Version::V1_0)));
        for key in ["receipts_url", "position", "received_at", "is_unread", "notification"] {
            assert_eq!(system.get(key), Some(&Value::Null), "{key}");
        }
        assert_eq!((system.get("updated_at"), system.get("reply_to")), (None, None));
        assert_eq!(system["sender"], json!({ "user_id": "maria", "name": null }));
        assert_eq!(system["parts"][0]["id"], "layer:///messages/940de862-3c96-11e4-baad-164230d1df67/parts/0");
        assert_eq!(system["parts"][0].get("encoding"), Some(&Value::Null));

        let jon = UserId::parse("jon").unwrap();
        let of_jon = View { urls: Urls::of_user("", app(), &jon), ..view(Version::V1_0) };
        let user = json(&Message::in_user_view(shown(), &of_jon, &jon));
        assert_eq!(user["position"], 7);
        assert_eq!(user["is_unread"], true);
        assert_eq!(user["received_at"], "1970-01-01T00:00:00.000Z");
        assert_eq!(user["receipts_url"], format!("{}/receipts", user["url"].as_str().unwrap()));
    }

    /// Contract 3.2 and 5.
    #[test]
    fn from_2_0_on_users_are_identities() {
        for version in [Version::V2_0, Version::V3_0] {
            let mut view = view(version);
            let maria = UserId::parse("maria").unwrap();
            let profile = Profile { display_name: Some("Maria P.".into()), avatar_url: None };
            view.identities.insert(maria, profile);
            let message = json(&Message::in_system_view(shown(), &view));
            let sender = json!({
                "id": "layer:///identities/maria",
                "url": "https://api.layer.com/apps/e4fd3974-20fe-11e5-89c5-080725007e28/users/maria/identity",
                "user_id": "maria", "display_name": "Maria P.", "avatar_url": null
            });
            assert_eq!(message["sender"], sender);
            let status = json!({ "layer:///identities/maria": "read", "layer:///identities/jon": "sent" });
            assert_eq!(message["recipient_status"], status);
            assert_eq!((message.get("updated_at"), message.get("reply_to")), (Some(&Value::Null), Some(&Value::Null)));
            assert_eq!((&message["position"], message.get("channel")), (&json!(7), None));
            let named = MessageRecord { sender: Sender::Name("Concierge".into()), ..shown() };
            let sender =
                json!({ "id": null, "url": null, "user_id": null, "display_name": "Concierge", "avatar_url": null });
            assert_eq!(json(&Message::in_system_view(named, &view))["sender"], sender);
        }
    }
}
