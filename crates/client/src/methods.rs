//! The table of methods: the single source of what each one sends and what it demands of its arguments.
//!
//! JavaScript builds the callback form and the promise form of every method from this table, and the type declarations
//! are checked against it by a test. The first 30 are the original's, and so are their rules, the order of these and
//! the texts.

use std::fmt;

use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};

/// One method of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    pub payload: Option<Recipe>,
    /// Whether a missing callback is fine (fire and forget).
    pub callback_optional: bool,
    /// The line that `debug` prints for a call; `{n}` as in `path`.
    pub trace: &'static str,
    /// Whether layer-api 2.3.3 has it.
    pub is_original: bool,
    /// Versions of the API that have it.
    pub versions: Versions,
    /// What takes its place from version 2.0 on, where the request has another form there. Names and number of the
    /// arguments are the same.
    pub later: Option<&'static Self>,
}

impl Method {
    /// The same, for a method that layer-api 2.3.3 does not have.
    const fn added(mut self, versions: Versions) -> Self {
        self.is_original = false;
        self.versions = versions;
        self
    }

    const fn only(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    const fn later(mut self, later: &'static Self) -> Self {
        self.later = Some(later);
        self
    }

    /// The row that holds in one of `versions`, those that a client may have.
    pub(crate) fn among(&'static self, versions: Versions) -> &'static Self {
        match self.later {
            Some(later) if SINCE_2_0.contains(versions) => later,
            _ => self,
        }
    }

    /// Whether its third argument goes into the path or a header, too.
    pub fn has_third(&self) -> bool {
        self.params.get(2).is_some_and(|param| matches!(param.kind, Kind::Tag | Kind::Id | Kind::User))
    }
}

/// A set of versions of the Server API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions(u8);

/// Versions, oldest first; each is a bit of [`Versions`].
const NAMES: [&str; 4] = ["1.0", "1.1", "2.0", "3.0"];

/// All versions.
pub const ALL: Versions = Versions(0b1111);
const UNTIL_1_1: Versions = Versions(0b0011);
const SINCE_2_0: Versions = Versions(0b1100);
const SINCE_3_0: Versions = Versions(0b1000);
/// Webhooks have no 1.1.
const OF_WEBHOOKS: Versions = Versions(0b1101);

impl Versions {
    /// The version of a client, alone; all of them for one that we do not know, which is left to the service.
    pub fn named(name: &str) -> Self {
        NAMES.iter().position(|known| *known == name).map_or(ALL, |index| Self(1 << index))
    }

    /// Whether all of `others` are among them.
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether one of `others` is among them.
    pub const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().enumerate().filter(move |(index, _)| self.0 >> index & 1 == 1).map(|(_, name)| name)
    }
}

/// `1.0, 1.1 or 2.0`
impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names().collect();
        match names.as_slice() {
            [others @ .., before, last] => {
                for name in others {
                    write!(f, "{name}, ")?;
                }
                write!(f, "{before} or {last}")
            }
            names => f.write_str(&names.concat()),
        }
    }
}

impl Serialize for Versions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for name in self.names() {
            list.serialize_element(name)?;
        }
        list.end()
    }
}

impl Method {
    /// What becomes of a request that is sent twice.
    pub const fn repeat(&self) -> Repeat {
        if !matches!(self.verb, Verb::Post) {
            return Repeat::Same;
        }
        if is_one_of(self.path, &TAGGED) {
            Repeat::Tagged
        } else if is_one_of(self.path, &SAME) {
            Repeat::Same
        } else {
            Repeat::Twice
        }
    }
}

/// What becomes of a request that is sent twice, because the first answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It comes to the same as sending it once.
    Same,
    /// It does where both have the same de-duplicating tag (contract 1.6).
    Tagged,
    /// It may be done twice.
    Twice,
}

/// Paths that create what a tag becomes the id of.
const TAGGED: [&str; 5] = [
    "/conversations",
    "/conversations/{0}/messages",
    "/announcements",
    "/users/{0}/conversations",
    "/users/{0}/conversations/{1}/messages",
];

/// Paths to which the same can be posted again: blocks, follows, receipts and read marks.
const SAME: [&str; 5] = [
    "/users/{0}/blocks",
    "/users/{0}/following",
    "/users/{0}/messages/{1}/receipts",
    "/users/{0}/announcements/{1}/receipts",
    "/users/{0}/conversations/{1}/mark_all_read",
];

