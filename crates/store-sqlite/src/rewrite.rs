//! What a step of the schema does to documents: SQLite is built without its functions for JSON, which nothing else
//! needs.

use std::collections::BTreeSet;

use layer_wire::signed;
use rusqlite::{Connection, params};
use serde_json::Value;

/// Gives each recipient of the announcements that are there a copy, with schema 6.
pub fn copy_announcements(connection: &Connection) -> rusqlite::Result<()> {
    let mut announcements = connection.prepare("SELECT key, app, recipients FROM announcements")?;
    let mut user = connection.prepare("INSERT INTO users (app, id) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    let mut copy = connection.prepare(
        "INSERT INTO announcement_copies (user, announcement)
         SELECT key, ?3 FROM users WHERE app = ?1 AND id = ?2 ON CONFLICT DO NOTHING",
    )?;
    let mut rows = announcements.query([])?;
    while let Some(row) = rows.next()? {
        let (key, app): (i64, i64) = (row.get(0)?, row.get(1)?);
        let recipients: Vec<String> =
            serde_json::from_str(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?).map_err(unreadable)?;
        for recipient in recipients {
            user.execute(params![app, recipient])?;
            copy.execute(params![app, recipient, key])?;
        }
    }
    Ok(())
}

/// Registers webhooks from 2.0 on under the names of the corrected contract (6.5), in place of names that nobody sends
/// any more, and writes every payload that waits as JavaScript would write it (6.3), with schema 10. Ids, names and
/// what is told stay as they are.
pub fn correct_webhooks(connection: &Connection) -> rusqlite::Result<()> {
    rename_events(connection)?;
    let mut next =
        connection.prepare("SELECT key, body FROM webhook_deliveries WHERE key > ?1 ORDER BY key LIMIT 1")?;
    let mut update = connection.prepare("UPDATE webhook_deliveries SET body = ?2 WHERE key = ?1")?;
    let mut last = 0_i64;
    loop {
        // One at a time: outboxes can be long.
        let mut rows = next.query([last])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        last = row.get(0)?;
        let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        // What is no JSON was not written by us: its receiver may still make sense of it.
        let Ok(payload) = serde_json::from_slice::<Value>(body) else { continue };
        let rewritten = signed::to_vec(&payload).map_err(unreadable)?;
        drop(rows);
        update.execute(params![last, rewritten])?;
    }
}

fn rename_events(connection: &Connection) -> rusqlite::Result<()> {
    let webhooks: Vec<(i64, String)> = connection
        .prepare("SELECT key, events FROM webhooks WHERE version IN ('2.0', '3.0')")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (key, text) in webhooks {
        let old: Vec<String> = serde_json::from_str(&text).map_err(unreadable)?;
        let mut new: Vec<&str> = vec![];
        for name in &old {
            new.push(match name.as_str() {
                "Conversation.updated.metadata" => "Conversation.updated",
                "Conversation.updated.participants" => "Participation.created",
                name => name,
            });
        }
        if old.iter().any(|name| name == "Conversation.updated.participants") {
            new.push("Participation.deleted");
        }
        let mut seen = BTreeSet::new();
        new.retain(|name| seen.insert(*name));
        if old != new {
            let events = serde_json::to_string(&new).map_err(unreadable)?;
            connection.execute("UPDATE webhooks SET events = ?2 WHERE key = ?1", params![key, events])?;
        }
    }
    Ok(())
}

fn unreadable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}
