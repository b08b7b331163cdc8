//! The table of the 30 methods: the single source of what each one sends and what it demands of its arguments.
//!
//! JavaScript builds the callback form and the promise form of every method from this table, and the type declarations
//! are checked against it by a test. Rules, their order and the texts are the original's.

use serde::Serialize;

/// One method of one resource.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Method {
    /// The object of the client that carries the method.
    pub resource: Resource,
    /// Name of the callback form; the promise form adds `Async`.
    pub name: &'static str,
    /// HTTP method.
    pub verb: Verb,
    /// Path below `/apps/:app_uuid`; `{n}` stands for the nth argument, not counting a tag.
    pub path: &'static str,
    /// Arguments before the callback, in the order in which they are checked.
    pub params: &'static [Param],
    /// How the body is made of the arguments; `None` for requests without one.
    pub payload: Option<Payload>,
    /// Whether a missing callback is fine (fire and forget).
    pub callback_optional: bool,
    /// The line that `debug` prints for a call; `{n}` as in `path`.
    pub trace: &'static str,
}

/// The objects of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Resource {
    /// `layer.conversations`
    Conversations,
    /// `layer.messages`
    Messages,
    /// `layer.announcements`
    Announcements,
    /// `layer.blocklist`
    Blocklist,
    /// `layer.identities`
    Identities,
}

impl Resource {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 5] =
        [Self::Conversations, Self::Messages, Self::Announcements, Self::Blocklist, Self::Identities];

    /// Name of its class in the addon.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Conversations => "Conversations",
            Self::Messages => "Messages",
            Self::Announcements => "Announcements",
            Self::Blocklist => "Blocklist",
            Self::Identities => "Identities",
        }
    }
}

/// HTTP methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Reads.
    Get,
    /// Creates.
    Post,
    /// Replaces.
    Put,
    /// Edits with Layer Patch.
    Patch,
    /// Deletes.
    Delete,
}

/// An argument of a method.
#[derive(Debug, Serialize)]
pub struct Param {
    /// Name in the documentation and the type declarations.
    pub name: &'static str,
    /// What it is and so how it is checked.
    pub kind: Kind,
    /// Text of the error when it is refused.
    pub error: &'static str,
}

/// Kinds of arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// De-duplicating tag (contract 1.6): a UUID, or null for none. Sent exactly as given.
    Tag,
    /// Id of a conversation or message; its UUID goes into the path.
    Id,
    /// User id, percent-encoded into the path.
    User,
    /// Makes up the body and is checked by it.
    Payload,
    /// User id that becomes part of the body as it is; JavaScript checks it, as it does all that follow.
    Sender,
    /// Text that becomes part of the body and may not be empty.
    Name,
    /// Text that becomes part of the body.
    Text,
    /// Object whose properties become the body.
    Properties,
    /// Optional object of query parameters.
    Query,
}

/// Recipes for bodies. JavaScript carries them out, because what counts is what V8's `JSON.stringify` makes of the
/// caller's own objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Payload {
    /// The object as given.
    Body,
    /// `{sender: {user_id}, parts: [text]}`
    TextFromUser,
    /// `{sender: {name}, parts: [text]}`
    TextFromName,
    /// Layer Patch operations as given.
    Operations,
    /// One `set` below `metadata` for each key; values become strings.
    SetMetadata,
    /// One `delete` below `metadata` for each key.
    DeleteMetadata,
    /// One `add` to `participants` for each element.
    AddParticipants,
    /// One `remove` from `participants` for each element.
    RemoveParticipants,
    /// One `set` of `participants`.
    ReplaceParticipants,
    /// `{user_id}`
    BlockedUser,
    /// The properties as given; `display_name` is required.
    Identity,
    /// One `set` for each key.
    SetProperties,
}

const CONVERSATION_ID: &str = "Conversation ID is required";
const CONVERSATION_BODY: &str = "Conversation body is required";
const PARTICIPANTS: &str = "Array of participants is required";
const MESSAGE_BODY: &str = "Message body is required";
const MESSAGE_ID: &str = "Message ID is required";
const USER_ID: &str = "User ID is required";
const ANNOUNCEMENT_BODY: &str = "Announcements body is required";
const DISPLAY_NAME: &str = "The display_name property is required";

