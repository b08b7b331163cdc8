//! Announcements.

use layer_wire::{AnnouncementId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{codec, message};
use crate::store::StoreError;
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
    Ok(())
}
