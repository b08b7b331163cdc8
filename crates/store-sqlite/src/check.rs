//! Whether a database is whole: the file, what rows refer to, and that counters equal the rows that they count.

use std::collections::HashMap;

use layer_store::content::referenced;
use layer_store::upkeep::{FindingKind, Findings, Step, Told};
use layer_store::{StoreError, codec};
use layer_wire::message::Status;
use layer_wire::{AppId, ConversationId};
use rusqlite::{Connection, Params, params};
use uuid::Uuid;

use super::sql::{Row, Sql, failed};

/// After how many rows progress is told.
const TOLD_EVERY: u64 = 256;

/// The keys of apps whose counters count: rows of one that is being removed, or is not yet imported, come and go.
const APPS: &str = "(SELECT key FROM apps WHERE is_deleted = 0)";

/// Looks at everything, inside a transaction of the caller.
pub fn check(connection: &Connection, mend: bool, told: Told<'_>) -> Result<Findings, StoreError> {
    let mut check = Check { sql: Sql(connection), mend, told, findings: Findings::default() };
    check.integrity();
    if check.findings.count > 0 {
        // What else would be found follows from that.
        return Ok(check.findings);
    }
    check.relations()?;
    let references = References::new()?;
    check.conversations(&references)?;
    check.orphans()?;
    check.users()?;
    check.contents(&references)?;
    check.positions()?;
    Ok(check.findings)
}

/// Looks at the file, and at what the schema itself says of rows.
pub fn check_file(connection: &Connection, told: Told<'_>) -> Result<Findings, StoreError> {
    let mut check = Check { sql: Sql(connection), mend: false, told, findings: Findings::default() };
    check.integrity();
    if check.findings.count == 0 {
        check.relations()?;
    }
    Ok(check.findings)
}

struct Check<'c, 't> {
    sql: Sql<'c>,
    mend: bool,
    told: Told<'t>,
    findings: Findings,
}

/// What a conversation says of itself.
struct Counted {
    key: i64,
    app: i64,
    id: ConversationId,
    created_at: i64,
    active_at: i64,
    participants: Vec<String>,
    is_deleted: bool,
    message_count: i64,
    last_position: i64,
}

/// A membership with what its counters should be, which begins at 0.
struct Member {
    key: i64,
    id: String,
    left_position: Option<i64>,
    visible_count: Option<i64>,
    settled_count: i64,
    deleted_position: i64,
    deleted_count: i64,
    there: i64,
    deleted: i64,
    unread: i64,
}

/// How many messages refer to a content, counted beside the database because there may be very many.
struct References(Connection);

impl References {
    fn new() -> Result<Self, StoreError> {
        // Without a name it is a file that SQLite deletes by itself.
        let connection = Connection::open("").map_err(failed)?;
        connection
            .execute_batch(
                "CREATE TABLE counted (app INTEGER, uuid BLOB, count INTEGER NOT NULL, PRIMARY KEY (app, uuid))
                 WITHOUT ROWID; BEGIN",
            )
            .map_err(failed)?;
        Ok(Self(connection))
    }

    /// Counts what the parts of a message refer to, each content once.
    fn add(&self, app: i64, message: Uuid, parts: &[u8]) -> Result<(), StoreError> {
        for id in referenced(&codec::decode_parts(message, parts)?) {
            Sql(&self.0)
                .prepare(
                    "INSERT INTO counted (app, uuid, count) VALUES (?1, ?2, 1)
                     ON CONFLICT DO UPDATE SET count = count + 1",
                )?
                .run((app, id.uuid().as_bytes()))?;
        }
        Ok(())
    }

    fn of(&self, app: i64, id: Uuid) -> Result<i64, StoreError> {
        let count = Sql(&self.0)
            .prepare("SELECT count FROM counted WHERE app = ?1 AND uuid = ?2")?
            .first((app, id.as_bytes()), |row| row.get(0))?;
        Ok(count.unwrap_or_default())
    }
}

impl Check<'_, '_> {
    fn tell(&mut self, name: &'static str, done: u64, total: u64) {
        (self.told)(Step { name, done, total });
    }

    fn damage(&mut self, what: String) {
        self.findings.add(FindingKind::Damage, what);
    }

    fn count(&self, sql: &str, parameters: impl Params) -> Result<u64, StoreError> {
        self.sql.prepare(sql)?.one(parameters, |row| row.count(0))
    }