const fn param(name: &'static str, kind: Kind, error: &'static str) -> Param {
    Param { name, kind, error }
}
const TAG: Param = param("uuid", Kind::Tag, "De-duplicating UUID value is required");
const CONVERSATION: Param = param("conversationId", Kind::Id, CONVERSATION_ID);
const MESSAGE: Param = param("messageId", Kind::Id, MESSAGE_ID);
const USER: Param = param("userId", Kind::User, USER_ID);
const OWNER: Param = param("ownerId", Kind::User, "Blocklist owner ID is required");
const QUERY: Param = param("params", Kind::Query, "Query parameters should be an object");
const SENDER: Param = param("userId", Kind::Sender, USER_ID);
const NAME: Param = param("name", Kind::Name, "Sender name is required");
const TEXT: Param = param("text", Kind::Text, "Message text should be a string");
const METADATA: Param = param("properties", Kind::Properties, "Metadata properties should be an object");
const fn payload(name: &'static str, error: &'static str) -> Param {
    param(name, Kind::Payload, error)
}

/// A method that may be called without a callback.
const fn write(
    resource: Resource,
    name: &'static str,
    verb: Verb,
    path: &'static str,
    params: &'static [Param],
    payload: Option<Payload>,
    trace: &'static str,
) -> Method {
    Method { resource, name, verb, path, params, payload, callback_optional: true, trace }
}

/// A method that is nothing without its answer.
const fn read(
    resource: Resource,
    name: &'static str,
    path: &'static str,
    params: &'static [Param],
    trace: &'static str,
) -> Method {
    Method { resource, name, verb: Verb::Get, path, params, payload: None, callback_optional: false, trace }
}

use Resource::{Announcements, Blocklist, Conversations, Identities, Messages};
use Verb::{Delete, Patch, Post, Put};

/// The row of a method.
///
/// # Panics
/// Where there is none; meant for constants, where that is an error of the compiler.
pub const fn find(resource: Resource, name: &str) -> &'static Method {
    let mut index = 0;
    while index < METHODS.len() {
        let method = &METHODS[index];
        if method.resource as u8 == resource as u8 && is_same(method.name, name) {
            return method;
        }
        index += 1;
    }
    panic!("the table has no such method")
}

/// `==` of strings, which constants cannot have yet.
const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

