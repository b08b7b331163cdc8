//! The log of changes. A change of a conversation is one row; the entries of a user are found through its memberships.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use layer_store::changes::{Change, Kinds, What};
use layer_store::conversation::ConversationRecord;
use layer_store::following::FollowingReads as _;
use layer_store::key::AppKey;
use layer_store::log::{ConversationChanges, Entry, LogReads, LogRecord, LogWrites, PartChanges, Place, Scope};
use layer_store::{StoreError, codec};
use layer_wire::body::Object;
use layer_wire::part::Part;
use layer_wire::{AnnouncementId, ConversationId, MessageId, Timestamp, UserId};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Session;
use super::following::FOLLOWED;
use super::sql::{self, Row, Sql};
use super::user::{self, UserKey};

/// The clock that places in the log are taken from.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clock of the machine.
pub fn machine_time() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ms(i64::try_from(elapsed.as_millis()).unwrap_or_default())
}

/// Gives out places. Only the writer has one, so that places grow in the order of commits.
pub struct Places {
    now: Now,
    last: Cell<Place>,
}

impl Places {
    /// Goes on behind what a database has.
    pub fn new(connection: &Connection, now: Now) -> Result<Self, StoreError> {
        let places = Self { now, last: Cell::new(Place::START) };
        places.go_on_behind(connection)?;
        Ok(places)
    }

    /// Goes on behind what a database has, which was perhaps replaced.
    pub fn go_on_behind(&self, connection: &Connection) -> Result<(), StoreError> {
        let end = end(Sql(connection))?;
        self.last.set(self.last.get().max(end));
        Ok(())
    }

    fn take(&self) -> Place {
        let place = self.last.get().next((self.now)());
        self.last.set(place);
        place
    }
}

fn end(sql: Sql<'_>) -> Result<Place, StoreError> {
    let end = sql.prepare("SELECT max(place) FROM log")?.one([], |row| row.get::<Option<i64>>(0))?;
    Ok(end.map_or(Place::START, Place::from_number))
}

const OF_CONVERSATION: i64 = 0;
const OF_USER: i64 = 1;
const OF_IDENTITY: i64 = 2;

/// A kind of entry, and what it has in the columns `value` and `data`.
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

fn encode_what(what: What) -> i64 {
    match what {
        What::Created => 0,
        What::Changed => 1,
        What::Deleted => 2,
    }
}

fn decode_what(number: i64) -> What {
    match number {
        0 => What::Created,
        1 => What::Changed,
        _ => What::Deleted,
    }
}

/// The columns `kind`, `value` and `data` of an entry.
fn columns(entry: &Entry) -> Result<(i64, Option<i64>, Option<String>), StoreError> {
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
        Entry::Announcement { id, what } => (11, Some(encode_what(*what)), json(id.uuid().to_string().into())),
        Entry::Following { user, is_following } => {
            (12, Some(i64::from(*is_following)), json(user.as_str().to_owned().into()))
        }
        Entry::Identity { what, fields } => (13, Some(encode_what(*what)), Some(serde_json::to_string(fields)?)),
    })
}

fn uuid(text: &str) -> Result<Uuid, StoreError> {
    Uuid::parse_str(text).map_err(|error| StoreError::Failed(format!("the log is damaged: {error}")))
}

fn uuids(texts: &[String]) -> Result<Vec<Uuid>, StoreError> {
    texts.iter().map(|text| uuid(text)).collect()
}