    /// A counter that says `says` where it should say `is`, with the statement that puts it right.
    fn compare(
        &mut self,
        (says, is): (i64, i64),
        what: impl FnOnce() -> String,
        mend: &str,
        parameters: impl Params,
    ) -> Result<(), StoreError> {
        if says == is {
            return Ok(());
        }
        self.findings.add(FindingKind::Counter, format!("{} is {says} in place of {is}", what()));
        if self.mend {
            self.sql.prepare(mend)?.run(parameters)?;
            self.findings.mended += 1;
        }
        Ok(())
    }

    fn integrity(&mut self) {
        self.tell("the file", 0, 0);
        // A file whose schema cannot be read at all is found by an error.
        let verdicts = self.sql.prepare("PRAGMA integrity_check(100)").and_then(|mut found| {
            let mut verdicts: Vec<String> = vec![];
            let read = found.each([], |row| {
                verdicts.push(row.get(0)?);
                Ok(())
            });
            match read {
                Err(error) if verdicts.is_empty() => Err(error),
                _ => Ok(verdicts),
            }
        });
        match verdicts {
            Ok(verdicts) => {
                for verdict in verdicts.into_iter().filter(|verdict| verdict != "ok") {
                    self.damage(format!("the file is damaged: {}", verdict.replace('\n', " ")));
                }
            }
            Err(error) => self.damage(format!("the file is damaged: {error}")),
        }
    }

    fn relations(&mut self) -> Result<(), StoreError> {
        self.tell("relations", 0, 0);
        let mut counts: HashMap<(String, String), u64> = HashMap::new();
        self.sql.prepare("PRAGMA foreign_key_check")?.each([], |row| {
            *counts.entry((row.get(0)?, row.get(2)?)).or_default() += 1;
            Ok(())
        })?;
        for ((table, parent), count) in counts {
            self.damage(format!("{count} rows of {table} refer to rows of {parent} that are not there"));
        }
        Ok(())
    }

    /// Walks along all conversations with their messages and members.
    fn conversations(&mut self, references: &References) -> Result<(), StoreError> {
        let total = self.count(&format!("SELECT count(*) FROM conversations WHERE app IN {APPS}"), [])?;
        let (sql, mut done) = (self.sql, 0);
        sql.prepare(&format!(
            "SELECT key, app, uuid, created_at, active_at, participants, is_deleted, message_count, last_position
             FROM conversations WHERE app IN {APPS} ORDER BY key"
        ))?
        .each([], |row| {
            let conversation = Counted {
                key: row.get(0)?,
                app: row.get(1)?,
                id: ConversationId::new(row.uuid(2)?),
                created_at: row.get(3)?,
                active_at: row.get(4)?,
                participants: row.json(5)?,
                is_deleted: row.get(6)?,
                message_count: row.get(7)?,
                last_position: row.get(8)?,
            };
            if done % TOLD_EVERY == 0 {
                self.tell("conversations", done, total);
            }
            done += 1;
            self.conversation(&conversation, references)
        })?;
        self.tell("conversations", total, total);
        // A message that waits holds its content, too.
        sql.prepare(&format!("SELECT app, uuid, parts FROM scheduled_messages WHERE app IN {APPS}"))?
            .each([], |row| references.add(row.get(0)?, row.uuid(1)?, row.blob(2)?))
    }

