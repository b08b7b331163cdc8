//! All that an app has, record by record, in a form that is the same for every engine: how it goes to a file of JSON
//! lines and comes back, and from one engine to another.
//!
//! [`KINDS`] says what there is. What comes early is named by what comes later, so records are put in this order. Not
//! part of it: sessions and the log of changes (users sign in again and begin anew), archives of exports, what workers
//! have claimed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use layer_wire::message::{RecipientStatus, Status};
use layer_wire::part::{Part, PartBody};
use layer_wire::{AppId, ContentId, Timestamp, UserId};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::key::AppKey;
use crate::{StoreError, codec};

/// What a field holds, and how JSON has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A whole number; times are milliseconds since 1970.
    Whole,
    /// `true` or `false`; 1 or 0 in the store.
    Truth,
    /// A text.
    Text,
    /// A document of JSON, which the store has as a text.
    Json,
    /// A UUID, of 16 bytes in the store.
    Uuid,
    /// Bytes, in base64.
    Bytes,
    /// The parts of a message, as [`codec::encode_parts`] has them in the store. The owner is the field `id`.
    Parts,
    /// The status of a message with its recipients, as [`codec::encode_recipients`] has it in the store.
    Recipients,
}

use FieldType::{Bytes, Json, Parts, Recipients, Text, Truth, Uuid as Id, Whole};

/// A kind of record.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name: `type` of its lines.
    pub name: &'static str,
    /// Its fields. One that is missing in a line is null.
    pub fields: &'static [(&'static str, FieldType)],
    /// Whether workers or clients act on it: then it comes last, all in one write with the end of the import.
    pub acts: bool,
}