/// Reads the columns `kind`, `value` and `data`, beginning at column `first`.
fn read_entry(row: &Row<'_>, first: usize) -> Result<Entry, StoreError> {
    let position = || row.get::<u32>(first + 1);
    let value = || row.get::<i64>(first + 1);
    let id = || uuid(&row.json::<String>(first + 2)?);
    Ok(match row.get::<i64>(first)? {
        0 => Entry::ConversationCreated,
        1 => {
            let ChangedConversation { joined, left, is_no_longer_distinct, metadata } = row.json(first + 2)?;
            Entry::ConversationChanged(ConversationChanges {
                joined: trusted(joined),
                left: trusted(left),
                is_no_longer_distinct,
                metadata: metadata.into_iter().map(|(path, mut value)| (path, value.pop())).collect(),
            })
        }
        2 => Entry::MessageSent { position: position()? },
        3 => {
            let [added, changed, removed]: [Vec<String>; 3] = row.json(first + 2)?;
            let parts = PartChanges { added: uuids(&added)?, changed: uuids(&changed)?, removed: uuids(&removed)? };
            Entry::PartsChanged { position: position()?, parts }
        }
        4 => {
            let (id, sender): (String, Option<String>) = row.json(first + 2)?;
            let id = uuid(&id)?;
            let sender = sender.map(UserId::trusted);
            Entry::MessageDeleted { position: position()?, id: MessageId::new(id), sender }
        }
        5 => {
            let (user, status): (String, u8) = row.json(first + 2)?;
            let status = codec::decode_status(status)?;
            Entry::Receipt { position: position()?, user: UserId::trusted(user), status }
        }
        6 => {
            let (user, unread): (String, Vec<u32>) = row.json(first + 2)?;
            Entry::MarkedRead { position: position()?, user: UserId::trusted(user), unread }
        }
        7 => Entry::ConversationDeleted { id: ConversationId::new(id()?) },
        8 => Entry::ConversationDeletedForUser { id: ConversationId::new(id()?) },
        9 => Entry::ConversationRevived { id: ConversationId::new(id()?) },
        10 => {
            let [id, conversation]: [String; 2] = row.json(first + 2)?;
            let (id, conversation) = (MessageId::new(uuid(&id)?), ConversationId::new(uuid(&conversation)?));
            Entry::MessageDeletedForUser { position: position()?, id, conversation }
        }
        11 => Entry::Announcement { id: AnnouncementId::new(id()?), what: decode_what(value()?) },
        12 => {
            let user = UserId::trusted(row.json(first + 2)?);
            Entry::Following { user, is_following: value()? != 0 }
        }
        13 => Entry::Identity { what: decode_what(value()?), fields: row.json(first + 2)? },
        other => return Err(StoreError::Failed(format!("the log has an entry of the unknown kind {other}"))),
    })
}

/// A row whose scope is not looked up yet.
struct Found {
    place: Place,
    scope: i64,
    entry: Entry,
}

const COLUMNS: &str = "log.place, log.scope, log.kind, log.value, log.data";

fn read(row: &Row<'_>) -> Result<Found, StoreError> {
    Ok(Found { place: Place::from_number(row.get(0)?), scope: row.get(1)?, entry: read_entry(row, 2)? })
}

