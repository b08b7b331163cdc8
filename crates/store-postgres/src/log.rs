//! The log of changes. A change of a conversation is one row; the entries of a user are found through its memberships.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::conversation::ConversationRecord;
use layer_store::following::FollowingReads as _;
use layer_store::key::{AppKey, ConversationKey};
use layer_store::log::{Entry, LogPage, LogReads, LogRecord, LogWrites, Place, Scope};
use layer_store::log_codec::{self, LogRow, OF_CONVERSATION, OF_IDENTITY, OF_USER};
use layer_wire::{ConversationId, Timestamp, UserId};

use super::following::FOLLOWED;
use super::sql::{self, Query, Row};
use super::user::{self, UserKey};
use super::{Session, claim};

/// This moment of the log, for the memberships that begin or end now.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Where the entry about it goes, if a log is kept.
    place: Option<Place>,
    /// The first place that belongs to a membership that begins now.
    pub from: Place,
    /// The last place that belongs to a membership that ends now.
    pub to: Place,
}

/// An entry that has no place yet.
pub struct NewEntry {
    scope: i64,
    kind: i64,
    value: Option<i64>,
    data: Option<String>,
}

impl NewEntry {
    fn new(scope: i64, entry: &Entry) -> Result<Self, StoreError> {
        let (kind, value, data) = log_codec::encode(entry)?;
        Ok(Self { scope, kind, value, data })
    }

    /// One for the members of a conversation.
    pub fn in_conversation(conversation: ConversationKey, entry: &Entry) -> Result<Self, StoreError> {
        Self::new(conversation.number() << 2 | OF_CONVERSATION, entry)
    }
}

const COLUMNS: &str = "log.place, log.scope, log.kind, log.value, log.data";

fn read(row: &Row) -> Result<LogRow, StoreError> {
    let data: Option<String> = row.get(4)?;
    let entry = log_codec::decode(row.get(2)?, row.get(3)?, data.as_deref())?;
    Ok(LogRow { place: Place::from_number(row.get(0)?), scope: row.get(1)?, entry })
}