/// The table. Order is the order of the original's documentation.
#[rustfmt::skip]
pub static METHODS: [Method; 30] = [
    write(Conversations, "create", Post, "/conversations",
        &[payload("body", CONVERSATION_BODY)], Some(Payload::Body), "Conversation create"),
    write(Conversations, "createDedupe", Post, "/conversations",
        &[TAG, payload("body", CONVERSATION_BODY)], Some(Payload::Body), "Conversation create"),
    read(Conversations, "get", "/conversations/{0}", &[CONVERSATION], "Conversation get: {0}"),
    read(Conversations, "getFromUser", "/users/{0}/conversations/{1}", &[USER, CONVERSATION],
        "Conversation getFromUser: {0}, {1}"),
    read(Conversations, "getAllFromUser", "/users/{0}/conversations", &[USER, QUERY],
        "Conversation getAllFromUser: {0}"),
    write(Conversations, "edit", Patch, "/conversations/{0}",
        &[CONVERSATION, payload("operations", "Conversation operations should be array")],
        Some(Payload::Operations), "Conversation edit: {0}"),
    write(Conversations, "setMetadataProperties", Patch, "/conversations/{0}",
        &[CONVERSATION, METADATA], Some(Payload::SetMetadata), "Conversation setMetadataProperties: {0}"),
    write(Conversations, "deleteMetadataProperties", Patch, "/conversations/{0}",
        &[CONVERSATION, METADATA], Some(Payload::DeleteMetadata),
        "Conversation deleteMetadataProperties: {0}"),
    write(Conversations, "addParticipants", Patch, "/conversations/{0}",
        &[CONVERSATION, payload("participants", PARTICIPANTS)], Some(Payload::AddParticipants),
        "Conversation addParticipants: {0}"),
    write(Conversations, "removeParticipants", Patch, "/conversations/{0}",
        &[CONVERSATION, payload("participants", PARTICIPANTS)], Some(Payload::RemoveParticipants),
        "Conversation removeParticipants: {0}"),
    write(Conversations, "replaceParticipants", Patch, "/conversations/{0}",
        &[CONVERSATION, payload("participants", PARTICIPANTS)], Some(Payload::ReplaceParticipants),
        "Conversation replaceParticipants: {0}"),
    write(Conversations, "delete", Delete, "/conversations/{0}", &[CONVERSATION], None, "Conversation delete: {0}"),

    write(Messages, "send", Post, "/conversations/{0}/messages",
        &[CONVERSATION, payload("body", MESSAGE_BODY)], Some(Payload::Body), "Message send: {0}"),
    write(Messages, "sendDedupe", Post, "/conversations/{0}/messages",
        &[TAG, CONVERSATION, payload("body", MESSAGE_BODY)], Some(Payload::Body), "Message send: {0}"),
    write(Messages, "sendTextFromUser", Post, "/conversations/{0}/messages",
        &[CONVERSATION, SENDER, TEXT], Some(Payload::TextFromUser), "Message send: {0}"),
    write(Messages, "sendTextFromName", Post, "/conversations/{0}/messages",
        &[CONVERSATION, NAME, TEXT], Some(Payload::TextFromName), "Message send: {0}"),
    read(Messages, "getAll", "/conversations/{0}/messages", &[CONVERSATION, QUERY], "Message getAll: {0}"),
    read(Messages, "get", "/conversations/{1}/messages/{0}",
        &[MESSAGE, CONVERSATION],
        "Message get: {0}, {1}"),
    read(Messages, "getAllFromUser", "/users/{0}/conversations/{1}/messages", &[USER, CONVERSATION, QUERY],
        "Message getAllFromUser: {0}, {1}"),
    read(Messages, "getFromUser", "/users/{0}/messages/{1}", &[USER, MESSAGE], "Message getFromUser: {0}, {1}"),

    write(Announcements, "send", Post, "/announcements",
        &[payload("body", ANNOUNCEMENT_BODY)], Some(Payload::Body), "Announcement send"),
    write(Announcements, "sendDedupe", Post, "/announcements",
        &[TAG, payload("body", ANNOUNCEMENT_BODY)], Some(Payload::Body), "Announcement send"),

    read(Blocklist, "get", "/users/{0}/blocks", &[OWNER], "Blocklist get: {0}"),
    write(Blocklist, "block", Post, "/users/{0}/blocks",
        &[OWNER, payload("userId", "Blocklist user ID is required")], Some(Payload::BlockedUser),
        "Blocklist block: {0} userId: {1}"),
    write(Blocklist, "unblock", Delete, "/users/{0}/blocks/{1}",
        &[OWNER, param("userId", Kind::User, "Blocklist user ID is required")], None,
        "Blocklist unblock: {0} userId: {1}"),

    write(Identities, "create", Post, "/users/{0}/identity",
        &[USER, payload("properties", DISPLAY_NAME)], Some(Payload::Identity), "Identity create: {0}"),
    read(Identities, "get", "/users/{0}/identity", &[USER], "Identities get: {0}"),
    write(Identities, "edit", Patch, "/users/{0}/identity",
        &[USER, param("properties", Kind::Properties, "Identity properties should be an object")], Some(Payload::SetProperties), "Identity edit: {0}"),
    write(Identities, "replace", Put, "/users/{0}/identity",
        &[USER, payload("properties", DISPLAY_NAME)], Some(Payload::Identity), "Identity replace: {0}"),
    write(Identities, "delete", Delete, "/users/{0}/identity", &[USER], None, "Identity delete: {0}"),
];
