//! What a client asks for over its socket. Client API 5.2.

use std::borrow::Cow;

use layer_wire::client_api::{ConversationOfUser, MessageOfUser};
use layer_wire::{ApiError, ConversationId, ErrorKind, Timestamp, UserId};
use serde::Serialize;
use serde_json::{Value, json};

use super::hub::{Hub, Mailbox};
use super::listener::view_of;
use super::packet::{Kind, Packet};
use super::presence::Choice;
use super::presence_feed;
use crate::http::error;
use crate::service::Services;
use crate::service::client_api::CreatedOfUser;
use crate::service::dedupe::{Creation, Tagged};
use crate::service::failure::Failure;

/// What comes over a socket, as far as it is understood.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    /// A request.
    Request(Request),
    /// A signal: its body.
    Signal(Value),
}

/// A request.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// What the answer is to name. Without it, no answer is wanted.
    pub id: Option<String>,
    /// What is asked for.
    pub method: String,
    object: Option<String>,
    data: Value,
}

impl Incoming {
    /// Reads a packet of a client; `None` for what there is not, which is ignored.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut packet = layer_wire::body::parse_object(text).ok()?;
        let body = packet.get_mut("body")?.take();
        match packet.get("type")?.as_str()? {
            "request" => {
                let Value::Object(mut body) = body else { return None };
                let mut text = |name: &str| match body.get_mut(name).map(Value::take) {
                    Some(Value::String(text)) => Some(text),
                    _ => None,
                };
                let (id, method, object) = (text("request_id"), text("method"), text("object_id"));
                let data = body.get_mut("data").map(Value::take).unwrap_or_default();
                Some(Self::Request(Request { id, method: method.unwrap_or_default(), object, data }))
            }
            "signal" => Some(Self::Signal(body)),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    request_id: &'a str,
    method: &'a str,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// What came of a request: what is shown of it, if that is something.
pub type Outcome = Result<Option<Value>, ApiError>;

impl Request {
    /// The answer to it, if one is wanted.
    pub fn answer(&self, outcome: Outcome) -> Option<Packet> {
        let success = outcome.is_ok();
        let data = outcome.unwrap_or_else(|error| serde_json::to_value(error.in_client_docs()).ok());
        let answer = Answer { request_id: self.id.as_deref()?, method: &self.method, success, data };
        Some(Packet::new(Kind::Response, &answer))
    }

    /// From when on a client wants to hear what it missed. Error: `missing_property`, `invalid_property`.
    pub fn replayed_from(&self) -> Result<Timestamp, ApiError> {
        timestamp(&self.data, "from_timestamp")
    }
}

fn timestamp(data: &Value, name: &str) -> Result<Timestamp, ApiError> {
    let value = data.get(name).filter(|value| !value.is_null()).ok_or_else(|| ApiError::missing_property(name))?;
    let read = value.as_str().and_then(Timestamp::parse);
    read.ok_or_else(|| ApiError::invalid_property(name, "must be a time such as '2016-02-03T01:13:49.023Z'"))
}

/// What a failure is called on the wire.
pub fn refused(failure: Failure) -> ApiError {
    match failure {
        Failure::Api(error) => error,
        Failure::Store(error) => error::of_store(&error),
    }
}

/// Does what is asked for, but for what needs the socket itself.
pub async fn handle(
    services: &Services,
    hub: &Hub,
    mailbox: &Mailbox,
    request: &Request,
    announced: &mut bool,
) -> Outcome {
    let listener = &mailbox.listener;
    if let Some(limiter) = &services.limiter
        && limiter.take(&listener.token).is_err()
    {
        return Err(ApiError::new(ErrorKind::RateLimitExceeded, "Too many requests with this session; please wait."));
    }
    match request.method.as_str() {
        "Conversation.create" => create_conversation(services, mailbox, request).await,
        "Message.create" => send_message(services, mailbox, request).await,
        "Presence.subscribe" if listener.version.has_identities() => {
            mailbox.want_presence();
            Ok(Some(json!({})))
        }
        "Presence.update" if listener.version.has_identities() => {
            let choice = Choice::parse(&request.data, listener.version)?;
            let is_first = !std::mem::replace(announced, true);
            let told = presence_feed::set(services, hub, listener, choice, is_first).await;
            told.map_err(|error| refused(error.into()))?;
            Ok(Some(json!({})))
        }
        "Presence.sync" if listener.version.has_identities() => {
            let changes = sync_presence(services, hub, mailbox, request).await?;
            Ok(Some(json!({ "changes": changes })))
        }
        _ => Err(ApiError::invalid_endpoint()),
    }
}

fn body_of(request: &Request) -> Vec<u8> {
    let data = if request.data.is_null() { Cow::Owned(json!({})) } else { Cow::Borrowed(&request.data) };
    data.to_string().into_bytes()
}

async fn create_conversation(services: &Services, mailbox: &Mailbox, request: &Request) -> Outcome {
    let listener = &mailbox.listener;
    let (caller, user) = (listener.caller(), listener.user.clone());
    let wanted = ConversationOfUser::parse(&body_of(request), &user, listener.version)?;
    let created = services.conversations.create_as_user(caller, user, None, wanted).await;
    let (outcome, identities) = created.map_err(refused)?;
    let view = view_of(services, listener, identities);
    let shown = |seen| serde_json::to_value(view.conversation(seen)).unwrap_or_default();
    match outcome {
        CreatedOfUser::Done(seen) | CreatedOfUser::Existing(seen) => Ok(Some(shown(seen))),
        CreatedOfUser::Conflict(seen) => Err(ApiError::distinct_conflict(shown(seen))),
        CreatedOfUser::IdInUse(seen) => Err(ApiError::id_in_use("Conversation", seen.map(shown))),
    }
}

async fn send_message(services: &Services, mailbox: &Mailbox, request: &Request) -> Outcome {
    let listener = &mailbox.listener;
    let wanted = MessageOfUser::parse(&body_of(request), listener.version)?;
    let object = request.object.as_deref().ok_or_else(|| ApiError::missing_property("object_id"))?;
    let conversation = ConversationId::parse(object).ok_or_else(ApiError::conversation_not_found)?;
    let sent = services.messages.send_as_user(listener.caller(), listener.user.clone(), conversation, None, wanted);
    let (creation, identities) = sent.await.map_err(refused)?;
    let view = view_of(services, listener, identities);
    let shown = |message| serde_json::to_value(view.message(message)).unwrap_or_default();
    match creation {
        Creation::Done(message) => Ok(Some(shown(message))),
        Creation::IdInUse(Tagged::Message(message)) => {
            Err(ApiError::id_in_use("Message", visible(services, mailbox, &message).await.then(|| shown(message))))
        }
        Creation::IdInUse(_) => Err(ApiError::id_in_use("Message", None)),
    }
}

/// Whether the user can see a message that has the id it wanted.
async fn visible(services: &Services, mailbox: &Mailbox, message: &layer_wire::message::MessageRecord) -> bool {
    let listener = &mailbox.listener;
    services.messages.find_of_user(listener.caller(), listener.user.clone(), message.id).await.is_ok()
}

async fn sync_presence(
    services: &Services,
    hub: &Hub,
    mailbox: &Mailbox,
    request: &Request,
) -> Result<Vec<Value>, ApiError> {
    let listener = &mailbox.listener;
    let Some(ids) = request.data.get("ids").filter(|ids| !ids.is_null()) else {
        if request.data.get("since").is_none_or(Value::is_null) {
            return Err(ApiError::missing_property("ids"));
        }
        let since = timestamp(&request.data, "since")?;
        let changes = presence_feed::since(services, hub, listener, since).await;
        return changes.map_err(|error| refused(error.into()));
    };
    let wrong = || ApiError::invalid_property("ids", "must be an array of identity ids");
    let ids = ids.as_array().ok_or_else(wrong)?;
    let user = |id: &Value| id.as_str().and_then(|id| UserId::parse_identity(id).ok()).ok_or_else(wrong);
    let users = ids.iter().map(user).collect::<Result<Vec<_>, _>>()?;
    Ok(presence_feed::of_all(services, hub, listener, &users))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_packet_is_ignored() {
        for text in ["", "{", "[]", "1", "{}", r#"{"type":"request"}"#, r#"{"type":"x","body":{}}"#, r#"{"body":{}}"#] {
            assert_eq!(Incoming::parse(text.as_bytes()), None, "{text}");
        }
        let Some(Incoming::Request(request)) = Incoming::parse(br#"{"type":"request","body":{"request_id":1}}"#) else {
            panic!("a request");
        };
        assert_eq!((request.id, request.method.as_str()), (None, ""));
    }
}