impl Session<'_> {
    /// Looks up whom an entry concerns; `None` when that is gone for good.
    fn resolve(&self, found: LogRow) -> Result<Option<LogRecord>, StoreError> {
        let LogRow { place, scope, entry } = found;
        let key = scope >> 2;
        let resolved = if scope & 3 == OF_CONVERSATION {
            self.sql.prepare("SELECT app, uuid FROM conversations WHERE key = $1").first([key], |row| {
                let conversation = ConversationId::new(row.uuid(1)?);
                Ok((row.get(0)?, Scope::Conversation(conversation)))
            })?
        } else {
            self.sql.prepare("SELECT app, id FROM users WHERE key = $1").first([key], |row| {
                let user = UserId::trusted(row.get(1)?);
                let scope = if scope & 3 == OF_USER { Scope::User(user) } else { Scope::Identity(user) };
                Ok((row.get(0)?, scope))
            })?
        };
        Ok(resolved.map(|(app, scope)| LogRecord { place, app: AppKey::from_number(app), scope, entry }))
    }

    /// A place behind all entries so far and before all that come. Who takes one holds up the others that do until the
    /// end of the write: places grow in the order of commits.
    fn take_place(&self) -> Result<Place, StoreError> {
        // In the first place of this millisecond, or behind the latest one.
        let now = Place::START.next(self.now());
        self.sql
            .prepare("UPDATE log_head SET place = GREATEST(place + 1, $1) WHERE key = 0 RETURNING place")
            .one([now.number()], |row| row.get(0).map(Place::from_number))
    }

    /// This moment of the log of an app. Who changes the members of a conversation holds it, so that none of its
    /// entries can come in between.
    pub fn moment(&mut self, app: AppKey) -> Result<Moment, StoreError> {
        if self.is_logged(app)? {
            let place = self.take_place()?;
            return Ok(Moment { place: Some(place), from: place, to: place });
        }
        let newest = self.sql.prepare("SELECT place FROM log_head WHERE key = 0").one((), |row| row.get::<i64>(0))?;
        Ok(Moment { place: None, from: Place::from_number(newest + 1), to: Place::from_number(newest) })
    }

    fn now(&self) -> Timestamp {
        // Only writes come here, and they have a clock.
        self.clock.map_or(Timestamp::from_ms(0), |now| now())
    }

    /// For which of these apps a log is kept: what [`Self::learn_logged`] reads.
    pub fn of_logged(apps: Vec<i64>) -> Query<'static> {
        Query::new("SELECT app, log_until_of(app) FROM unnest($1::bigint[]) AS asked (app)", [apps])
    }

    /// Learns for which apps a log is kept.
    pub fn learn_logged(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        for row in rows {
            self.logged.push((AppKey::from_number(row.get(0)?), row.get(1)?));
        }
        Ok(())
    }

    /// Whether a log is kept for any user of an app.
    pub fn is_logged(&mut self, app: AppKey) -> Result<bool, StoreError> {
        let known = self.logged.iter().find(|(known, _)| *known == app).map(|(_, until)| *until);
        let until = if let Some(until) = known {
            until
        } else {
            let until = self.sql.prepare("SELECT log_until_of($1)").one([app.number()], |row| row.get(0))?;
            self.logged.push((app, until));
            until
        };
        Ok(self.is_in_future(until))
    }

    fn is_in_future(&self, until: Option<i64>) -> bool {
        until.is_some_and(|until| until > self.now().as_ms())
    }

    fn log_until(&self, table: &str, key: i64) -> Result<Option<i64>, StoreError> {
        let until = self
            .sql
            .prepare(format!("SELECT log_until FROM {table} WHERE key = $1"))
            .first([key], |row| row.get::<Option<i64>>(0))?;
        Ok(until.flatten())
    }

    /// Notes an entry in the next place.
    fn log(&mut self, entry: &NewEntry) -> Result<(), StoreError> {
        self.sql.rows(self.insert_entries(std::slice::from_ref(entry)))?;
        self.tell_log();
        Ok(())
    }

    /// Puts entries into the next places, in this order. See [`Self::take_place`].
    pub fn insert_entries<'v>(&self, entries: &'v [NewEntry]) -> Query<'v> {
        let sql = "WITH head AS (
                 UPDATE log_head SET place = GREATEST(place + 1, $1) + $2::bigint - 1 WHERE key = 0 RETURNING place)
             INSERT INTO log (place, scope, kind, value, data)
             SELECT head.place - $2::bigint + entries.number, entries.scope, entries.kind, entries.value, entries.data
             FROM head, unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
                 WITH ORDINALITY AS entries (scope, kind, value, data, number)";
        Query::new(
            sql,
            (
                Place::START.next(self.now()).number(),
                i64::try_from(entries.len()).unwrap_or(i64::MAX),
                entries.iter().map(|entry| entry.scope).collect::<Vec<_>>(),
                entries.iter().map(|entry| entry.kind).collect::<Vec<_>>(),
                entries.iter().map(|entry| entry.value).collect::<Vec<_>>(),
                entries.iter().map(|entry| entry.data.as_deref()).collect::<Vec<_>>(),
            ),
        )
    }

    /// Tells that the log goes on.
    pub fn tell_log(&mut self) {
        self.tell(Kinds::LOG, || Change::Log);
    }

    /// Notes what members of a conversation have to hear.
    pub fn log_in_conversation(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        entry: impl FnOnce() -> Entry,
    ) -> Result<(), StoreError> {
        if !self.is_logged(app)? {
            return Ok(());
        }
        self.log(&NewEntry::in_conversation(conversation.key, &entry())?)
    }

    /// The same, at a moment that was taken before.
    pub fn log_in_conversation_at(
        &mut self,
        conversation: &ConversationRecord,
        moment: Moment,
        entry: impl FnOnce() -> Entry,
    ) -> Result<(), StoreError> {
        let Some(place) = moment.place else { return Ok(()) };
        let NewEntry { scope, kind, value, data } = NewEntry::in_conversation(conversation.key, &entry())?;
        self.sql.prepare("INSERT INTO log (place, scope, kind, value, data) VALUES ($1, $2, $3, $4, $5)").run((
            place.number(),
            scope,
            kind,
            value,
            data,
        ))?;
        self.tell_log();
        Ok(())
    }

    /// Notes what a user alone has to hear.
    pub fn log_for_user(
        &mut self,
        app: AppKey,
        user: UserKey,
        entry: impl FnOnce() -> Entry,
    ) -> Result<(), StoreError> {
        if !self.is_logged(app)? {
            return Ok(());
        }
        let until = self.log_until("users", user.0)?;
        if !self.is_in_future(until) {
            return Ok(());
        }
        self.log(&NewEntry::new(user.0 << 2 | OF_USER, &entry())?)
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
        self.log(&NewEntry::new(user.0 << 2 | OF_IDENTITY, &entry())?)
    }
}

