//! A database seen from outside: whether its file is whole, and whether its counters equal the rows that they count.
//! Written against the schema and not with the code of the engine, so that the two can differ.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use layer_store::codec;
use layer_wire::message::RecipientStatus;
use layer_wire::part::PartBody;
use rusqlite::{Connection, Params, Row};
use uuid::Uuid;

/// What is wrong with a database; nothing, if all is well.
pub fn differences(database: &Connection) -> rusqlite::Result<Vec<String>> {
    // One state of it, while others write.
    database.execute_batch("BEGIN")?;
    let mut found = whole(database)?;
    let messages = messages(database)?;
    found.extend(conversations(database, &messages)?);
    found.extend(memberships(database, &messages)?);
    found.extend(references(database, &messages)?);
    found.extend(unlike(
        database,
        "users.conversation_count",
        "SELECT id, conversation_count, (SELECT count(*) FROM memberships WHERE user = users.key AND is_deleted = 0)
         FROM users",
    )?);
    found.extend(loose(database)?);
    database.execute_batch("COMMIT")?;
    Ok(found)
}

fn rows<T>(
    database: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    database.prepare_cached(sql)?.query_map(parameters, read)?.collect()
}

/// A number that is never negative; `None` where there is none, or it is negative.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<usize>> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(|number| usize::try_from(number).ok()))
}

/// Whether pages, indexes and foreign keys are in order.
fn whole(database: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found = rows(database, "PRAGMA integrity_check", [], |row| row.get::<_, String>(0))?;
    found.retain(|line| line != "ok");
    let foreign = rows(database, "PRAGMA foreign_key_check", [], |row| {
        Ok(format!("a row of {} refers to no row of {}", row.get::<_, String>(0)?, row.get::<_, String>(2)?))
    })?;
    found.extend(foreign);
    Ok(found)
}

/// A message.
struct Message {
    position: u32,
    sent_at: i64,
    recipients: RecipientStatus,
    /// The rich content that its parts refer to, with the key of the app.
    contents: BTreeSet<(i64, Uuid)>,
}

/// The messages of each conversation, by its key, in order.
fn messages(database: &Connection) -> rusqlite::Result<BTreeMap<i64, Vec<Message>>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    let read = |row: &Row<'_>| {
        let (key, uuid, app): (i64, [u8; 16], i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (recipients, parts): (Vec<u8>, Vec<u8>) = (row.get(4)?, row.get(5)?);
        let failed = |error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
        let message = Message {
            position: u32::try_from(key & 0xFFFF_FFFF).unwrap(),
            sent_at: row.get(3)?,
            recipients: codec::decode_recipients(&recipients).map_err(failed)?,
            contents: contents(app, Uuid::from_bytes(uuid), &parts).map_err(failed)?,
        };
        Ok((key >> 32, message))
    };
    let sql = "SELECT key, uuid, app, sent_at, recipients, parts FROM messages ORDER BY key";
    for (conversation, message) in rows(database, sql, [], read)? {
        found.entry(conversation).or_default().push(message);
    }
    Ok(found)
}

fn contents(app: i64, owner: Uuid, parts: &[u8]) -> Result<BTreeSet<(i64, Uuid)>, layer_store::StoreError> {
    let content = |part: layer_wire::part::Part| match part.body {
        PartBody::Content { id, .. } => Some((app, id.uuid())),
        PartBody::Bytes(_) => None,
    };
    Ok(codec::decode_parts(owner, parts)?.into_iter().filter_map(content).collect())
}

fn conversations(database: &Connection, messages: &BTreeMap<i64, Vec<Message>>) -> rusqlite::Result<Vec<String>> {
    let mut found = vec![];
    let sql = "SELECT key, is_deleted, message_count, last_position, created_at, active_at, participants,
               (SELECT json_group_array(id) FROM (
                   SELECT users.id FROM memberships JOIN users ON users.key = memberships.user
                   WHERE conversation = conversations.key AND left_position IS NULL)) FROM conversations";
    let users = |row: &Row<'_>, column| -> rusqlite::Result<BTreeSet<String>> {
        Ok(serde_json::from_str(&row.get::<_, String>(column)?).unwrap())
    };
    let read = |row: &Row<'_>| {
        let key: i64 = row.get(0)?;
        let own = messages.get(&key).map_or(&[] as &[_], Vec::as_slice);
        let newest = own.last();
        let mut differ = |what: &str, is_wrong: bool| {
            if is_wrong {
                found.push(format!("conversation {key}: {what}"));
            }
        };
        let is_deleted: bool = row.get(1)?;
        differ("message_count", count(row, 2)? != Some(own.len()));
        let last_position: u32 = row.get(3)?;
        differ("last_position", newest.is_some_and(|message| last_position < message.position));
        let active_at = newest.map_or(row.get(4)?, |message| message.sent_at);
        differ("active_at", !is_deleted && row.get::<_, i64>(5)? != active_at);
        differ("participants", users(row, 6)? != users(row, 7)?);
        differ("has a message at position 0", own.first().is_some_and(|message| message.position == 0));
        differ("is deleted and has messages", is_deleted && !own.is_empty());
        Ok(key)
    };
    let keys: BTreeSet<i64> = rows(database, sql, [], read)?.into_iter().collect();
    found.extend(messages.keys().filter(|key| !keys.contains(key)).map(|key| format!("messages of no {key}")));
    Ok(found)
}