const fn kind(name: &'static str, fields: &'static [(&'static str, FieldType)]) -> Kind {
    Kind { name, fields, acts: false }
}

const fn acting(name: &'static str, fields: &'static [(&'static str, FieldType)]) -> Kind {
    Kind { name, fields, acts: true }
}

impl Kind {
    /// Whether records come out of the store in the order in which they were put.
    pub fn is_in_order(&self) -> bool {
        matches!(self.name, "user" | "conversation" | "message" | "announcement" | "identity_provider")
    }
}

/// Everything that an app has, in the order in which it can be put.
pub static KINDS: [Kind; 22] = [
    kind("app", &[("created_at", Whole), ("session_ttl_in_seconds", Whole), ("name", Text)]),
    kind(
        "user",
        &[("id", Text), ("conversation_count", Whole), ("external_unread_count", Whole), ("is_suspended", Truth)],
    ),
    kind("identity", &[("user", Text), ("fields", Json)]),
    kind("block", &[("owner", Text), ("blocked", Text)]),
    kind("follow", &[("follower", Text), ("followed", Text), ("is_following", Truth)]),
    kind(
        "conversation",
        &[
            ("id", Id),
            ("created_at", Whole),
            ("active_at", Whole),
            ("participants", Json),
            ("metadata", Json),
            ("distinct_key", Bytes),
            ("is_deleted", Truth),
            ("message_count", Whole),
            ("last_position", Whole),
        ],
    ),
    kind(
        "membership",
        &[
            ("conversation", Id),
            ("user", Text),
            ("left_position", Whole),
            ("visible_count", Whole),
            ("settled_count", Whole),
            ("read_position", Whole),
            ("is_deleted", Truth),
            ("deleted_position", Whole),
            ("deleted_count", Whole),
            ("left_metadata", Json),
        ],
    ),
    kind(
        "message",
        &[
            ("conversation", Id),
            ("position", Whole),
            ("id", Id),
            ("sent_at", Whole),
            ("updated_at", Whole),
            ("sender_user", Text),
            ("sender_name", Text),
            ("recipients", Recipients),
            ("parts", Parts),
        ],
    ),
    kind("message_deletion", &[("conversation", Id), ("position", Whole), ("user", Text)]),
    kind("deleted_message", &[("id", Id)]),
    kind(
        "announcement",
        &[
            ("id", Id),
            ("sent_at", Whole),
            ("recipients", Json),
            ("sender_user", Text),
            ("sender_name", Text),
            ("parts", Parts),
        ],
    ),
    kind("announcement_copy", &[("announcement", Id), ("user", Text), ("status", Whole)]),
    kind(
        CONTENT,
        &[
            ("id", Id),
            ("conversation", Id),
            ("uploader", Text),
            ("mime_type", Text),
            ("size", Whole),
            ("origin", Text),
            ("created_at", Whole),
            ("uploaded_at", Whole),
            ("md5", Bytes),
            ("crc32c", Whole),
            ("reference_count", Whole),
        ],
    ),
    kind("identity_provider", &[("id", Id), ("created_at", Whole)]),
    kind("identity_key", &[("provider", Id), ("id", Id), ("public_key", Bytes), ("created_at", Whole)]),
    kind(
        "push_token",
        &[
            ("user", Text),
            ("device", Text),
            ("used", Whole),
            ("kind", Text),
            ("token", Text),
            ("apns_bundle_id", Text),
            ("gcm_sender_id", Text),
            ("ios_version", Text),
        ],
    ),
    acting(
        "webhook",
        &[
            ("id", Id),
            ("created_at", Whole),
            ("version", Text),
            ("target_url", Text),
            ("events", Json),
            ("secret", Text),
            ("config", Json),
            ("status", Text),
            ("status_reason", Text),
            ("failing_since", Whole),
        ],
    ),
    acting(
        "delivery",
        &[
            ("webhook", Id),
            ("event", Id),
            ("request", Id),
            ("event_type", Text),
            ("body", Bytes),
            ("failed_attempts", Whole),
            ("first_attempt_at", Whole),
            ("due_at", Whole),
        ],
    ),
    acting(
        "scheduled_message",
        &[
            ("id", Id),
            ("conversation", Id),
            ("due_at", Whole),
            ("typing_at", Whole),
            ("sender_user", Text),
            ("sender_name", Text),
            ("parts", Parts),
        ],
    ),
    acting(
        "export_settings",
        &[
            ("public_key", Text),
            ("requested_at", Whole),
            ("interval", Text),
            ("events", Json),
            ("last_export_at", Whole),
            ("last_export", Id),
            ("next_export_at", Whole),
        ],
    ),
    acting("export_event", &[("body", Bytes)]),
    acting("token", &[("id", Id), ("hash", Bytes), ("name", Text), ("created_at", Whole), ("expires_at", Whole)]),
];

/// The kind of rich content, whose bytes are files.
pub const CONTENT: &str = "content";

/// A field as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// Nothing.
    Null,
    /// A number or a truth.
    Whole(i64),
    /// A text or a document.
    Text(String),
    /// Bytes, also those of a UUID and of the blobs of [`codec`].
    Bytes(Vec<u8>),
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its fields, in the order of the kind.
    pub fields: Vec<Field>,
}

impl Record {
    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.kind.fields.iter().zip(&self.fields).find_map(|((known, _), field)| (*known == name).then_some(field))
    }

    /// The field `id`, where it is a UUID.
    pub fn id(&self) -> Option<Uuid> {
        match self.field("id") {
            Some(Field::Bytes(bytes)) => Uuid::from_slice(bytes).ok(),
            _ => None,
        }
    }

    /// Of a content whose bytes were uploaded: its id, and how many there are.
    pub fn uploaded(&self) -> Option<(Uuid, u64)> {
        match (self.id(), self.field("uploaded_at"), self.field("size")) {
            (Some(id), Some(Field::Whole(_)), Some(Field::Whole(size))) => Some((id, size.unsigned_abs())),
            _ => None,
        }
    }

    /// The record as an object of JSON.
    ///
    /// Error: what is stored is damaged.
    pub fn to_json(&self) -> Result<Map<String, Value>, StoreError> {
        let mut object = Map::new();
        object.insert("type".into(), self.kind.name.into());
        for ((name, field_type), field) in self.kind.fields.iter().zip(&self.fields) {
            if *field != Field::Null {
                object.insert((*name).into(), self.show(*field_type, field)?);
            }
        }
        Ok(object)
    }

    fn show(&self, field_type: FieldType, field: &Field) -> Result<Value, StoreError> {
        let damaged = || StoreError::Failed(format!("a record of type {} is damaged", self.kind.name));
        Ok(match (field_type, field) {
            (Whole, Field::Whole(number)) => (*number).into(),
            (Truth, Field::Whole(number)) => (*number != 0).into(),
            (Text, Field::Text(text)) => text.as_str().into(),
            (Json, Field::Text(text)) => serde_json::from_str(text)?,
            (Id, Field::Bytes(bytes)) => Uuid::from_slice(bytes).map_err(|_| damaged())?.to_string().into(),
            (Bytes, Field::Bytes(bytes)) => STANDARD.encode(bytes).into(),
            (Parts, Field::Bytes(blob)) => {
                let parts = codec::decode_parts(self.id().ok_or_else(damaged)?, blob)?;
                parts.iter().map(show_part).collect()
            }
            (Recipients, Field::Bytes(blob)) => {
                let recipients = codec::decode_recipients(blob)?;
                recipients.0.iter().map(|(user, status)| Value::from(vec![user.as_str(), name_of(*status)])).collect()
            }
            _ => return Err(damaged()),
        })
    }

    /// Reads an object of JSON. Error: what is wrong with it, as a sentence.
    pub fn from_json(mut object: Map<String, Value>) -> Result<Self, String> {
        let name = object.remove("type");
        let name = name.as_ref().and_then(Value::as_str).ok_or("`type` is missing")?;
        let kind = KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| format!("there is no type `{name}`"))?;
        let owner = object.get("id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
        let mut fields = vec![];
        for (name, field_type) in kind.fields {
            let value = object.remove(*name).unwrap_or_default();
            let field = read_field(*field_type, value, owner);
            fields.push(field.ok_or_else(|| format!("`{name}` is not what it should be"))?);
        }
        match object.keys().next() {
            Some(name) => Err(format!("there is no `{name}` in a {}", kind.name)),
            None => Ok(Self { kind, fields }),
        }
    }
}

fn read_field(field_type: FieldType, value: Value, owner: Option<Uuid>) -> Option<Field> {
    Some(match (field_type, value) {
        (_, Value::Null) => Field::Null,
        (Whole, Value::Number(number)) => Field::Whole(number.as_i64()?),
        (Truth, Value::Bool(is_so)) => Field::Whole(is_so.into()),
        (Text, Value::String(text)) => Field::Text(text),
        (Json, value) => Field::Text(value.to_string()),
        (Id, Value::String(text)) => Field::Bytes(Uuid::try_parse(&text).ok()?.as_bytes().to_vec()),
        (Bytes, Value::String(text)) => Field::Bytes(STANDARD.decode(text).ok()?),
        (Parts, Value::Array(parts)) => {
            let owner = owner?;
            let parts = parts.iter().map(read_part).collect::<Option<Vec<_>>>()?;
            Field::Bytes(codec::encode_parts(owner, &parts))
        }
        (Recipients, Value::Array(recipients)) => {
            let recipients = recipients.iter().map(|pair| {
                let [user, status] = pair.as_array()?.as_slice() else { return None };
                Some((UserId::parse(user.as_str()?).ok()?, status_of(status.as_str()?)?))
            });
            Field::Bytes(codec::encode_recipients(&RecipientStatus(recipients.collect::<Option<Vec<_>>>()?)))
        }
        _ => return None,
    })
}

const STATUSES: [(Status, &str); 3] =
    [(Status::Sent, "sent"), (Status::Delivered, "delivered"), (Status::Read, "read")];

fn name_of(status: Status) -> &'static str {
    STATUSES.iter().find(|(known, _)| *known == status).map_or("sent", |(_, name)| name)
}

fn status_of(name: &str) -> Option<Status> {
    STATUSES.iter().find(|(_, known)| *known == name).map(|(status, _)| *status)
}

fn show_part(part: &Part) -> Value {
    let mut shown = Map::new();
    shown.insert("id".into(), part.id.to_string().into());
    shown.insert("mime_type".into(), part.mime_type.as_str().into());
    match &part.body {
        PartBody::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => drop(shown.insert("body".into(), text.into())),
            Err(_) => drop(shown.insert("base64".into(), STANDARD.encode(bytes).into())),
        },
        PartBody::Content { id, size } => {
            shown.insert("content".into(), id.uuid().to_string().into());
            shown.insert("size".into(), (*size).into());
        }
    }
    if let Some(updated_at) = part.updated_at {
        shown.insert("updated_at".into(), updated_at.as_ms().into());
    }
    shown.into()
}