    fn conversation(&mut self, conversation: &Counted, references: &References) -> Result<(), StoreError> {
        let Counted { key, app, id, .. } = *conversation;
        let range = (key << 32, (key + 1) << 32);
        let mut members = self.members(key)?;
        let has_deletions = self
            .sql
            .prepare("SELECT 1 FROM message_deletions WHERE message >= ?1 AND message < ?2 LIMIT 1")?
            .exists(range)?;
        let (mut count, mut newest, mut problems) = (0, None, vec![]);
        let sql = self.sql;
        sql.prepare("SELECT key, app, uuid, sent_at, recipients, parts FROM messages WHERE key >= ?1 AND key < ?2")?
            .each(range, |row| {
                count += 1;
                let position = row.get::<i64>(0)? - range.0;
                let (uuid, sent_at): (_, i64) = (row.uuid(2)?, row.get(3)?);
                newest = Some((position, sent_at));
                if position == 0 {
                    problems.push(format!("message {uuid} has no position"));
                }
                if conversation.is_deleted {
                    problems.push(format!("message {uuid} is there, and its conversation {} is deleted", id.uuid()));
                }
                if row.get::<i64>(1)? != app {
                    problems.push(format!("message {uuid} is not of the app of its conversation {}", id.uuid()));
                }
                if let Err(error) = references.add(app, uuid, row.blob(5)?) {
                    problems.push(format!("the parts of message {uuid} cannot be read: {error}"));
                }
                let statuses = match codec::decode_recipients(row.blob(4)?) {
                    Ok(statuses) => statuses.0,
                    Err(error) => {
                        problems.push(format!("the recipients of message {uuid} cannot be read: {error}"));
                        vec![]
                    }
                };
                let mut deleted_by: Vec<i64> = vec![];
                if has_deletions {
                    let mut deletions = sql.prepare("SELECT user FROM message_deletions WHERE message = ?1")?;
                    deleted_by = deletions.all([range.0 + position], |row| row.get(0))?;
                }
                for member in &mut members {
                    if member.left_position.is_some_and(|left| position > left) {
                        continue;
                    }
                    member.there += 1;
                    let is_deleted = position <= member.deleted_position || deleted_by.contains(&member.key);
                    let status = statuses.iter().find(|(user, _)| user.as_str() == member.id);
                    if is_deleted {
                        member.deleted += 1;
                    } else if status.is_some_and(|(_, status)| *status < Status::Read) {
                        member.unread += 1;
                    }
                }
                Ok(())
            })?;
        for problem in problems {
            self.damage(problem);
        }
        self.compare(
            (conversation.message_count, count),
            || format!("the number of messages of conversation {}", id.uuid()),
            "UPDATE conversations SET message_count = ?2 WHERE key = ?1",
            (key, count),
        )?;
        if let Some((position, _)) = newest.filter(|(position, _)| *position > conversation.last_position) {
            self.compare(
                (conversation.last_position, position),
                || format!("the latest position of conversation {}", id.uuid()),
                "UPDATE conversations SET last_position = ?2 WHERE key = ?1",
                (key, position),
            )?;
        }
        if !conversation.is_deleted {
            let active_at = newest.map_or(conversation.created_at, |(_, sent_at)| sent_at);
            self.compare(
                (conversation.active_at, active_at),
                || format!("the time of the latest message of conversation {}", id.uuid()),
                "UPDATE conversations SET active_at = ?2 WHERE key = ?1",
                (key, active_at),
            )?;
        }
        let present = |user: &String| members.iter().any(|member| member.left_position.is_none() && member.id == *user);
        let are_the_same = conversation.participants.iter().all(present)
            && members.iter().filter(|member| member.left_position.is_none()).count()
                == conversation.participants.len();
        if !are_the_same {
            self.damage(format!("the participants of conversation {} are not its members", id.uuid()));
        }
        members.iter().try_for_each(|member| self.member(conversation, member))
    }

