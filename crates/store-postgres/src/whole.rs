//! The database as a whole: emptied, copied, replaced. For tests, so only while one process has it open.

use std::collections::HashMap;

use futures_util::{SinkExt as _, TryStreamExt as _};
use layer_store::{Beside, StoreError};

use super::claim;
use super::sql::{Connection, Sql, Trouble};

/// The tables, each behind those that it refers to.
const TABLES: [&str; 31] = [
    "apps",
    "app_tokens",
    "secrets",
    "identity_providers",
    "identity_keys",
    "ids",
    "users",
    "identities",
    "blocks",
    "conversations",
    "memberships",
    "messages",
    "message_deletions",
    "announcements",
    "announcement_copies",
    "webhooks",
    "webhook_deliveries",
    "scheduled_messages",
    "follows",
    "contents",
    "unused_files",
    "export_settings",
    "exports",
    "export_events",
    "log",
    "log_head",
    "sessions",
    "used_nonces",
    "nonce_key",
    "push_tokens",
    "schema_version",
];

/// How many of them a reset leaves alone: clients go on with their app and token, links and identity tokens are signed
/// as before.
const KEPT: usize = 5;

/// Tables that a reset leaves alone as well: places in the log never come again.
const NEVER_EMPTIED: [&str; 2] = ["log_head", "schema_version"];

/// Tables with claims, which do not hold in what a copy brings back.
const CLAIMED: [&str; 3] = ["exports", "webhook_deliveries", "webhooks"];

/// What a copy begins with. Behind it comes, for each table, a line with its name and its length, and its rows.
const FORMAT: &str = "layer postgres 1\n";

fn failed(trouble: Trouble) -> StoreError {
    trouble.into_error()
}

/// Runs work in a transaction of its own, which it keeps unless it fails.
fn transaction<T>(
    connection: &Connection,
    how: &'static str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.begin(how);
    match work() {
        Ok(done) => connection.commit().map(|()| done).map_err(failed),
        Err(error) => {
            connection.roll_back();
            Err(error)
        }
    }
}

/// Refuses what other processes would be surprised by.
pub fn check_alone(connection: &Connection) -> Result<(), StoreError> {
    let processes = Sql(connection).prepare(claim::PROCESSES).all((claim::WHOLE, claim::PRESENCE), |_| Ok(()))?;
    if processes.len() > 1 {
        return Err(StoreError::Shared);
    }
    Ok(())
}

/// Deletes every row of every table but those that are kept.
pub fn reset(connection: &Connection) -> Result<(), StoreError> {
    transaction(connection, "BEGIN", || {
        check_alone(connection)?;
        let emptied: Vec<&str> =
            TABLES[KEPT..].iter().copied().filter(|table| !NEVER_EMPTIED.contains(table)).collect();
        connection.run_all(&format!("TRUNCATE {} RESTART IDENTITY", emptied.join(", "))).map_err(failed)
    })
}

/// The rows of all tables.
pub fn take(connection: &Connection) -> Result<Vec<u8>, StoreError> {
    transaction(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", || {
        check_alone(connection)?;
        let mut bytes = FORMAT.as_bytes().to_vec();
        for table in TABLES {
            let rows = connection.wait(async {
                let rows = connection.client().copy_out(&format!("COPY {table} TO STDOUT")).await?;
                rows.try_fold(vec![], |mut bytes, chunk| async move {
                    bytes.extend_from_slice(&chunk);
                    Ok(bytes)
                })
                .await
            });
            let rows = rows.map_err(|error| failed(Trouble::of(&error)))?;
            bytes.extend_from_slice(format!("{table} {}\n", rows.len()).as_bytes());
            bytes.extend_from_slice(&rows);
        }
        Ok(bytes)
    })
}

/// Replaces the rows of all tables, and then has `beside` put in place what goes with them.
pub fn restore(connection: &Connection, bytes: &[u8], beside: Beside) -> Result<(), StoreError> {
    let tables =
        parse(bytes).ok_or_else(|| StoreError::BadSnapshot("it was not made by a platform on PostgreSQL".into()))?;
    transaction(connection, "BEGIN", || {
        check_alone(connection)?;
        let version: i64 = Sql(connection).prepare("SELECT version FROM schema_version").one((), |row| row.get(0))?;
        if tables.get("schema_version").is_none_or(|rows| *rows != format!("0\t{version}\n").as_bytes()) {
            return Err(StoreError::BadSnapshot("it is of another version of the schema".into()));
        }
        let place: i64 = Sql(connection).prepare("SELECT place FROM log_head").one((), |row| row.get(0))?;
        connection.run_all(&format!("TRUNCATE {}", TABLES.join(", "))).map_err(failed)?;
        for table in TABLES {
            let rows = tables.get(table).copied().unwrap_or_default().to_vec();
            let copied = connection.wait(async {
                let sink = connection.client().copy_in(&format!("COPY {table} FROM STDIN")).await?;
                let mut sink = std::pin::pin!(sink);
                sink.send(std::io::Cursor::new(rows)).await?;
                sink.finish().await
            });
            copied.map_err(|error| StoreError::BadSnapshot(format!("{table}: {error}")))?;
        }
        // A restored log may be behind, and places never come again.
        Sql(connection).prepare("UPDATE log_head SET place = GREATEST(place, $1)").run([place])?;
        for table in CLAIMED {
            Sql(connection)
                .prepare(format!("UPDATE {table} SET claim = NULL, claimed_until = NULL WHERE claim IS NOT NULL"))
                .run(())?;
        }
        for table in [
            "apps",
            "app_tokens",
            "users",
            "conversations",
            "announcements",
            "webhooks",
            "webhook_deliveries",
            "scheduled_messages",
            "exports",
            "export_events",
            "identity_providers",
        ] {
            Sql(connection)
                .prepare(format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', 'key'), COALESCE(max(key), 0) + 1, false) FROM {table}"
                ))
                .exists(())?;
        }
        beside()
    })
}

/// The rows by table.
fn parse(bytes: &[u8]) -> Option<HashMap<&str, &[u8]>> {
    let mut rest = bytes.strip_prefix(FORMAT.as_bytes())?;
    let mut tables = HashMap::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (name, length) = std::str::from_utf8(&rest[..end]).ok()?.split_once(' ')?;
        let (rows, after) = rest[end + 1..].split_at_checked(length.parse().ok()?)?;
        tables.insert(name, rows);
        rest = after;
    }
    TABLES.iter().all(|table| tables.contains_key(table)).then_some(tables)
}
