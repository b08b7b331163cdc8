//! How entries of the log are stored, the same with every engine: a number for the kind, a number, and a text of JSON.
//! Whom they concern is the key of a conversation or user, times four, and [`OF_CONVERSATION`], [`OF_USER`] or
//! [`OF_IDENTITY`].

use layer_wire::{AnnouncementId, ConversationId, MessageId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::changes::What;
use crate::log::{ConversationChanges, Entry, LogPage, LogRecord, PartChanges, Place};
use crate::page::{Gathered, Weighed, weight_of_object};
use crate::{StoreError, codec};

/// The entry concerns the members of a conversation.
pub const OF_CONVERSATION: i64 = 0;
/// It concerns a user.
pub const OF_USER: i64 = 1;
/// It concerns a user and those who follow it.
pub const OF_IDENTITY: i64 = 2;

/// A row whose scope is not looked up yet.
pub struct LogRow {
    /// Its place.
    pub place: Place,
    /// Whom it concerns, as it is stored.
    pub scope: i64,
    /// What happened.
    pub entry: Entry,
}

impl Weighed for LogRow {
    fn weight(&self) -> usize {
        let Entry::ConversationChanged(changes) = &self.entry else { return 0 };
        let of_change = |(path, value): &(Vec<String>, Option<Value>)| {
            let of_value = match value {
                Some(Value::String(text)) => text.len(),
                Some(Value::Object(object)) => weight_of_object(object),
                _ => 0,
            };
            path.iter().map(String::len).sum::<usize>() + of_value
        };
        changes.metadata.iter().map(of_change).sum()
    }
}

impl LogPage {
    /// A part of the log behind a place, of what was found there where at most `limit` was looked for. `resolve` looks
    /// up whom an entry concerns; `None` when that is gone for good.
    pub fn resolved(
        after: Place,
        found: Gathered<LogRow>,
        limit: usize,
        resolve: impl Fn(LogRow) -> Result<Option<LogRecord>, StoreError>,
    ) -> Result<Self, StoreError> {
        let (found, is_full) = found.into_parts();
        let up_to = found.last().map_or(after, |found| found.place);
        let is_all = !is_full && found.len() < limit;
        let records = found.into_iter().filter_map(|found| resolve(found).transpose());
        Ok(Self { records: records.collect::<Result<_, _>>()?, up_to, is_all })
    }
}

/// What [`Entry::ConversationChanged`] has.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
struct ChangedConversation {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    joined: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_no_longer_distinct: bool,
    /// A value of `[]` stands for one that is gone, `[x]` for `x`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    metadata: Vec<(Vec<String>, Vec<Value>)>,
}

fn texts(users: &[UserId]) -> Vec<String> {
    users.iter().map(|user| user.as_str().to_owned()).collect()
}

fn trusted(texts: Vec<String>) -> Vec<UserId> {
    texts.into_iter().map(UserId::trusted).collect()
}

/// What is stored of an entry: its kind, a number, and a text of JSON.
pub fn encode(entry: &Entry) -> Result<(i64, Option<i64>, Option<String>), StoreError> {
    let json = |data: Value| Some(data.to_string());
    Ok(match entry {
        Entry::ConversationCreated => (0, None, None),
        Entry::ConversationChanged(changes) => {
            let ConversationChanges { joined, left, is_no_longer_distinct, metadata } = changes;
            let data = ChangedConversation {
                joined: texts(joined),
                left: texts(left),
                is_no_longer_distinct: *is_no_longer_distinct,
                metadata: metadata
                    .iter()
                    .map(|(path, value)| (path.clone(), value.iter().cloned().collect()))
                    .collect(),
            };
            (1, None, Some(serde_json::to_string(&data)?))
        }
        Entry::MessageSent { position } => (2, Some(i64::from(*position)), None),
        Entry::PartsChanged { position, parts: PartChanges { added, changed, removed } } => {
            let data = [added, changed, removed].map(|parts| parts.iter().map(Uuid::to_string).collect::<Vec<_>>());
            (3, Some(i64::from(*position)), Some(serde_json::to_string(&data)?))
        }
        Entry::MessageDeleted { position, id, sender } => {
            let data = (id.uuid().to_string(), sender.as_ref().map(UserId::as_str));
            (4, Some(i64::from(*position)), Some(serde_json::to_string(&data)?))
        }
        Entry::Receipt { position, user, status } => {
            let data = (user.as_str(), codec::encode_status(*status));
            (5, Some(i64::from(*position)), Some(serde_json::to_string(&data)?))
        }
        Entry::MarkedRead { position, user, unread } => {
            (6, Some(i64::from(*position)), Some(serde_json::to_string(&(user.as_str(), unread))?))
        }
        Entry::ConversationDeleted { id } => (7, None, json(id.uuid().to_string().into())),
        Entry::ConversationDeletedForUser { id } => (8, None, json(id.uuid().to_string().into())),
        Entry::ConversationRevived { id } => (9, None, json(id.uuid().to_string().into())),
        Entry::MessageDeletedForUser { position, id, conversation } => {
            let data = [id.uuid(), conversation.uuid()].map(|id| id.to_string());
            (10, Some(i64::from(*position)), Some(serde_json::to_string(&data)?))
        }
        Entry::Announcement { id, what } => (11, Some(what.number().into()), json(id.uuid().to_string().into())),
        Entry::Following { user, is_following } => {
            (12, Some(i64::from(*is_following)), json(user.as_str().to_owned().into()))
        }
        Entry::Identity { what, fields } => (13, Some(what.number().into()), Some(serde_json::to_string(fields)?)),
    })
}

fn damaged(reason: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("the log is damaged: {reason}"))
}

