//! Announcements.

use layer_wire::message::Status;
use layer_wire::{AnnouncementId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::{Session, codec, message, user};
use crate::store::StoreError;
use crate::store::announcement::{AnnouncementCopy, AnnouncementReads, AnnouncementWrites};
use crate::store::model::{AnnouncementRecord, AppKey};

fn read(row: &Row<'_>, id: AnnouncementId) -> Result<AnnouncementRecord, StoreError> {
    let recipients: Vec<String> = serde_json::from_str(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
    let parts = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(AnnouncementRecord {
        id,
        sent_at: Timestamp::from_ms(row.get(0)?),
        recipients: recipients.into_iter().map(UserId::trusted).collect(),
        parts: codec::decode_parts(id.uuid(), parts)?,
        sender: message::read_sender(row, 3)?,
    })
}

pub fn get(connection: &Connection, app: AppKey, id: AnnouncementId) -> Result<Option<AnnouncementRecord>, StoreError> {
    connection
        .prepare_cached(
            "SELECT sent_at, recipients, parts, sender_user, sender_name FROM announcements
             WHERE app = ?1 AND uuid = ?2",
        )?
        .query_row((app.0, id.uuid().as_bytes()), |row| Ok(read(row, id)))
        .optional()?
        .transpose()
}

pub fn insert(connection: &Connection, app: AppKey, new: &AnnouncementRecord) -> Result<(), StoreError> {
    let (sender_user, sender_name) = message::sender_columns(&new.sender);
    connection
        .prepare_cached(
            "INSERT INTO announcements (app, uuid, sent_at, recipients, sender_user, sender_name, parts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            app.0,
            new.id.uuid().as_bytes(),
            new.sent_at.as_ms(),
            serde_json::to_string(&new.recipients)?,
            sender_user,
            sender_name,
            codec::encode_parts(new.id.uuid(), &new.parts),
        ))?;
    let key = connection.last_insert_rowid();
    for recipient in &new.recipients {
        let user = user::find_or_insert(connection, app, recipient)?;
        connection
            .prepare_cached("INSERT INTO announcement_copies (user, announcement) VALUES (?1, ?2)")?
            .execute((user.0, key))?;
    }
    Ok(())
}

const COPY_COLUMNS: &str = "announcements.sent_at, announcements.recipients, announcements.parts, \
     announcements.sender_user, announcements.sender_name, announcements.uuid, announcements.key, \
     announcement_copies.status";

const COPY_TABLES: &str = "users JOIN announcement_copies ON announcement_copies.user = users.key \
     JOIN announcements ON announcements.key = announcement_copies.announcement";

fn read_copy(row: &Row<'_>) -> Result<AnnouncementCopy, StoreError> {
    Ok(AnnouncementCopy {
        announcement: read(row, AnnouncementId::new(Uuid::from_bytes(row.get(5)?)))?,
        position: row.get::<_, i64>(6)?.unsigned_abs(),
        status: codec::decode_status(row.get(7)?)?,
    })
}

impl AnnouncementReads for Session<'_> {
    fn announcement_of(
        &self,
        app: AppKey,
        user: &UserId,
        id: AnnouncementId,
    ) -> Result<Option<AnnouncementCopy>, StoreError> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {COPY_COLUMNS} FROM announcements
                 JOIN users ON users.app = announcements.app
                 JOIN announcement_copies ON announcement_copies.user = users.key
                 AND announcement_copies.announcement = announcements.key
                 WHERE announcements.app = ?1 AND announcements.uuid = ?3 AND users.id = ?2"
            ))?
            .query_row((app.0, user.as_str(), id.uuid().as_bytes()), |row| Ok(read_copy(row)))
            .optional()?
            .transpose()
    }

    fn announcements_of(
        &self,
        app: AppKey,
        user: &UserId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AnnouncementCopy>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COPY_COLUMNS} FROM {COPY_TABLES}
             WHERE users.app = ?1 AND users.id = ?2 AND announcement_copies.announcement < ?3
             ORDER BY announcement_copies.announcement DESC LIMIT ?4"
        ))?;
        let after = after.map_or(i64::MAX, u64::cast_signed);
        let mut rows = statement.query((app.0, user.as_str(), after, i64::try_from(limit).unwrap_or(i64::MAX)))?;
        let mut found = vec![];
        while let Some(row) = rows.next()? {
            found.push(read_copy(row)?);
        }
        Ok(found)
    }

    fn announcement_count_of(&self, app: AppKey, user: &UserId) -> Result<u64, StoreError> {
        let count: i64 = self
            .connection
            .prepare_cached(
                "SELECT count(*) FROM users JOIN announcement_copies ON announcement_copies.user = users.key
                 WHERE users.app = ?1 AND users.id = ?2",
            )?
            .query_row((app.0, user.as_str()), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}

impl AnnouncementWrites for Session<'_> {
    fn put_announcement_status(
        &mut self,
        app: AppKey,
        user: &UserId,
        copy: &AnnouncementCopy,
        status: Status,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE announcement_copies SET status = ?4
                 WHERE user = (SELECT key FROM users WHERE app = ?1 AND id = ?2) AND announcement = ?3",
            )?
            .execute((app.0, user.as_str(), copy.position.cast_signed(), codec::encode_status(status)))?;
        Ok(())
    }

    fn delete_announcement_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        copy: &AnnouncementCopy,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "DELETE FROM announcement_copies
                 WHERE user = (SELECT key FROM users WHERE app = ?1 AND id = ?2) AND announcement = ?3",
            )?
            .execute((app.0, user.as_str(), copy.position.cast_signed()))?;
        Ok(())
    }
}