fn memberships(database: &Connection, messages: &BTreeMap<i64, Vec<Message>>) -> rusqlite::Result<Vec<String>> {
    let mut deleted = HashMap::<i64, BTreeSet<(i64, u32)>>::new();
    for (user, message) in rows(database, "SELECT user, message FROM message_deletions", [], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?))
    })? {
        let of_user = deleted.entry(user).or_default();
        of_user.insert((message >> 32, u32::try_from(message & 0xFFFF_FFFF).unwrap()));
    }
    let mut found = vec![];
    let sql = "SELECT user, users.id, conversation, left_position, visible_count, settled_count, deleted_position,
               deleted_count FROM memberships JOIN users ON users.key = memberships.user";
    let none = BTreeSet::new();
    rows(database, sql, [], |row| {
        let (user, id, conversation): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (left_position, deleted_position): (Option<u32>, u32) = (row.get(3)?, row.get(6)?);
        let (visible_count, settled_count, deleted_count) = (count(row, 4)?, count(row, 5)?, count(row, 7)?);
        let name = layer_wire::UserId::parse(&id).unwrap();
        let deleted = deleted.get(&user).unwrap_or(&none);
        let there: Vec<&Message> = messages
            .get(&conversation)
            .into_iter()
            .flatten()
            .filter(|message| left_position.is_none_or(|left| message.position <= left))
            .collect();
        let is_deleted = |message: &&&Message| {
            message.position <= deleted_position || deleted.contains(&(conversation, message.position))
        };
        let unread =
            there.iter().filter(|message| !is_deleted(message) && message.recipients.is_unread_for(&name)).count();
        let mut differ = |what: &str, counted: Option<usize>, is: usize| {
            if counted != Some(is) {
                found.push(format!("membership of {id} in {conversation}: {what} is {counted:?}, rows say {is}"));
            }
        };
        differ("settled_count", settled_count, there.len() - unread);
        differ("deleted_count", deleted_count, there.iter().filter(is_deleted).count());
        if left_position.is_some() {
            differ("visible_count", visible_count, there.len());
        }
        Ok(())
    })?;
    Ok(found)
}

/// Counts of references to rich content.
fn references(database: &Connection, messages: &BTreeMap<i64, Vec<Message>>) -> rusqlite::Result<Vec<String>> {
    let mut counted = HashMap::<(i64, Uuid), usize>::new();
    let scheduled = rows(database, "SELECT app, uuid, parts FROM scheduled_messages", [], |row| {
        let (app, uuid, parts): (i64, [u8; 16], Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(contents(app, Uuid::from_bytes(uuid), &parts).unwrap())
    })?;
    for content in messages.values().flatten().flat_map(|message| &message.contents).chain(scheduled.iter().flatten()) {
        *counted.entry(*content).or_default() += 1;
    }
    let found = rows(database, "SELECT app, uuid, reference_count FROM contents", [], |row| {
        let content = (row.get(0)?, Uuid::from_bytes(row.get(1)?));
        Ok((content, count(row, 2)?))
    })?;
    let differ = |(content, count): ((i64, Uuid), Option<usize>)| {
        let is = counted.get(&content).copied().unwrap_or_default();
        (count != Some(is)).then(|| format!("contents.reference_count of {}: {count:?}, rows say {is}", content.1))
    };
    Ok(found.into_iter().filter_map(differ).collect())
}

/// Rows of which two numbers are not the same: their name, what is counted, what the rows say.
fn unlike(database: &Connection, what: &str, sql: &str) -> rusqlite::Result<Vec<String>> {
    let found = rows(database, sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get(2)?)))?;
    let differ = |(name, counted, is): (String, i64, i64)| {
        (counted != is).then(|| format!("{what} of {name}: {counted}, rows say {is}"))
    };
    Ok(found.into_iter().filter_map(differ).collect())
}

/// Rows that belong to nothing, and ids that two things have.
fn loose(database: &Connection) -> rusqlite::Result<Vec<String>> {
    let checks = [
        (
            "ids in use twice",
            "SELECT count(*) FROM (SELECT 1 FROM (SELECT app, uuid FROM conversations
             UNION ALL SELECT app, uuid FROM messages UNION ALL SELECT app, uuid FROM deleted_messages
             UNION ALL SELECT app, uuid FROM announcements UNION ALL SELECT app, uuid FROM scheduled_messages)
             GROUP BY app, uuid HAVING count(*) > 1)",
        ),
        (
            "deletions of messages that are not there",
            "SELECT count(*) FROM message_deletions WHERE message NOT IN (SELECT key FROM messages)",
        ),
        (
            "deliveries to webhooks that are not active",
            "SELECT count(*) FROM webhook_deliveries
             WHERE webhook NOT IN (SELECT key FROM webhooks WHERE status = 'active')",
        ),
    ];
    let mut found = vec![];
    for (what, sql) in checks {
        let count: i64 = database.query_row(sql, [], |row| row.get(0))?;
        if count > 0 {
            found.push(format!("{count} {what}"));
        }
    }
    Ok(found)
}