const fn is_one_of(path: &str, paths: &[&str]) -> bool {
    let mut index = 0;
    while index < paths.len() {
        if is_same(path, paths[index]) {
            return true;
        }
        index += 1;
    }
    false
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
    /// `layer.users`
    Users,
    /// `layer.content`
    Content,
    /// `layer.notifications`
    Notifications,
    /// `layer.exports`
    Exports,
    /// `layer.webhooks`
    Webhooks,
    /// `layer.app`
    App,
}

impl Resource {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 11] = [
        Self::Conversations,
        Self::Messages,
        Self::Announcements,
        Self::Blocklist,
        Self::Identities,
        Self::Users,
        Self::Content,
        Self::Notifications,
        Self::Exports,
        Self::Webhooks,
        Self::App,
    ];

    /// Name of its class in the addon.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Conversations => "Conversations",
            Self::Messages => "Messages",
            Self::Announcements => "Announcements",
            Self::Blocklist => "Blocklist",
            Self::Identities => "Identities",
            Self::Users => "Users",
            Self::Content => "Content",
            Self::Notifications => "Notifications",
            Self::Exports => "Exports",
            Self::Webhooks => "Webhooks",
            Self::App => "App",
        }
    }

    /// Name of the property of a client.
    pub const fn property(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Messages => "messages",
            Self::Announcements => "announcements",
            Self::Blocklist => "blocklist",
            Self::Identities => "identities",
            Self::Users => "users",
            Self::Content => "content",
            Self::Notifications => "notifications",
            Self::Exports => "exports",
            Self::Webhooks => "webhooks",
            Self::App => "app",
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// Id of anything but a user; its UUID goes into the path.
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
    /// Object of query parameters that the method cannot do without.
    Parameters,
}

/// Recipes for bodies. JavaScript carries them out, because what counts is what V8's `JSON.stringify` makes of the
/// caller's own objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Recipe {
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
    /// `{sender_id, parts: [text]}`
    TextFromIdentity,
    /// One `add` to `blocks`.
    AddBlock,
    /// One `remove` from `blocks`.
    RemoveBlock,
    /// An array as given.
    List,
    /// `{type}`: `read` or `delivery`.
    Receipt,
    /// `{position}`, which may be null.
    Position,
    /// `{external_unread_count}`
    Badge,
    /// One `set` of `suspended` to true.
    Suspend,
    /// One `set` of `suspended` to false.
    Unsuspend,
    /// `{public_key}`
    ExportKey,
    /// The properties as headers, see `call.rs`; no body.
    Upload,
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
const OPERATIONS: Param = payload("operations", "Array of operations is required");
const DELETION: Param = param("parameters", Kind::Parameters, "Deletion parameters should be an object");
const RECEIPT: Param = payload("type", "Receipt type should be \"read\" or \"delivery\"");
const ANNOUNCEMENT: Param = param("announcementId", Kind::Id, "Announcement ID is required");
const PART: Param = param("partId", Kind::Id, "Part ID is required");
const PART_BODY: Param = payload("part", "Part is required");
const FOLLOWED: Param = param("followedId", Kind::User, "Followed user ID is required");
const CONTENT: Param = param("contentId", Kind::Id, "Content ID is required");
const EXPORT: Param = param("exportId", Kind::Id, "Export ID is required");
const WEBHOOK: Param = param("webhookId", Kind::Id, "Webhook ID is required");
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
    payload: Option<Recipe>,
    trace: &'static str,
) -> Method {
    let (callback_optional, is_original) = (true, true);
    Method {
        resource,
        name,
        verb,
        path,
        params,
        payload,
        callback_optional,
        trace,
        is_original,
        versions: ALL,
        later: None,
    }
}

/// A method that is nothing without its answer.
const fn read(
    resource: Resource,
    name: &'static str,
    path: &'static str,
    params: &'static [Param],
    trace: &'static str,
) -> Method {
    Method { callback_optional: false, ..write(resource, name, Verb::Get, path, params, None, trace) }
}

use Resource::{
    Announcements, App, Blocklist, Content, Conversations, Exports, Identities, Messages, Notifications, Users,
    Webhooks,
};
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

/// `layer.messages.sendTextFromUser` from 2.0 on.
static SEND_TEXT_LATER: Method = write(
    Messages,
    "sendTextFromUser",
    Post,
    "/conversations/{0}/messages",
    &[CONVERSATION, SENDER, TEXT],
    Some(Recipe::TextFromIdentity),
    "Message send: {0}",
)
.only(SINCE_2_0);