impl LogReads for Session<'_> {
    fn log_end(&self) -> Result<Place, StoreError> {
        let end = self.sql.prepare("SELECT max(place) FROM log").one((), |row| row.get::<Option<i64>>(0))?;
        Ok(end.map_or(Place::START, Place::from_number))
    }

    fn log_after(&self, after: Place, limit: usize) -> Result<LogPage, StoreError> {
        let found = self
            .sql
            .prepare(format!("SELECT {COLUMNS} FROM log WHERE place > $1 ORDER BY place LIMIT $2"))
            .page((after.number(), sql::limit(limit)), read)?;
        LogPage::resolved(after, found, limit, |row| self.resolve(row))
    }

    fn log_readers(&self, record: &LogRecord) -> Result<Vec<UserId>, StoreError> {
        match &record.scope {
            Scope::Conversation(id) => self
                .sql
                .prepare(
                    "SELECT users.id FROM conversations
                     JOIN memberships ON memberships.conversation = conversations.key
                     JOIN users ON users.key = memberships.user_key
                     WHERE conversations.app = $1 AND conversations.uuid = $2 AND memberships.log_from <= $3
                     AND (memberships.log_to IS NULL OR memberships.log_to >= $3)",
                )
                .all((record.app.number(), id.uuid(), record.place.number()), |row| row.get(0).map(UserId::trusted)),
            Scope::User(user) => Ok(vec![user.clone()]),
            Scope::Identity(user) => {
                let mut readers = self.followers(record.app, user)?;
                readers.push(user.clone());
                Ok(readers)
            }
        }
    }

    fn log_of(&self, app: AppKey, user: &UserId, after: Place, limit: usize) -> Result<LogPage, StoreError> {
        let Some(user) = user::find(self.sql, app, user)? else {
            return Ok(LogPage { records: vec![], up_to: after, is_all: true });
        };
        let found = self
            .sql
            .prepare(format!(
                "SELECT {COLUMNS} FROM memberships JOIN log
                 ON log.scope = memberships.conversation * 4 + {OF_CONVERSATION} AND log.place > $2
                 AND log.place >= memberships.log_from
                 AND (memberships.log_to IS NULL OR log.place <= memberships.log_to)
                 WHERE memberships.user_key = $1
                 UNION ALL
                 SELECT {COLUMNS} FROM log WHERE log.scope = $1::bigint * 4 + {OF_USER} AND log.place > $2
                 UNION ALL
                 SELECT {COLUMNS} FROM ({FOLLOWED} UNION SELECT $1::bigint) AS followed JOIN log
                 ON log.scope = followed.followed * 4 + {OF_IDENTITY} AND log.place > $2
                 ORDER BY 1 LIMIT $3"
            ))
            .page((user.0, after.number(), sql::limit(limit)), read)?;
        LogPage::resolved(after, found, limit, |row| self.resolve(row))
    }
}

impl LogWrites for Session<'_> {
    fn keep_log(&mut self, app: AppKey, user: &UserId, until: Timestamp) -> Result<Place, StoreError> {
        let key = user::find_or_insert(self.sql, app, user)?;
        let is_kept = self.is_in_future(self.log_until("apps", app.number())?.min(self.log_until("users", key.0)?));
        if !is_kept {
            // Writes that did not log because nobody listened end first, so that none is missing behind the place.
            self.sql
                .prepare("SELECT pg_advisory_xact_lock($1::integer, $2::bigint::integer)")
                .first((claim::LOG, app.number()), |_| Ok(()))?;
        }
        self.logged.clear();
        for (table, key) in [("apps", app.number()), ("users", key.0)] {
            self.sql
                .prepare(format!(
                    "UPDATE {table} SET log_until = $2 WHERE key = $1 AND (log_until IS NULL OR log_until < $2)"
                ))
                .run((key, until.as_ms()))?;
        }
        self.take_place()
    }

    fn forget_log(&mut self, before: Timestamp, limit: usize) -> Result<bool, StoreError> {
        let deleted = self
            .sql
            .prepare("DELETE FROM log WHERE place IN (SELECT place FROM log WHERE place <= $1 ORDER BY place LIMIT $2)")
            .run((Place::before(before).number(), sql::limit(limit)))?;
        Ok(deleted < limit)
    }
}
