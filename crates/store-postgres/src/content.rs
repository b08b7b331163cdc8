//! Rich content: what is known of it, and which files nothing uses any more.

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::content::{ContentReads, ContentRecord, ContentWrites, FinishedUpload};
use layer_store::conversation::ConversationRecord;
use layer_store::file::FileName;
use layer_store::key::AppKey;
use layer_wire::content::NewContent;
use layer_wire::{AppId, ContentId, ConversationId, Timestamp, UserId};
use uuid::Uuid;

use super::sql::{self, Params, Row, Sql};
use super::{Session, user};

fn read(row: &Row, id: ContentId) -> Result<ContentRecord, StoreError> {
    let at: Option<i64> = row.get(5)?;
    let upload = match at {
        None => None,
        Some(at) => Some(FinishedUpload { at: Timestamp::from_ms(at), md5: row.get(6)?, crc32c: row.get(7)? }),
    };
    let conversation: Option<Uuid> = row.get(0)?;
    let uploader: Option<String> = row.get(8)?;
    Ok(ContentRecord {
        id,
        conversation: conversation.map(ConversationId::new),
        uploader: uploader.map(UserId::trusted),
        announced: NewContent { mime_type: row.get(1)?, size: row.count(2)?, origin: row.get(3)? },
        created_at: row.time(4)?,
        upload,
    })
}

/// Counts one more reference to each.
pub fn retain(sql: Sql<'_>, app: AppKey, ids: &[ContentId]) -> Result<(), StoreError> {
    for id in ids {
        sql.prepare("UPDATE contents SET reference_count = reference_count + 1 WHERE app = $1 AND uuid = $2")
            .run((app.number(), id.uuid()))?;
    }
    Ok(())
}

/// Counts one reference less to each, and deletes those that have none left.
pub fn release(sql: Sql<'_>, app: AppKey, ids: &[ContentId]) -> Result<(), StoreError> {
    for id in ids {
        let uuid = id.uuid();
        let of_one = (app.number(), uuid);
        sql.prepare("UPDATE contents SET reference_count = reference_count - 1 WHERE app = $1 AND uuid = $2")
            .run(of_one)?;
        delete_where(sql, "app = $1 AND uuid = $2 AND reference_count <= 0", of_one)?;
    }
    Ok(())
}

/// Deletes all content of a conversation.
pub fn delete_all(sql: Sql<'_>, conversation: &ConversationRecord) -> Result<(), StoreError> {
    delete_where(sql, "conversation = $1", [conversation.key.number()])
}

/// Deletes rows, and notes their files as unused.
fn delete_where<'v>(sql: Sql<'_>, condition: &str, parameters: impl Params<'v>) -> Result<(), StoreError> {
    let names: Vec<String> = sql
        .prepare(format!(
            "DELETE FROM contents WHERE {condition} RETURNING (SELECT uuid FROM apps WHERE key = app), uuid"
        ))
        .all(parameters, |row| {
            Ok(FileName::content(AppId::new(row.uuid(0)?), ContentId::new(row.uuid(1)?)).to_string())
        })?;
    names.iter().try_for_each(|name| note_unused(sql, name))
}

/// Notes that nothing uses a file any more.
pub fn note_unused(sql: Sql<'_>, name: &str) -> Result<(), StoreError> {
    sql.prepare("INSERT INTO unused_files (name) VALUES ($1) ON CONFLICT DO NOTHING").run([name])?;
    Ok(())
}

/// Adds rich content of a conversation or of a user, by their keys.
fn insert(
    sql: Sql<'_>,
    app: AppKey,
    (conversation, uploader): (Option<i64>, Option<i64>),
    id: ContentId,
    new: &NewContent,
    created_at: Timestamp,
) -> Result<(), StoreError> {
    let size = i64::try_from(new.size).map_err(|_| StoreError::Failed("a content is too large".into()))?;
    sql.prepare(
        "INSERT INTO contents (app, uuid, conversation, uploader, mime_type, size, origin, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .run((
        app.number(),
        id.uuid(),
        conversation,
        uploader,
        &new.mime_type,
        size,
        &new.origin,
        created_at.as_ms(),
    ))?;
    Ok(())
}

impl ContentReads for Session<'_> {
    fn content(&self, app: AppKey, id: ContentId) -> Result<Option<ContentRecord>, StoreError> {
        self.sql
            .prepare(
                "SELECT conversations.uuid, contents.mime_type, contents.size, contents.origin, contents.created_at,
                 contents.uploaded_at, contents.md5, contents.crc32c, users.id FROM contents
                 LEFT JOIN conversations ON conversations.key = contents.conversation
                 LEFT JOIN users ON users.key = contents.uploader
                 WHERE contents.app = $1 AND contents.uuid = $2",
            )
            .first((app.number(), id.uuid()), |row| read(row, id))
    }

    fn unsent_contents(&self, app: AppKey, uploader: &UserId) -> Result<u64, StoreError> {
        let Some(uploader) = user::find(self.sql, app, uploader)? else { return Ok(0) };
        self.sql
            .prepare("SELECT count(*) FROM contents WHERE uploader = $1 AND conversation IS NULL")
            .one([uploader.0], |row| row.count(0))
    }

    fn unused_files(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        self.sql.prepare("SELECT name FROM unused_files LIMIT $1").all([sql::limit(limit)], |row| row.get(0))
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
        insert(self.sql, app, (Some(conversation.key.number()), None), id, new, created_at)
    }

    fn insert_content_of_user(
        &mut self,
        app: AppKey,
        uploader: &UserId,
        id: ContentId,
        new: &NewContent,
        created_at: Timestamp,
    ) -> Result<(), StoreError> {
        let uploader = user::find_or_insert(self.sql, app, uploader)?;
        insert(self.sql, app, (None, Some(uploader.0)), id, new, created_at)
    }

    fn put_content(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        id: ContentId,
    ) -> Result<bool, StoreError> {
        let changed = self
            .sql
            .prepare(
                "UPDATE contents SET conversation = $3
                 WHERE app = $1 AND uuid = $2 AND (conversation IS NULL OR conversation = $3)",
            )
            .run((app.number(), id.uuid(), conversation.key.number()))?;
        Ok(changed > 0)
    }

    fn finish_upload(&mut self, app: AppKey, id: ContentId, upload: FinishedUpload) -> Result<bool, StoreError> {
        let changed = self
            .sql
            .prepare("UPDATE contents SET uploaded_at = $3, md5 = $4, crc32c = $5 WHERE app = $1 AND uuid = $2")
            .run((app.number(), id.uuid(), upload.at.as_ms(), upload.md5, upload.crc32c))?;
        Ok(changed > 0)
    }

    fn delete_stale_contents(&mut self, time: Timestamp) -> Result<(), StoreError> {
        delete_where(self.sql, "(uploaded_at IS NULL OR conversation IS NULL) AND created_at < $1", [time.as_ms()])
    }

    fn forget_unused_files(&mut self, names: &[String]) -> Result<(), StoreError> {
        let statement = self.sql.prepare("DELETE FROM unused_files WHERE name = $1");
        for name in names {
            statement.run([name])?;
        }
        Ok(())
    }
}

impl Session<'_> {
    /// Tells that files may be out of use. Once too often does no harm: who hears it looks.
    pub fn tell_unused_files(&mut self) {
        self.tell(Kinds::UNUSED_FILES, || Change::UnusedFiles);
    }
}
