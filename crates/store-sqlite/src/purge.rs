//! The removal of deleted apps, a bounded number of rows at a time.
//!
//! It keeps no account of how far it is: each time it looks what is there yet, so that it may end anywhere. Children go
//! before their parents, and each statement walks along an index.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::file::FileName;
use layer_wire::{AppId, ContentId, ExportId};

use super::sql::Sql;
use super::{Session, content, sql};

/// What an app is whose rows are being removed, or will be when what puts it together is broken off; 2 is one of which
/// its row alone is left.
pub const BEING_REMOVED: i64 = 1;

/// What an app is that is being put together, and stays when that is broken off.
pub const UNFINISHED: i64 = 3;

/// Removes up to about `limit` rows of deleted apps. Answers with whether nothing is left.
pub fn deleted_apps(session: &mut Session<'_>, limit: usize) -> Result<bool, StoreError> {
    let deleted = session
        .sql
        .prepare(
            "SELECT key, uuid, is_deleted, key = (SELECT max(key) FROM apps) FROM apps
             WHERE is_deleted > 0 AND is_deleted <> ?1",
        )?
        .all([UNFINISHED], |row| {
            Ok((row.get::<i64>(0)?, AppId::new(row.uuid(1)?), row.get::<i64>(2)?, row.get::<bool>(3)?))
        })?;
    for (key, id, state, is_newest) in deleted {
        let mut purge = Purge { sql: session.sql, app: key, id, left: limit };
        purge.run()?;
        let left = purge.left;
        if left < limit {
            session.tell_unused_files();
        }
        if left == 0 {
            return Ok(false);
        }
        // The key of the newest one would be given again, so its row stays until there is a newer one.
        let end =
            if is_newest { "UPDATE apps SET is_deleted = 2 WHERE key = ?1" } else { "DELETE FROM apps WHERE key = ?1" };
        session.sql.prepare(end)?.run([key])?;
        if state == BEING_REMOVED {
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
        self.each("webhooks", "key", Self::webhook)?;
        self.of_app("scheduled_messages", "key")?;
        self.exports()?;
        self.of_app("export_events", "key")?;
        self.of_app("export_settings", "app")?;
        self.each("identity_providers", "key", |purge, provider| {
            purge.among("identity_keys", "(provider, uuid)", "provider, uuid", "provider = ?1", provider)
        })?;
        self.each("conversations", "key", Self::conversation)?;
        self.contents("app = ?1", self.app)?;
        self.of_app("messages", "key")?;
        self.of_app("deleted_messages", "(app, uuid)")?;
        self.each("users", "key", Self::user)?;
        self.of_app("announcements", "key")?;
        self.of_app("app_tokens", "key")
    }

    /// Deletes rows that are found by one number, named by columns that are a key.
    fn among(&mut self, table: &str, key: &str, columns: &str, condition: &str, number: i64) -> Result<(), StoreError> {
        if self.left == 0 {
            return Ok(());
        }
        let deleted = self
            .sql
            .prepare(&format!(
                "DELETE FROM {table} WHERE {key} IN (SELECT {columns} FROM {table} WHERE {condition} LIMIT ?2)"
            ))?
            .run((number, sql::limit(self.left)))?;
        self.left -= deleted.min(self.left);
        Ok(())
    }

    /// Deletes rows of the app.
    fn of_app(&mut self, table: &str, key: &str) -> Result<(), StoreError> {
        self.among(table, key, key.trim_matches(['(', ')']), "app = ?1", self.app)
    }

    /// Deletes rows of the app one by one, each after what belongs to it.
    fn each(
        &mut self,
        table: &str,
        key: &str,
        children: impl Fn(&mut Self, i64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        while self.left > 0 {
            let next = self
                .sql
                .prepare(&format!("SELECT {key} FROM {table} WHERE app = ?1 LIMIT 1"))?
                .first([self.app], |row| row.get::<i64>(0))?;
            let Some(number) = next else { return Ok(()) };
            children(self, number)?;
            // Where there is no room left, there may be more children.
            self.among(table, key, key, "key = ?1", number)?;
        }
        Ok(())
    }

    fn webhook(&mut self, key: i64) -> Result<(), StoreError> {
        self.among("webhook_deliveries", "key", "key", "webhook = ?1", key)
    }

    fn exports(&mut self) -> Result<(), StoreError> {
        if self.left == 0 {
            return Ok(());
        }
        let deleted = self
            .sql
            .prepare(
                "DELETE FROM exports WHERE key IN (SELECT key FROM exports WHERE app = ?1 LIMIT ?2) RETURNING uuid",
            )?
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
            .prepare(&format!(
                "DELETE FROM contents WHERE key IN (SELECT key FROM contents WHERE {condition} LIMIT ?2) RETURNING uuid"
            ))?
            .all((number, sql::limit(self.left)), |row| row.uuid(0).map(ContentId::new))?;
        for id in &deleted {
            content::note_unused(self.sql, &FileName::content(self.id, *id).to_string())?;
        }
        self.left -= deleted.len();
        Ok(())
    }

    fn conversation(&mut self, key: i64) -> Result<(), StoreError> {
        // As keys of messages are made: conversation << 32 | position.
        let messages = "BETWEEN ?1 << 32 AND ?1 << 32 | 4294967295";
        self.among("message_deletions", "(message, user)", "message, user", &format!("message {messages}"), key)?;
        self.among("messages", "key", "key", &format!("key {messages}"), key)?;
        self.contents("conversation = ?1", key)?;
        self.among("log", "place", "place", "scope = ?1 << 2", key)?;
        self.among("memberships", "(user, conversation)", "user, conversation", "conversation = ?1", key)
    }

    fn user(&mut self, key: i64) -> Result<(), StoreError> {
        self.among("sessions", "hash", "hash", "user = ?1", key)?;
        self.among("log", "place", "place", "scope BETWEEN ?1 << 2 | 1 AND ?1 << 2 | 2", key)?;
        self.among("identities", "user", "user", "user = ?1", key)?;
        self.among("push_tokens", "(user, device)", "user, device", "user = ?1", key)?;
        self.among("announcement_copies", "(user, announcement)", "user, announcement", "user = ?1", key)?;
        self.among("message_deletions", "(message, user)", "message, user", "user = ?1", key)?;
        for column in ["owner", "blocked"] {
            self.among("blocks", "(owner, blocked)", "owner, blocked", &format!("{column} = ?1"), key)?;
        }
        for column in ["follower", "followed"] {
            self.among("follows", "(follower, followed)", "follower, followed", &format!("{column} = ?1"), key)?;
        }
        self.among("memberships", "(user, conversation)", "user, conversation", "user = ?1", key)
    }
}
