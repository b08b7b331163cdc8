//! The removal of deleted apps, a bounded number of rows at a time.
//!
//! It keeps no account of how far it is: each time it looks what is there yet, so that it may end anywhere, and several
//! processes may be at it. Children go before their parents, and each statement walks along an index. What another
//! process still wrote meanwhile is in the way of its parent: then the job runs again.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::file::FileName;
use layer_wire::{AppId, ContentId, ExportId};

use super::sql::Sql;
use super::{Session, content, sql};

/// Removes up to about `limit` rows of deleted apps. Answers with whether nothing is left.
pub fn deleted_apps(session: &mut Session<'_>, limit: usize) -> Result<bool, StoreError> {
    let deleted = session
        .sql
        .prepare("SELECT key, uuid FROM apps WHERE is_deleted AND NOT is_unfinished ORDER BY key")
        .all((), |row| Ok((row.get::<i64>(0)?, AppId::new(row.uuid(1)?))))?;
    for (key, id) in deleted {
        let mut purge = Purge { sql: session.sql, app: key, id, left: limit };
        purge.run()?;
        let left = purge.left;
        if left < limit {
            session.tell_unused_files();
        }
        if left == 0 {
            return Ok(false);
        }
        if session.sql.prepare("DELETE FROM apps WHERE key = $1").run([key])? > 0 {
            session.tell(Kinds::APPS, || Change::App(id));
        }
    }
    Ok(true)
}

/// The removal of one app.
struct Purge<'c> {
    sql: Sql<'c>,
    app: i64,
    id: AppId,
    /// How many rows may go yet.
    left: usize,
}

impl Purge<'_> {
    fn run(&mut self) -> Result<(), StoreError> {
        // First what there is work for.
        self.each("webhooks", Self::webhook)?;
        self.of_app("scheduled_messages", "key")?;
        self.exports()?;
        self.of_app("export_events", "key")?;
        self.of_app("export_settings", "app")?;
        self.each("identity_providers", |purge, provider| {
            purge.among("identity_keys", "(provider, uuid)", "provider = $1", provider)
        })?;
        self.each("conversations", Self::conversation)?;
        self.contents("app = $1", self.app)?;
        self.each("users", Self::user)?;
        self.of_app("announcements", "key")?;
        self.of_app("ids", "(app, uuid)")?;
        self.of_app("app_tokens", "key")
    }

    /// Deletes rows that are found by one number, named by columns that are a key.
    fn among(&mut self, table: &str, key: &str, condition: &str, number: i64) -> Result<(), StoreError> {
        if self.left == 0 {
            return Ok(());
        }
        let columns = key.trim_matches(['(', ')']);
        let deleted = self
            .sql
            .prepare(format!(
                "DELETE FROM {table} WHERE {key} IN (SELECT {columns} FROM {table} WHERE {condition} LIMIT $2)"
            ))
            .run((number, sql::limit(self.left)))?;
        self.left -= deleted.min(self.left);
        Ok(())
    }

    /// Deletes rows of the app.
    fn of_app(&mut self, table: &str, key: &str) -> Result<(), StoreError> {
        self.among(table, key, "app = $1", self.app)
    }

    /// Deletes rows of the app one by one, each after what belongs to it.
    fn each(
        &mut self,
        table: &str,
        children: impl Fn(&mut Self, i64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        while self.left > 0 {
            let next = self
                .sql
                .prepare(format!("SELECT key FROM {table} WHERE app = $1 LIMIT 1"))
                .first([self.app], |row| row.get::<i64>(0))?;
            let Some(number) = next else { return Ok(()) };
            children(self, number)?;
            // Where there is no room left, there may be more children.
            self.among(table, "key", "key = $1", number)?;
        }
        Ok(())
    }

    fn webhook(&mut self, key: i64) -> Result<(), StoreError> {
        self.among("webhook_deliveries", "key", "webhook = $1", key)
    }

    fn exports(&mut self) -> Result<(), StoreError> {
        if self.left == 0 {
            return Ok(());
        }
        let deleted = self
            .sql
            .prepare(
                "DELETE FROM exports WHERE key IN (SELECT key FROM exports WHERE app = $1 LIMIT $2) RETURNING uuid",
            )
            .all((self.app, sql::limit(self.left)), |row| row.uuid(0).map(ExportId::new))?;
        for id in &deleted {
            for name in [FileName::archive(self.id, *id), FileName::draft(self.id, *id)] {
                content::note_unused(self.sql, &name.to_string())?;
            }
        }
        self.left -= deleted.len();
        Ok(())
    }

    fn contents(&mut self, condition: &str, number: i64) -> Result<(), StoreError> {
        if self.left == 0 {
            return Ok(());
        }
        let deleted = self
            .sql
            .prepare(format!(
                "DELETE FROM contents WHERE (app, uuid) IN (SELECT app, uuid FROM contents WHERE {condition} LIMIT $2)
                 RETURNING uuid"
            ))
            .all((number, sql::limit(self.left)), |row| row.uuid(0).map(ContentId::new))?;
        for id in &deleted {
            content::note_unused(self.sql, &FileName::content(self.id, *id).to_string())?;
        }
        self.left -= deleted.len();
        Ok(())
    }

    fn conversation(&mut self, key: i64) -> Result<(), StoreError> {
        self.among("message_deletions", "(conversation, position, user_key)", "conversation = $1", key)?;
        self.among("messages", "(conversation, position)", "conversation = $1", key)?;
        self.contents("conversation = $1", key)?;
        self.among("log", "place", "scope = $1::bigint << 2", key)?;
        self.among("memberships", "(user_key, conversation)", "conversation = $1", key)
    }

    fn user(&mut self, key: i64) -> Result<(), StoreError> {
        self.among("sessions", "hash", "user_key = $1", key)?;
        self.among("log", "place", "scope BETWEEN $1::bigint << 2 | 1 AND $1::bigint << 2 | 2", key)?;
        self.among("identities", "user_key", "user_key = $1", key)?;
        self.among("push_tokens", "(user_key, device)", "user_key = $1", key)?;
        self.among("announcement_copies", "(user_key, announcement)", "user_key = $1", key)?;
        self.among("message_deletions", "(conversation, position, user_key)", "user_key = $1", key)?;
        for column in ["owner", "blocked"] {
            self.among("blocks", "(owner, blocked)", &format!("{column} = $1"), key)?;
        }
        for column in ["follower", "followed"] {
            self.among("follows", "(follower, followed)", &format!("{column} = $1"), key)?;
        }
        self.among("memberships", "(user_key, conversation)", "user_key = $1", key)
    }
}
