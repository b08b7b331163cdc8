//! Apps, their tokens, and the ids that are in use.

use layer_store::StoreError;
use layer_store::app::{AppReads, AppRecord, AppWrites, IdUse, TokenRecord};
use layer_store::changes::{Change, Kinds};
use layer_store::key::AppKey;
use layer_store::token::TokenHash;
use layer_wire::{AppId, Timestamp};
use uuid::Uuid;

use super::sql::{Query, Sql};
use super::{Session, purge};

/// What is in the column `kind` of `ids`.
pub const MESSAGE: i64 = 0;
pub const CONVERSATION: i64 = 1;
pub const ANNOUNCEMENT: i64 = 2;
pub const SCHEDULED_MESSAGE: i64 = 3;
const DELETED_MESSAGE: i64 = 4;

/// Uses an id, for good. Answers what it is used for, if it is. `place` is that of a message.
pub fn use_id(
    session: &Session<'_>,
    app: AppKey,
    id: Uuid,
    kind: i64,
    place: Option<(i64, u32)>,
) -> Result<Option<IdUse>, StoreError> {
    let inserted = session
        .sql
        .prepare(
            "INSERT INTO ids (app, uuid, kind, conversation, position) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .run((
            app.number(),
            id,
            kind,
            place.map(|(conversation, _)| conversation),
            place.map(|(_, position)| position),
        ))?;
    if inserted > 0 {
        return Ok(None);
    }
    // The other one has committed by now, or else this one would have waited for it.
    session.id_use(app, id)?.ok_or_else(|| session.sql.conflict()).map(Some)
}

/// The ids among these that are in use: the number of each, counted from one.
pub fn of_used(ids: &[(AppKey, Uuid)]) -> Query<'static> {
    let sql = "SELECT asked.number FROM unnest($1::bigint[], $2::uuid[]) WITH ORDINALITY AS asked (app, uuid, number)
         JOIN ids ON ids.app = asked.app AND ids.uuid = asked.uuid";
    let (apps, ids) = ids.iter().map(|(app, id)| (app.number(), *id)).collect::<(Vec<_>, Vec<_>)>();
    Query::new(sql, (apps, ids))
}

/// Uses ids of things in these places, for good. It is a conflict when one is in use.
pub fn use_ids(kind: i64, ids: &[(AppKey, Uuid, (i64, u32))]) -> Query<'static> {
    let sql = "INSERT INTO ids (app, uuid, kind, conversation, position)
         SELECT used.app, used.uuid, $1, used.conversation, used.position
         FROM unnest($2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[]) AS used (app, uuid, conversation, position)";
    Query::new(
        sql,
        (
            kind,
            ids.iter().map(|(app, ..)| app.number()).collect::<Vec<_>>(),
            ids.iter().map(|(_, id, _)| *id).collect::<Vec<_>>(),
            ids.iter().map(|(.., (conversation, _))| *conversation).collect::<Vec<_>>(),
            ids.iter().map(|(.., (_, position))| i64::from(*position)).collect::<Vec<_>>(),
        ),
    )
}

/// Says that a message that was to be sent is sent.
pub fn put_message(sql: Sql<'_>, app: AppKey, id: Uuid, conversation: i64, position: u32) -> Result<(), StoreError> {
    sql.prepare("UPDATE ids SET kind = $3, conversation = $4, position = $5 WHERE app = $1 AND uuid = $2").run((
        app.number(),
        id,
        MESSAGE,
        conversation,
        position,
    ))?;
    Ok(())
}

/// Says that a message is deleted, or will not be sent. Its id stays in use.
pub fn put_deleted_message(sql: Sql<'_>, app: AppKey, id: Uuid) -> Result<(), StoreError> {
    sql.prepare("UPDATE ids SET kind = $3, conversation = NULL, position = NULL WHERE app = $1 AND uuid = $2")
        .run((app.number(), id, DELETED_MESSAGE))?;
    Ok(())
}

/// Says that all messages of a conversation are deleted.
pub fn put_deleted_messages(sql: Sql<'_>, app: AppKey, conversation: i64) -> Result<(), StoreError> {
    sql.prepare(
        "UPDATE ids SET kind = $3, conversation = NULL, position = NULL
         FROM messages WHERE messages.conversation = $2 AND ids.app = $1 AND ids.uuid = messages.uuid",
    )
    .run((app.number(), conversation, DELETED_MESSAGE))?;
    Ok(())
}