/// `layer.blocklist.block` from 2.0 on.
static BLOCK_LATER: Method = write(
    Blocklist,
    "block",
    Patch,
    "/users/{0}",
    &[OWNER, payload("userId", "Blocklist user ID is required")],
    Some(Recipe::AddBlock),
    "Blocklist block: {0} userId: {1}",
)
.only(SINCE_2_0);

/// `layer.blocklist.unblock` from 2.0 on.
static UNBLOCK_LATER: Method = write(
    Blocklist,
    "unblock",
    Patch,
    "/users/{0}",
    &[OWNER, payload("userId", "Blocklist user ID is required")],
    Some(Recipe::RemoveBlock),
    "Blocklist unblock: {0} userId: {1}",
)
.only(SINCE_2_0);

/// The table: the original's methods in the order of its documentation, then ours by resource.
#[rustfmt::skip]
pub static METHODS: [Method; 83] = [
    write(Conversations, "create", Post, "/conversations",
        &[payload("body", CONVERSATION_BODY)], Some(Recipe::Body), "Conversation create"),
    write(Conversations, "createDedupe", Post, "/conversations",
        &[TAG, payload("body", CONVERSATION_BODY)], Some(Recipe::Body), "Conversation create"),
    read(Conversations, "get", "/conversations/{0}", &[CONVERSATION], "Conversation get: {0}"),
    read(Conversations, "getFromUser", "/users/{0}/conversations/{1}", &[USER, CONVERSATION],
        "Conversation getFromUser: {0}, {1}"),
    read(Conversations, "getAllFromUser", "/users/{0}/conversations", &[USER, QUERY],
        "Conversation getAllFromUser: {0}"),
    write(Conversations, "edit", Patch, "/conversations/{0}",
        &[CONVERSATION, payload("operations", "Conversation operations should be array")],
        Some(Recipe::Operations), "Conversation edit: {0}"),
    write(Conversations, "setMetadataProperties", Patch, "/conversations/{0}",
        &[CONVERSATION, METADATA], Some(Recipe::SetMetadata), "Conversation setMetadataProperties: {0}"),
    write(Conversations, "deleteMetadataProperties", Patch, "/conversations/{0}",
        &[CONVERSATION, METADATA], Some(Recipe::DeleteMetadata),
        "Conversation deleteMetadataProperties: {0}"),
    write(Conversations, "addParticipants", Patch, "/conversations/{0}",
        &[CONVERSATION, payload("participants", PARTICIPANTS)], Some(Recipe::AddParticipants),
        "Conversation addParticipants: {0}"),
    write(Conversations, "removeParticipants", Patch, "/conversations/{0}",
        &[CONVERSATION, payload("participants", PARTICIPANTS)], Some(Recipe::RemoveParticipants),
        "Conversation removeParticipants: {0}"),
    write(Conversations, "replaceParticipants", Patch, "/conversations/{0}",
        &[CONVERSATION, payload("participants", PARTICIPANTS)], Some(Recipe::ReplaceParticipants),
        "Conversation replaceParticipants: {0}"),
    write(Conversations, "delete", Delete, "/conversations/{0}", &[CONVERSATION], None, "Conversation delete: {0}"),

    write(Messages, "send", Post, "/conversations/{0}/messages",
        &[CONVERSATION, payload("body", MESSAGE_BODY)], Some(Recipe::Body), "Message send: {0}"),
    write(Messages, "sendDedupe", Post, "/conversations/{0}/messages",
        &[TAG, CONVERSATION, payload("body", MESSAGE_BODY)], Some(Recipe::Body), "Message send: {0}"),
    write(Messages, "sendTextFromUser", Post, "/conversations/{0}/messages",
        &[CONVERSATION, SENDER, TEXT], Some(Recipe::TextFromUser), "Message send: {0}").later(&SEND_TEXT_LATER),
    write(Messages, "sendTextFromName", Post, "/conversations/{0}/messages",
        &[CONVERSATION, NAME, TEXT], Some(Recipe::TextFromName), "Message send: {0}").only(UNTIL_1_1),
    read(Messages, "getAll", "/conversations/{0}/messages", &[CONVERSATION, QUERY], "Message getAll: {0}"),
    read(Messages, "get", "/conversations/{1}/messages/{0}",
        &[MESSAGE, CONVERSATION],
        "Message get: {0}, {1}"),
    read(Messages, "getAllFromUser", "/users/{0}/conversations/{1}/messages", &[USER, CONVERSATION, QUERY],
        "Message getAllFromUser: {0}, {1}"),
    read(Messages, "getFromUser", "/users/{0}/messages/{1}", &[USER, MESSAGE], "Message getFromUser: {0}, {1}"),

    write(Announcements, "send", Post, "/announcements",
        &[payload("body", ANNOUNCEMENT_BODY)], Some(Recipe::Body), "Announcement send"),
    write(Announcements, "sendDedupe", Post, "/announcements",
        &[TAG, payload("body", ANNOUNCEMENT_BODY)], Some(Recipe::Body), "Announcement send"),

    read(Blocklist, "get", "/users/{0}/blocks", &[OWNER], "Blocklist get: {0}"),
    write(Blocklist, "block", Post, "/users/{0}/blocks",
        &[OWNER, payload("userId", "Blocklist user ID is required")], Some(Recipe::BlockedUser),
        "Blocklist block: {0} userId: {1}").later(&BLOCK_LATER),
    write(Blocklist, "unblock", Delete, "/users/{0}/blocks/{1}",
        &[OWNER, param("userId", Kind::User, "Blocklist user ID is required")], None,
        "Blocklist unblock: {0} userId: {1}").later(&UNBLOCK_LATER),

    write(Identities, "create", Post, "/users/{0}/identity",
        &[USER, payload("properties", DISPLAY_NAME)], Some(Recipe::Identity), "Identity create: {0}"),
    read(Identities, "get", "/users/{0}/identity", &[USER], "Identities get: {0}"),
    write(Identities, "edit", Patch, "/users/{0}/identity",
        &[USER, param("properties", Kind::Properties, "Identity properties should be an object")], Some(Recipe::SetProperties), "Identity edit: {0}"),
    write(Identities, "replace", Put, "/users/{0}/identity",
        &[USER, payload("properties", DISPLAY_NAME)], Some(Recipe::Identity), "Identity replace: {0}"),
    write(Identities, "delete", Delete, "/users/{0}/identity", &[USER], None, "Identity delete: {0}"),

    write(Conversations, "createFromUser", Post, "/users/{0}/conversations",
        &[USER, payload("body", CONVERSATION_BODY)], Some(Recipe::Body), "Conversation createFromUser: {0}").added(ALL),
    write(Conversations, "createFromUserDedupe", Post, "/users/{0}/conversations",
        &[TAG, USER, payload("body", CONVERSATION_BODY)], Some(Recipe::Body),
        "Conversation createFromUser: {0}").added(ALL),
    write(Conversations, "editFromUser", Patch, "/users/{0}/conversations/{1}",
        &[USER, CONVERSATION, OPERATIONS], Some(Recipe::Operations),
        "Conversation editFromUser: {0}, {1}").added(ALL),
    write(Conversations, "deleteFromUser", Delete, "/users/{0}/conversations/{1}",
        &[USER, CONVERSATION, DELETION], None, "Conversation deleteFromUser: {0}, {1}").added(ALL),
    write(Conversations, "markAllReadFromUser", Post, "/users/{0}/conversations/{1}/mark_all_read",
        &[USER, CONVERSATION, payload("position", "Position should be a whole number or null")], Some(Recipe::Position),
        "Conversation markAllReadFromUser: {0}, {1}").added(SINCE_2_0),

    write(Messages, "sendBatch", Post, "/conversations/{0}/messages",
        &[CONVERSATION, payload("messages", "Array of messages is required")], Some(Recipe::List),
        "Message sendBatch: {0}").added(SINCE_2_0),
    write(Messages, "delete", Delete, "/conversations/{0}/messages/{1}",
        &[CONVERSATION, MESSAGE], None, "Message delete: {0}, {1}").added(ALL),
    write(Messages, "sendFromUser", Post, "/users/{0}/conversations/{1}/messages",
        &[USER, CONVERSATION, payload("body", MESSAGE_BODY)], Some(Recipe::Body),
        "Message sendFromUser: {0}, {1}").added(ALL),
    write(Messages, "sendFromUserDedupe", Post, "/users/{0}/conversations/{1}/messages",
        &[TAG, USER, CONVERSATION, payload("body", MESSAGE_BODY)], Some(Recipe::Body),
        "Message sendFromUser: {0}, {1}").added(ALL),
    write(Messages, "deleteFromUser", Delete, "/users/{0}/messages/{1}",
        &[USER, MESSAGE, DELETION], None, "Message deleteFromUser: {0}, {1}").added(ALL),
    write(Messages, "sendReceiptFromUser", Post, "/users/{0}/messages/{1}/receipts",
        &[USER, MESSAGE, RECEIPT], Some(Recipe::Receipt), "Message sendReceiptFromUser: {0}, {1}").added(ALL),
    read(Messages, "getParts", "/conversations/{0}/messages/{1}/parts", &[CONVERSATION, MESSAGE],
        "Message getParts: {0}, {1}").added(SINCE_3_0),
    write(Messages, "addPart", Post, "/conversations/{0}/messages/{1}/parts",
        &[CONVERSATION, MESSAGE, PART_BODY], Some(Recipe::Body), "Message addPart: {0}, {1}").added(SINCE_3_0),
    write(Messages, "replaceParts", Put, "/conversations/{0}/messages/{1}/parts",
        &[CONVERSATION, MESSAGE, payload("parts", "Array of parts is required")], Some(Recipe::List),
        "Message replaceParts: {0}, {1}").added(SINCE_3_0),
    read(Messages, "getPart", "/conversations/{0}/messages/{1}/parts/{2}", &[CONVERSATION, MESSAGE, PART],
        "Message getPart: {0}, {1}, {2}").added(SINCE_3_0),
    write(Messages, "replacePart", Put, "/conversations/{0}/messages/{1}/parts/{2}",
        &[CONVERSATION, MESSAGE, PART, PART_BODY], Some(Recipe::Body),
        "Message replacePart: {0}, {1}, {2}").added(SINCE_3_0),
    write(Messages, "deletePart", Delete, "/conversations/{0}/messages/{1}/parts/{2}",
        &[CONVERSATION, MESSAGE, PART], None, "Message deletePart: {0}, {1}, {2}").added(SINCE_3_0),

    read(Announcements, "getAllFromUser", "/users/{0}/announcements", &[USER, QUERY],
        "Announcement getAllFromUser: {0}").added(ALL),
    read(Announcements, "getFromUser", "/users/{0}/announcements/{1}", &[USER, ANNOUNCEMENT],
        "Announcement getFromUser: {0}, {1}").added(ALL),
    write(Announcements, "deleteFromUser", Delete, "/users/{0}/announcements/{1}",
        &[USER, ANNOUNCEMENT], None, "Announcement deleteFromUser: {0}, {1}").added(ALL),
    write(Announcements, "sendReceiptFromUser", Post, "/users/{0}/announcements/{1}/receipts",
        &[USER, ANNOUNCEMENT, RECEIPT], Some(Recipe::Receipt),
        "Announcement sendReceiptFromUser: {0}, {1}").added(ALL),

    write(Blocklist, "edit", Patch, "/users/{0}",
        &[OWNER, OPERATIONS], Some(Recipe::Operations), "Blocklist edit: {0}").added(ALL),

    read(Identities, "getAllFromUser", "/users/{0}/identities", &[USER, QUERY],
        "Identities getAllFromUser: {0}").added(SINCE_2_0),

    read(Users, "get", "/users/{0}", &[USER], "User get: {0}").added(ALL),
    write(Users, "edit", Patch, "/users/{0}",
        &[USER, OPERATIONS], Some(Recipe::Operations), "User edit: {0}").added(ALL),
    write(Users, "suspend", Patch, "/users/{0}", &[USER], Some(Recipe::Suspend), "User suspend: {0}").added(ALL),
    write(Users, "unsuspend", Patch, "/users/{0}", &[USER], Some(Recipe::Unsuspend),
        "User unsuspend: {0}").added(ALL),
    read(Users, "getBadge", "/users/{0}/badge", &[USER], "User getBadge: {0}").added(ALL),
    write(Users, "setBadge", Put, "/users/{0}/badge",
        &[USER, payload("count", "Badge count should be a whole number")], Some(Recipe::Badge),
        "User setBadge: {0}").added(ALL),
    write(Users, "deleteSessions", Delete, "/users/{0}/sessions", &[USER], None, "User deleteSessions: {0}").added(ALL),
    read(Users, "getAllFollowed", "/users/{0}/following", &[USER, QUERY], "User getAllFollowed: {0}").added(SINCE_2_0),
    read(Users, "getFollowed", "/users/{0}/following/{1}", &[USER, FOLLOWED],
        "User getFollowed: {0}, {1}").added(SINCE_2_0),
    write(Users, "follow", Put, "/users/{0}/following/{1}", &[USER, FOLLOWED], None,
        "User follow: {0}, {1}").added(SINCE_2_0),
    write(Users, "followAll", Post, "/users/{0}/following",
        &[USER, payload("identityIds", "Array of identity IDs is required")], Some(Recipe::List),
        "User followAll: {0}").added(SINCE_2_0),
    write(Users, "unfollow", Delete, "/users/{0}/following/{1}", &[USER, FOLLOWED], None,
        "User unfollow: {0}, {1}").added(SINCE_2_0),

    write(Content, "create", Post, "/conversations/{0}/content",
        &[CONVERSATION, payload("properties", "Content properties should be an object with type and size")],
        Some(Recipe::Upload), "Content create: {0}").added(ALL),
    read(Content, "get", "/conversations/{0}/content/{1}", &[CONVERSATION, CONTENT],
        "Content get: {0}, {1}").added(ALL),

    write(Notifications, "send", Post, "/notifications",
        &[payload("body", "Notification body is required")], Some(Recipe::Body), "Notification send").added(ALL),

    write(Exports, "create", Post, "/exports", &[], None, "Export create").added(ALL),
    read(Exports, "getAll", "/exports", &[], "Export getAll").added(ALL),
    read(Exports, "get", "/exports/{0}/status", &[EXPORT], "Export get: {0}").added(ALL),
    write(Exports, "delete", Delete, "/exports/{0}", &[EXPORT], None, "Export delete: {0}").added(ALL),
    read(Exports, "getKey", "/export_security", &[], "Export getKey").added(ALL),
    write(Exports, "setKey", Put, "/export_security",
        &[payload("publicKey", "Public key is required")], Some(Recipe::ExportKey), "Export setKey").added(ALL),
    read(Exports, "getSchedule", "/export_schedule", &[], "Export getSchedule").added(ALL),
    write(Exports, "setSchedule", Put, "/export_schedule",
        &[payload("schedule", "Export schedule is required")], Some(Recipe::Body), "Export setSchedule").added(ALL),

    write(Webhooks, "create", Post, "/webhooks",
        &[payload("body", "Webhook body is required")], Some(Recipe::Body), "Webhook create").added(OF_WEBHOOKS),
    read(Webhooks, "getAll", "/webhooks", &[], "Webhook getAll").added(OF_WEBHOOKS),
    read(Webhooks, "get", "/webhooks/{0}", &[WEBHOOK], "Webhook get: {0}").added(OF_WEBHOOKS),
    write(Webhooks, "delete", Delete, "/webhooks/{0}", &[WEBHOOK], None, "Webhook delete: {0}").added(OF_WEBHOOKS),
    write(Webhooks, "activate", Post, "/webhooks/{0}/activate", &[WEBHOOK], None,
        "Webhook activate: {0}").added(OF_WEBHOOKS),
    write(Webhooks, "deactivate", Post, "/webhooks/{0}/deactivate", &[WEBHOOK], None,
        "Webhook deactivate: {0}").added(OF_WEBHOOKS),

    write(App, "edit", Patch, "",
        &[OPERATIONS], Some(Recipe::Operations), "App edit").added(ALL),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths of methods that would be done twice; add one only on purpose.
    const TWICE: [&str; 8] = [
        "/users/{0}/identity",
        "/conversations/{0}/messages/{1}/parts",
        "/conversations/{0}/content",
        "/notifications",
        "/exports",
        "/webhooks",
        "/webhooks/{0}/activate",
        "/webhooks/{0}/deactivate",
    ];

    #[test]
    fn what_is_posted_is_known_to_be_done_once_or_twice() {
        for method in METHODS.iter().filter(|method| method.verb == Verb::Post) {
            let is_known = TWICE.contains(&method.path);
            assert_eq!(method.repeat() == Repeat::Twice, is_known, "{} {}", method.name, method.path);
        }
    }

    #[test]
    fn a_tag_is_taken_by_methods_to_which_it_makes_a_difference() {
        for method in METHODS.iter().filter(|method| method.params.iter().any(|param| param.kind == Kind::Tag)) {
            assert_eq!(method.repeat(), Repeat::Tagged, "{}", method.name);
        }
    }
}
