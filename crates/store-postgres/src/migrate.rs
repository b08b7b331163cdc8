//! The schema: it lives in a schema of the database with the name `layer`, and is brought up to date step by step.

use layer_store::OpenError;
use tokio_postgres::Client;

use super::claim;
use super::connect::{Server, Unreachable};

/// The schema, step by step. A step that was ever released is never changed again. Steps only add: the platforms of the
/// release before go on while a new one starts.
const STEPS: &[&str] =
    &[include_str!("../migrations/001_initial.sql"), include_str!("../migrations/002_unfinished_app.sql")];

/// The oldest server that knows what is asked of it.
const OLDEST_SERVER: i32 = 13;

const SCHEMA: &str = "CREATE SCHEMA IF NOT EXISTS layer; \
     CREATE TABLE IF NOT EXISTS layer.schema_version (key integer PRIMARY KEY CHECK (key = 0), version bigint NOT NULL); \
     INSERT INTO layer.schema_version (key, version) VALUES (0, 0) ON CONFLICT DO NOTHING";

/// Brings the schema up to date, one transaction for a step. Processes that start together wait for each other.
///
/// Error: `Database` when the schema is somebody else's, or of a later version, or the server refuses.
pub async fn run(server: &Server, client: &Client) -> Result<(), OpenError> {
    let failed = |reason: String| OpenError::Database { database: server.name().to_owned(), reason };
    let refused = |error: tokio_postgres::Error| {
        failed(format!("{}; check the server, and what the user may do in the database", Unreachable::from(error)))
    };
    let number = |sql: &'static str| async move {
        let row = client.query_one(sql, &[]).await.map_err(refused)?;
        row.try_get::<_, i64>(0).map_err(refused)
    };
    let version = number("SELECT current_setting('server_version_num')::bigint").await?;
    if version < i64::from(OLDEST_SERVER) * 10_000 {
        return Err(failed(format!("the server is older than PostgreSQL {OLDEST_SERVER}; upgrade it first")));
    }
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    // Where nothing is to be done, nothing is written: so a user without rights to change the schema can start too.
    let is_ours = number("SELECT count(*) FROM pg_tables WHERE schemaname = 'layer' AND tablename = 'schema_version'");
    let is_there = number("SELECT count(*) FROM pg_namespace WHERE nspname = 'layer'");
    if is_ours.await? == 0 {
        if is_there.await? > 0 && number("SELECT count(*) FROM pg_tables WHERE schemaname = 'layer'").await? > 0 {
            let reason = "its schema 'layer' is not that of a Layer platform; choose another database";
            return Err(failed(reason.into()));
        }
    } else {
        let found = number("SELECT version FROM layer.schema_version").await?;
        if found == known {
            return Ok(());
        }
    }
    for (version, step) in (0_i64..).zip(STEPS) {
        let lock = format!(
            "BEGIN; SELECT pg_advisory_xact_lock({}, {}); {SCHEMA}; SET LOCAL search_path = layer",
            claim::WHOLE,
            claim::SCHEMA
        );
        client.batch_execute(&lock).await.map_err(refused)?;
        let found = number("SELECT version FROM layer.schema_version").await?;
        if found == version {
            client.batch_execute(step).await.map_err(refused)?;
            let next = format!("UPDATE layer.schema_version SET version = {}", version + 1);
            client.batch_execute(&next).await.map_err(refused)?;
        }
        client.batch_execute("COMMIT").await.map_err(refused)?;
    }
    let found = number("SELECT version FROM layer.schema_version").await?;
    if found > known {
        let reason = format!("it has schema {found}, but this version knows up to {known} only; use a newer version");
        return Err(failed(reason));
    }
    Ok(())
}
