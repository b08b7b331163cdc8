//! Payloads of earlier releases, brought into the form that receivers can check.

use layer_wire::signed;
use rusqlite::{Connection, params};
use serde_json::Value;

/// Writes every payload that waits as JavaScript would write it (contract 6.3), which releases before schema 10 did
/// not. Ids, names and what is told stay as they are.
pub fn rewrite(connection: &Connection) -> rusqlite::Result<()> {
    let failed = |error: serde_json::Error| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
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
        let rewritten = signed::to_vec(&payload).map_err(failed)?;
        drop(rows);
        update.execute(params![last, rewritten])?;
    }
}