fn uuid(text: &str) -> Result<Uuid, StoreError> {
    Uuid::parse_str(text).map_err(damaged)
}

fn uuids(texts: &[String]) -> Result<Vec<Uuid>, StoreError> {
    texts.iter().map(|text| uuid(text)).collect()
}

/// The entry of which this is stored. Error: `Failed` when it is damaged.
pub fn decode(kind: i64, value: Option<i64>, data: Option<&str>) -> Result<Entry, StoreError> {
    let data = data.unwrap_or("null");
    let value = || value.ok_or_else(|| damaged("a number is missing"));
    let position = || value().and_then(|value| u32::try_from(value).map_err(damaged));
    let id = || uuid(&serde_json::from_str::<String>(data)?);
    Ok(match kind {
        0 => Entry::ConversationCreated,
        1 => {
            let ChangedConversation { joined, left, is_no_longer_distinct, metadata } = serde_json::from_str(data)?;
            Entry::ConversationChanged(ConversationChanges {
                joined: trusted(joined),
                left: trusted(left),
                is_no_longer_distinct,
                metadata: metadata.into_iter().map(|(path, mut value)| (path, value.pop())).collect(),
            })
        }
        2 => Entry::MessageSent { position: position()? },
        3 => {
            let [added, changed, removed]: [Vec<String>; 3] = serde_json::from_str(data)?;
            let parts = PartChanges { added: uuids(&added)?, changed: uuids(&changed)?, removed: uuids(&removed)? };
            Entry::PartsChanged { position: position()?, parts }
        }
        4 => {
            let (id, sender): (String, Option<String>) = serde_json::from_str(data)?;
            let id = uuid(&id)?;
            let sender = sender.map(UserId::trusted);
            Entry::MessageDeleted { position: position()?, id: MessageId::new(id), sender }
        }
        5 => {
            let (user, status): (String, u8) = serde_json::from_str(data)?;
            let status = codec::decode_status(status)?;
            Entry::Receipt { position: position()?, user: UserId::trusted(user), status }
        }
        6 => {
            let (user, unread): (String, Vec<u32>) = serde_json::from_str(data)?;
            Entry::MarkedRead { position: position()?, user: UserId::trusted(user), unread }
        }
        7 => Entry::ConversationDeleted { id: ConversationId::new(id()?) },
        8 => Entry::ConversationDeletedForUser { id: ConversationId::new(id()?) },
        9 => Entry::ConversationRevived { id: ConversationId::new(id()?) },
        10 => {
            let [id, conversation]: [String; 2] = serde_json::from_str(data)?;
            let (id, conversation) = (MessageId::new(uuid(&id)?), ConversationId::new(uuid(&conversation)?));
            Entry::MessageDeletedForUser { position: position()?, id, conversation }
        }
        11 => Entry::Announcement { id: AnnouncementId::new(id()?), what: What::of_number(value()?) },
        12 => {
            let user = UserId::trusted(serde_json::from_str(data)?);
            Entry::Following { user, is_following: value()? != 0 }
        }
        13 => Entry::Identity { what: What::of_number(value()?), fields: serde_json::from_str(data)? },
        other => return Err(StoreError::Failed(format!("the log has an entry of the unknown kind {other}"))),
    })
}