impl AppReads for Session<'_> {
    fn app(&self, id: AppId) -> Result<Option<AppRecord>, StoreError> {
        let found = self
            .sql
            .prepare("SELECT key, name, created_at FROM apps WHERE uuid = $1 AND NOT is_deleted")
            .first([id.uuid()], |row| {
                Ok(AppRecord {
                    key: AppKey::from_number(row.get(0)?),
                    name: row.get(1)?,
                    created_at: row.time(2)?,
                    tokens: vec![],
                })
            })?;
        let Some(mut app) = found else { return Ok(None) };
        app.tokens = self
            .sql
            .prepare(
                "SELECT uuid, hash, name, created_at, expires_at, used_at FROM app_tokens WHERE app = $1 ORDER BY key",
            )
            .all([app.key.number()], |row| {
                Ok(TokenRecord {
                    id: row.uuid(0)?,
                    hash: TokenHash::from_bytes(row.get(1)?),
                    name: row.get(2)?,
                    created_at: row.time(3)?,
                    expires_at: row.optional_time(4)?,
                    used_at: row.optional_time(5)?,
                })
            })?;
        Ok(Some(app))
    }

    fn id_use(&self, app: AppKey, id: Uuid) -> Result<Option<IdUse>, StoreError> {
        let found = self
            .sql
            .prepare("SELECT kind FROM ids WHERE app = $1 AND uuid = $2")
            .first((app.number(), id), |row| row.get::<i64>(0))?;
        Ok(found.map(|kind| match kind {
            MESSAGE => IdUse::Message,
            CONVERSATION => IdUse::Conversation,
            ANNOUNCEMENT => IdUse::Announcement,
            SCHEDULED_MESSAGE => IdUse::ScheduledMessage,
            _ => IdUse::DeletedMessage,
        }))
    }
}

impl AppWrites for Session<'_> {
    fn insert_app(&mut self, id: AppId, name: Option<&str>, created_at: Timestamp) -> Result<AppKey, StoreError> {
        let key = self
            .sql
            .prepare("INSERT INTO apps (uuid, name, created_at) VALUES ($1, $2, $3) RETURNING key")
            .one((id.uuid(), name, created_at.as_ms()), |row| row.get(0).map(AppKey::from_number))?;
        self.tell(Kinds::APPS, || Change::App(id));
        Ok(key)
    }

    fn delete_app(&mut self, id: AppId) -> Result<bool, StoreError> {
        let deleted = self
            .sql
            .prepare("UPDATE apps SET is_deleted = true WHERE uuid = $1 AND NOT is_deleted RETURNING key")
            .first([id.uuid()], |row| row.get::<i64>(0))?;
        let Some(key) = deleted else { return Ok(false) };
        self.sql.prepare("DELETE FROM app_tokens WHERE app = $1").run([key])?;
        self.tell(Kinds::APPS, || Change::App(id));
        Ok(true)
    }

    fn purge_deleted_apps(&mut self, limit: usize) -> Result<bool, StoreError> {
        purge::deleted_apps(self, limit)
    }

    fn insert_token(&mut self, app: AppKey, token: &TokenRecord) -> Result<(), StoreError> {
        self.sql
            .prepare(
                "INSERT INTO app_tokens (app, uuid, hash, name, created_at, expires_at, used_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .run((
                app.number(),
                token.id,
                token.hash.as_bytes(),
                &token.name,
                token.created_at.as_ms(),
                token.expires_at.map(Timestamp::as_ms),
                token.used_at.map(Timestamp::as_ms),
            ))?;
        self.tell_app(app)
    }

    fn expire_token(&mut self, app: AppKey, id: Uuid, at: Timestamp) -> Result<bool, StoreError> {
        let found = self.sql.prepare("UPDATE app_tokens SET expires_at = $3 WHERE app = $1 AND uuid = $2").run((
            app.number(),
            id,
            at.as_ms(),
        ))?;
        self.tell_app(app)?;
        Ok(found > 0)
    }

    fn note_token_use(&mut self, app: AppKey, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
        self.sql.prepare("UPDATE app_tokens SET used_at = $3 WHERE app = $1 AND uuid = $2").run((
            app.number(),
            id,
            at.as_ms(),
        ))?;
        Ok(())
    }

    fn delete_token(&mut self, app: AppKey, id: Uuid) -> Result<bool, StoreError> {
        let found = self.sql.prepare("DELETE FROM app_tokens WHERE app = $1 AND uuid = $2").run((app.number(), id))?;
        self.tell_app(app)?;
        Ok(found > 0)
    }

    fn set_session_ttl(&mut self, app: AppKey, seconds: u32) -> Result<(), StoreError> {
        self.sql.prepare("UPDATE apps SET session_ttl_in_seconds = $2 WHERE key = $1").run((app.number(), seconds))?;
        Ok(())
    }

    fn link_key(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.sql
            .prepare("INSERT INTO secrets (name, value) VALUES ('link_key', $1) ON CONFLICT DO NOTHING")
            .run([fresh])?;
        self.sql.prepare("SELECT value FROM secrets WHERE name = 'link_key'").one((), |row| row.get(0))
    }
}

impl Session<'_> {
    /// Tells that something of an app is another one now.
    pub fn tell_app(&mut self, app: AppKey) -> Result<(), StoreError> {
        let id = self
            .sql
            .prepare("SELECT uuid FROM apps WHERE key = $1")
            .first([app.number()], |row| row.uuid(0).map(AppId::new))?;
        if let Some(id) = id {
            self.tell(Kinds::APPS, || Change::App(id));
        }
        Ok(())
    }
}
