//! Rich content: what is known of it, and which files nothing uses any more.

use std::collections::HashSet;

use layer_wire::content::NewContent;
use layer_wire::part::{Part, PartBody};
use layer_wire::{ContentId, ConversationId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::Session;
use crate::store::StoreError;
use crate::store::content::{ContentReads, ContentRecord, ContentWrites, FinishedUpload};
use crate::store::files::FileName;
use crate::store::model::{AppKey, ConversationRecord};

fn read(row: &Row<'_>, id: ContentId) -> rusqlite::Result<ContentRecord> {
    let at: Option<i64> = row.get(5)?;
    let upload = match at {
        None => None,
        Some(at) => Some(FinishedUpload { at: Timestamp::from_ms(at), md5: row.get(6)?, crc32c: row.get(7)? }),
    };
    Ok(ContentRecord {
        id,
        conversation: ConversationId::new(Uuid::from_bytes(row.get(0)?)),
        announced: NewContent {
            mime_type: row.get(1)?,
            size: row.get::<_, i64>(2)?.unsigned_abs(),
            origin: row.get(3)?,
        },
        created_at: Timestamp::from_ms(row.get(4)?),
        upload,
    })
}

/// The contents that parts refer to, each once.
pub fn referenced(parts: &[Part]) -> Vec<ContentId> {
    let ids: HashSet<ContentId> = parts
        .iter()
        .filter_map(|part| match part.body {
            PartBody::Content { id, .. } => Some(id),
            PartBody::Bytes(_) => None,
        })
        .collect();
    ids.into_iter().collect()
}

/// Counts one more reference to each.
pub fn retain(connection: &Connection, app: AppKey, ids: &[ContentId]) -> Result<(), StoreError> {
    for id in ids {
        connection
            .prepare_cached("UPDATE contents SET reference_count = reference_count + 1 WHERE app = ?1 AND uuid = ?2")?
            .execute((app.0, id.uuid().as_bytes()))?;
    }
    Ok(())
}

/// Counts one reference less to each, and deletes those that have none left.
pub fn release(connection: &Connection, app: AppKey, ids: &[ContentId]) -> Result<(), StoreError> {
    for id in ids {
        let uuid = id.uuid();
        let of_one = (app.0, uuid.as_bytes());
        connection
            .prepare_cached("UPDATE contents SET reference_count = reference_count - 1 WHERE app = ?1 AND uuid = ?2")?
            .execute(of_one)?;
        delete_where(connection, "app = ?1 AND uuid = ?2 AND reference_count <= 0", of_one)?;
    }
    Ok(())
}

/// Deletes all content of a conversation.
pub fn delete_all(connection: &Connection, conversation: &ConversationRecord) -> Result<(), StoreError> {
    delete_where(connection, "conversation = ?1", [conversation.key.0])
}

/// Deletes rows, and notes their files as unused.
fn delete_where(connection: &Connection, condition: &str, parameters: impl rusqlite::Params) -> Result<(), StoreError> {
    let names: Vec<String> = connection
        .prepare_cached(&format!("DELETE FROM contents WHERE {condition} RETURNING app, uuid"))?
        .query_map(parameters, |row| {
            let id = ContentId::new(Uuid::from_bytes(row.get(1)?));
            Ok(FileName::content(AppKey(row.get(0)?), id).to_string())
        })?
        .collect::<Result<_, _>>()?;
    names.iter().try_for_each(|name| note_unused(connection, name))
}

/// Notes that nothing uses a file any more.
pub fn note_unused(connection: &Connection, name: &str) -> Result<(), StoreError> {
    connection.prepare_cached("INSERT OR IGNORE INTO unused_files (name) VALUES (?1)")?.execute([name])?;
    Ok(())
}

impl ContentReads for Session<'_> {
    fn content(&self, app: AppKey, id: ContentId) -> Result<Option<ContentRecord>, StoreError> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT conversations.uuid, contents.mime_type, contents.size, contents.origin, contents.created_at,
                 contents.uploaded_at, contents.md5, contents.crc32c FROM contents
                 JOIN conversations ON conversations.key = contents.conversation
                 WHERE contents.app = ?1 AND contents.uuid = ?2",
            )?
            .query_row((app.0, id.uuid().as_bytes()), |row| read(row, id))
            .optional()?;
        Ok(found)
    }

    fn unused_files(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        let names = self
            .connection
            .prepare_cached("SELECT name FROM unused_files LIMIT ?1")?
            .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(names)
    }
}

impl ContentWrites for Session<'_> {
    fn insert_content(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        id: ContentId,
        new: &NewContent,
        created_at: Timestamp,
    ) -> Result<(), StoreError> {
        let size = i64::try_from(new.size).map_err(|_| StoreError::Failed("a content is too large".into()))?;
        self.connection
            .prepare_cached(
                "INSERT INTO contents (app, uuid, conversation, mime_type, size, origin, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute((
                app.0,
                id.uuid().as_bytes(),
                conversation.key.0,
                &new.mime_type,
                size,
                &new.origin,
                created_at.as_ms(),
            ))?;
        Ok(())
    }

    fn finish_upload(&mut self, app: AppKey, id: ContentId, upload: FinishedUpload) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached("UPDATE contents SET uploaded_at = ?3, md5 = ?4, crc32c = ?5 WHERE app = ?1 AND uuid = ?2")?
            .execute((app.0, id.uuid().as_bytes(), upload.at.as_ms(), upload.md5, upload.crc32c))?;
        Ok(changed > 0)
    }

    fn delete_stale_contents(&mut self, time: Timestamp) -> Result<(), StoreError> {
        delete_where(self.connection, "uploaded_at IS NULL AND created_at < ?1", [time.as_ms()])
    }

    fn forget_unused_files(&mut self, names: &[String]) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("DELETE FROM unused_files WHERE name = ?1")?;
        for name in names {
            statement.execute([name])?;
        }
        Ok(())
    }

    fn link_key(&mut self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO secrets (name, value) VALUES ('link_key', ?1)")?
            .execute([fresh])?;
        let key = self
            .connection
            .prepare_cached("SELECT value FROM secrets WHERE name = 'link_key'")?
            .query_row([], |row| row.get(0))?;
        Ok(key)
    }
}