fn read_part(part: &Value) -> Option<Part> {
    let uuid = |name: &str| Uuid::try_parse(part.get(name)?.as_str()?).ok();
    let text = |name: &str| part.get(name)?.as_str();
    let body = if let Some(text) = text("body") {
        PartBody::Bytes(text.into())
    } else if let Some(text) = text("base64") {
        PartBody::Bytes(STANDARD.decode(text).ok()?)
    } else {
        PartBody::Content { id: ContentId::new(uuid("content")?), size: part.get("size")?.as_u64()? }
    };
    let updated_at = match part.get("updated_at") {
        None => None,
        Some(time) => Some(Timestamp::from_ms(time.as_i64()?)),
    };
    Some(Part { id: uuid("id")?, mime_type: text("mime_type")?.to_owned(), body, updated_at })
}

/// How many records there are, and a sum over their hashes: the same for the same records, in whatever order they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many there are.
    pub count: u64,
    sum: u128,
}

impl Tally {
    /// Adds a record.
    pub fn add(&mut self, record: &Record) {
        let mut hash = Sha256::new();
        for field in &record.fields {
            // The length of what follows is part of it, so that no two lists of fields make the same bytes.
            let (tag, bytes): (u8, &[u8]) = match field {
                Field::Null => (0, &[]),
                Field::Whole(number) => (1, &number.to_le_bytes()),
                Field::Text(text) => (2, text.as_bytes()),
                Field::Bytes(bytes) => (3, bytes),
            };
            hash.update([tag]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        let half = hash.finalize().iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
        self.count += 1;
        self.sum = self.sum.wrapping_add(half);
    }
}

/// What can be read of an app as a whole.
pub trait TransferReads {
    /// Passes on all records of a kind. Those of conversations, and of messages in each, come in their order; those of
    /// kinds that are [in order](Kind::is_in_order) come in that in which they were put.
    fn for_each_record(
        &self,
        app: AppKey,
        kind: &'static Kind,
        each: &mut dyn FnMut(Record) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// How many records of a kind there are.
    fn record_count(&self, app: AppKey, kind: &'static Kind) -> Result<u64, StoreError>;

    /// An app that is being put together and stays when that is broken off.
    fn unfinished_app(&self, id: AppId) -> Result<Option<AppKey>, StoreError>;
}

/// What can be written of an app as a whole. Nothing of it is told in the feed of changes but the end: nobody listens
/// to an app that is not there yet.
pub trait TransferWrites {
    /// Begins to put an app together. Until [`Self::end_app`] it is as one that was deleted: nobody finds it, and
    /// [`AppWrites::purge_deleted_apps`](crate::app::AppWrites::purge_deleted_apps) removes it, so that nothing stays
    /// of one that was broken off; so nobody else may work on the store meanwhile. `None` when the id is taken, be it
    /// by a deleted app of which something is left.
    fn begin_app(&mut self, id: AppId) -> Result<Option<AppKey>, StoreError>;

    /// Has an app that is being put together stay when that is broken off, so that it can go on; or no longer.
    ///
    /// Error: `Failed` when no app with this key is being put together.
    fn keep_unfinished_app(&mut self, app: AppKey, is_kept: bool) -> Result<(), StoreError>;

    /// Puts records; of those of kinds with an id, and of what names two others, one that is there already stays as it
    /// is.
    ///
    /// Error: `Failed` for a record that names another one that is not there, or lacks what it must have.
    fn put_records(&mut self, app: AppKey, records: &[Record]) -> Result<(), StoreError>;

    /// Lets an app that was put together be found.
    ///
    /// Error: `Failed` when no app with this key is being put together.
    fn end_app(&mut self, app: AppKey) -> Result<(), StoreError>;
}

/// What is said of a key of which no app is being put together.
pub fn not_under_way() -> StoreError {
    StoreError::Failed("the app that was put together is gone; somebody else used the database meanwhile".into())
}