    fn members(&self, conversation: i64) -> Result<Vec<Member>, StoreError> {
        let read = |row: &Row<'_>| {
            Ok(Member {
                key: row.get(0)?,
                id: row.get(1)?,
                left_position: row.get(2)?,
                visible_count: row.get(3)?,
                settled_count: row.get(4)?,
                deleted_position: row.get(5)?,
                deleted_count: row.get(6)?,
                there: 0,
                deleted: 0,
                unread: 0,
            })
        };
        self.sql
            .prepare(
                "SELECT users.key, users.id, left_position, visible_count, settled_count, deleted_position,
                 deleted_count FROM memberships JOIN users ON users.key = memberships.user
                 WHERE memberships.conversation = ?1",
            )?
            .all([conversation], read)
    }

    fn member(&mut self, conversation: &Counted, member: &Member) -> Result<(), StoreError> {
        let of = || format!("of user {} in conversation {}", member.id, conversation.id.uuid());
        let keys = (member.key, conversation.key);
        if member.left_position.is_some() && member.visible_count.is_none() {
            self.damage(format!("the messages that were there are not counted {}", of()));
        }
        if let Some(visible) = member.visible_count {
            self.compare(
                (visible, member.there),
                || format!("the number of messages {}", of()),
                "UPDATE memberships SET visible_count = ?3 WHERE user = ?1 AND conversation = ?2",
                params![keys.0, keys.1, member.there],
            )?;
        }
        self.compare(
            (member.deleted_count, member.deleted),
            || format!("the number of deleted messages {}", of()),
            "UPDATE memberships SET deleted_count = ?3 WHERE user = ?1 AND conversation = ?2",
            params![keys.0, keys.1, member.deleted],
        )?;
        self.compare(
            (member.settled_count, member.there - member.unread),
            || format!("the number of messages that are not unread {}", of()),
            "UPDATE memberships SET settled_count = ?3 WHERE user = ?1 AND conversation = ?2",
            params![keys.0, keys.1, member.there - member.unread],
        )
    }

    /// What belongs to nothing, where no foreign key says so.
    fn orphans(&mut self) -> Result<(), StoreError> {
        let of_conversations = "NOT EXISTS (SELECT 1 FROM conversations WHERE conversations.key =";
        for (what, sql) in [
            (
                "messages are of a conversation that is not there",
                format!("SELECT count(*) FROM messages WHERE {of_conversations} messages.key >> 32)"),
            ),
            (
                "deletions are of a message that is not there",
                "SELECT count(*) FROM message_deletions
                 WHERE NOT EXISTS (SELECT 1 FROM messages WHERE messages.key = message_deletions.message)"
                    .to_owned(),
            ),
            (
                "ids are in use twice",
                "SELECT count(*) FROM (SELECT 1 FROM (SELECT app, uuid FROM conversations
                 UNION ALL SELECT app, uuid FROM messages UNION ALL SELECT app, uuid FROM deleted_messages
                 UNION ALL SELECT app, uuid FROM announcements UNION ALL SELECT app, uuid FROM scheduled_messages)
                 GROUP BY app, uuid HAVING count(*) > 1)"
                    .to_owned(),
            ),
        ] {
            self.tell("relations", 0, 0);
            let count = self.count(&sql, [])?;
            if count > 0 {
                self.damage(format!("{count} {what}"));
            }
        }
        Ok(())
    }

    fn users(&mut self) -> Result<(), StoreError> {
        self.tell("users", 0, 0);
        let sql = self.sql;
        sql.prepare(&format!(
            "SELECT key, id, conversation_count,
             (SELECT count(*) FROM memberships WHERE user = users.key AND is_deleted = 0) FROM users
             WHERE app IN {APPS}"
        ))?
        .each([], |row| {
            let (key, says, is): (i64, i64, i64) = (row.get(0)?, row.get(2)?, row.get(3)?);
            self.compare(
                (says, is),
                || format!("the number of conversations of user {}", row.text(1).unwrap_or_default()),
                "UPDATE users SET conversation_count = ?2 WHERE key = ?1",
                (key, is),
            )
        })
    }

    fn contents(&mut self, references: &References) -> Result<(), StoreError> {
        self.tell("contents", 0, 0);
        let sql = self.sql;
        let select = format!("SELECT key, app, uuid, reference_count FROM contents WHERE app IN {APPS}");
        sql.prepare(&select)?.each([], |row| {
            let (key, uuid, says): (i64, _, _) = (row.get(0)?, row.uuid(2)?, row.get(3)?);
            let is = references.of(row.get(1)?, uuid)?;
            self.compare(
                (says, is),
                || format!("the number of messages with content {uuid}"),
                "UPDATE contents SET reference_count = ?2 WHERE key = ?1",
                (key, is),
            )
        })?;
        Sql(&references.0).prepare("SELECT app, uuid FROM counted")?.each([], |row| {
            let (app, uuid): (i64, _) = (row.get(0)?, row.uuid(1)?);
            let is_there =
                sql.prepare("SELECT 1 FROM contents WHERE app = ?1 AND uuid = ?2")?.exists((app, uuid.as_bytes()))?;
            if !is_there {
                self.damage(format!("a message refers to content {uuid}, which is not there"));
            }
            Ok(())
        })
    }

    /// Positions have no holes but for messages that were deleted, whose ids stay in use: where there are more holes
    /// than ids, a message is gone.
    fn positions(&mut self) -> Result<(), StoreError> {
        self.tell("positions", 0, 0);
        let sql = self.sql;
        sql.prepare(
            "SELECT apps.uuid,
             (SELECT COALESCE(sum(last_position - message_count), 0) FROM conversations WHERE app = apps.key),
             (SELECT count(*) FROM deleted_messages WHERE app = apps.key) FROM apps WHERE is_deleted = 0",
        )?
        .each([], |row| {
            let (app, holes, deleted) = (AppId::new(row.uuid(0)?), row.get::<i64>(1)?, row.get::<i64>(2)?);
            if holes > deleted {
                let count = holes - deleted;
                self.damage(format!(
                    "{count} positions of conversations of app {app} are empty, and nothing was deleted there"
                ));
            }
            Ok(())
        })
    }
}