impl Session<'_> {
    /// Looks up whom an entry concerns; `None` when that is gone for good.
    fn resolve(&self, found: Found) -> Result<Option<LogRecord>, StoreError> {
        let Found { place, scope, entry } = found;
        let key = scope >> 2;
        let resolved = if scope & 3 == OF_CONVERSATION {
            self.sql.prepare("SELECT app, uuid FROM conversations WHERE key = ?1")?.first([key], |row| {
                let conversation = ConversationId::new(row.uuid(1)?);
                Ok((row.get(0)?, Scope::Conversation(conversation)))
            })?
        } else {
            self.sql.prepare("SELECT app, id FROM users WHERE key = ?1")?.first([key], |row| {
                let user = UserId::trusted(row.get(1)?);
                let scope = if scope & 3 == OF_USER { Scope::User(user) } else { Scope::Identity(user) };
                Ok((row.get(0)?, scope))
            })?
        };
        Ok(resolved.map(|(app, scope)| LogRecord { place, app: AppKey::from_number(app), scope, entry }))
    }

    fn resolve_all(&self, found: Vec<Found>) -> Result<Vec<LogRecord>, StoreError> {
        found.into_iter().filter_map(|found| self.resolve(found).transpose()).collect()
    }

    /// A place behind all entries so far, for what is remembered of this moment.
    pub fn take_place(&self) -> Place {
        // Only writes come here, and they have places.
        self.places.map_or(Place::START, Places::take)
    }

    /// Whether a log is kept for any user of an app.
    fn is_logged(&self, app: AppKey) -> Result<bool, StoreError> {
        let until = self
            .sql
            .prepare("SELECT log_until FROM apps WHERE key = ?1")?
            .first([app.number()], |row| row.get::<Option<i64>>(0))?;
        Ok(self.is_in_future(until.flatten()))
    }

    fn is_in_future(&self, until: Option<i64>) -> bool {
        let is_future = |until: i64| self.places.is_some_and(|places| until > (places.now)().as_ms());
        until.is_some_and(is_future)
    }

    fn log(&mut self, scope: i64, place: Place, entry: &Entry) -> Result<(), StoreError> {
        let (kind, value, data) = columns(entry)?;
        self.sql.prepare("INSERT INTO log (place, scope, kind, value, data) VALUES (?1, ?2, ?3, ?4, ?5)")?.run((
            place.number(),
            scope,
            kind,
            value,
            data,
        ))?;
        self.tell(Kinds::LOG, || Change::Log);
        Ok(())
    }

    /// Notes what members of a conversation have to hear.
    pub fn log_in_conversation(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        entry: impl FnOnce() -> Entry,
    ) -> Result<(), StoreError> {
        let place = self.take_place();
        self.log_in_conversation_at(app, conversation, place, entry)
    }

    /// The same, at a place that was taken before.
    pub fn log_in_conversation_at(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        place: Place,
        entry: impl FnOnce() -> Entry,
    ) -> Result<(), StoreError> {
        if !self.is_logged(app)? {
            return Ok(());
        }
        self.log(conversation.key.number() << 2 | OF_CONVERSATION, place, &entry())
    }

    /// Notes what a user alone has to hear.
    pub fn log_for_user(&mut self, user: UserKey, entry: impl FnOnce() -> Entry) -> Result<(), StoreError> {
        let until = self
            .sql
            .prepare("SELECT log_until FROM users WHERE key = ?1")?
            .first([user.0], |row| row.get::<Option<i64>>(0))?;
        if !self.is_in_future(until.flatten()) {
            return Ok(());
        }
        let place = self.take_place();
        self.log(user.0 << 2 | OF_USER, place, &entry())
    }

    /// Notes what became of the identity of a user.
    pub fn log_identity(
        &mut self,
        app: AppKey,
        user: UserKey,
        entry: impl FnOnce() -> Entry,
    ) -> Result<(), StoreError> {
        if !self.is_logged(app)? {
            return Ok(());
        }
        let place = self.take_place();
        self.log(user.0 << 2 | OF_IDENTITY, place, &entry())
    }
}

impl LogReads for Session<'_> {
    fn log_end(&self) -> Result<Place, StoreError> {
        end(self.sql)
    }

    fn log_after(&self, after: Place, limit: usize) -> Result<Vec<LogRecord>, StoreError> {
        let found = self
            .sql
            .prepare(&format!("SELECT {COLUMNS} FROM log WHERE place > ?1 ORDER BY place LIMIT ?2"))?
            .all((after.number(), sql::limit(limit)), read)?;
        self.resolve_all(found)
    }

    fn log_readers(&self, record: &LogRecord) -> Result<Vec<UserId>, StoreError> {
        match &record.scope {
            Scope::Conversation(id) => self
                .sql
                .prepare(
                    "SELECT users.id FROM conversations
                     JOIN memberships ON memberships.conversation = conversations.key
                     JOIN users ON users.key = memberships.user
                     WHERE conversations.app = ?1 AND conversations.uuid = ?2 AND memberships.log_from <= ?3
                     AND (memberships.log_to IS NULL OR memberships.log_to >= ?3)",
                )?
                .all((record.app.number(), id.uuid().as_bytes(), record.place.number()), |row| {
                    row.get(0).map(UserId::trusted)
                }),
            Scope::User(user) => Ok(vec![user.clone()]),
            Scope::Identity(user) => {
                let mut readers = self.followers(record.app, user)?;
                readers.push(user.clone());
                Ok(readers)
            }
        }
    }

    fn log_of(&self, app: AppKey, user: &UserId, after: Place, limit: usize) -> Result<Vec<LogRecord>, StoreError> {
        let Some(user) = user::find(self.sql, app, user)? else { return Ok(vec![]) };
        let found = self
            .sql
            .prepare(&format!(
                "SELECT {COLUMNS} FROM memberships CROSS JOIN log
                 ON log.scope = memberships.conversation * 4 + {OF_CONVERSATION} AND log.place > ?2
                 AND log.place >= memberships.log_from
                 AND (memberships.log_to IS NULL OR log.place <= memberships.log_to)
                 WHERE memberships.user = ?1
                 UNION ALL
                 SELECT {COLUMNS} FROM log WHERE log.scope = ?1 * 4 + {OF_USER} AND log.place > ?2
                 UNION ALL
                 SELECT {COLUMNS} FROM ({FOLLOWED} UNION SELECT ?1) AS followed CROSS JOIN log
                 ON log.scope = followed.followed * 4 + {OF_IDENTITY} AND log.place > ?2
                 ORDER BY 1 LIMIT ?3"
            ))?
            .all((user.0, after.number(), sql::limit(limit)), read)?;
        self.resolve_all(found)
    }
}

impl LogWrites for Session<'_> {
    fn keep_log(&mut self, app: AppKey, user: &UserId, until: Timestamp) -> Result<Place, StoreError> {
        let key = user::find_or_insert(self.sql, app, user)?;
        for (table, key) in [("apps", app.number()), ("users", key.0)] {
            self.sql
                .prepare(&format!(
                    "UPDATE {table} SET log_until = ?2 WHERE key = ?1 AND (log_until IS NULL OR log_until < ?2)"
                ))?
                .run((key, until.as_ms()))?;
        }
        Ok(self.take_place())
    }

    fn forget_log(&mut self, before: Timestamp, limit: usize) -> Result<bool, StoreError> {
        let deleted = self
            .sql
            .prepare(
                "DELETE FROM log WHERE place IN (SELECT place FROM log WHERE place <= ?1 ORDER BY place LIMIT ?2)",
            )?
            .run((Place::before(before).number(), sql::limit(limit)))?;
        Ok(deleted < limit)
    }
}

/// What became of parts.
pub fn part_changes(before: &[Part], after: &[Part]) -> PartChanges {
    let mut changes = PartChanges::default();
    for part in after {
        match before.iter().find(|old| old.id == part.id) {
            None => changes.added.push(part.id),
            Some(old) if old != part => changes.changed.push(part.id),
            Some(_) => {}
        }
    }
    let is_gone = |old: &&Part| !after.iter().any(|part| part.id == old.id);
    changes.removed = before.iter().filter(is_gone).map(|old| old.id).collect();
    changes
}

/// What became of metadata, as paths with the value that is there now.
pub fn metadata_changes(before: &Object, after: &Object) -> Vec<(Vec<String>, Option<Value>)> {
    let mut changes = vec![];
    compare(&mut vec![], before, after, &mut changes);
    changes
}

fn compare(path: &mut Vec<String>, before: &Object, after: &Object, changes: &mut Vec<(Vec<String>, Option<Value>)>) {
    for (key, value) in after {
        path.push(key.clone());
        match (before.get(key), value) {
            (Some(old), value) if old == value => {}
            (Some(Value::Object(old)), Value::Object(new)) => compare(path, old, new, changes),
            (_, value) => changes.push((path.clone(), Some(value.clone()))),
        }
        path.pop();
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        path.push(key.clone());
        changes.push((path.clone(), None));
        path.pop();
    }
}
