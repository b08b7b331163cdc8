//! Announcements.

use layer_wire::announcement::NewAnnouncement;
use layer_wire::{AnnouncementId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _};

use super::codec;
use crate::store::StoreError;
use crate::store::model::{AnnouncementRecord, AppKey};

pub fn get(connection: &Connection, app: AppKey, id: AnnouncementId) -> Result<Option<AnnouncementRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT sent_at, recipients, sender_name, parts FROM announcements WHERE app = ?1 AND uuid = ?2",
    )?;
    let row = statement
        .query_row((app.0, id.uuid().as_bytes()), |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?))
        })
        .optional()?;
    let Some((sent_at, recipients, sender_name, parts)) = row else { return Ok(None) };
    let recipients: Vec<String> = serde_json::from_str(&recipients)?;
    let content = NewAnnouncement {
        recipients: recipients.into_iter().map(UserId::trusted).collect(),
        sender_name,
        parts: codec::decode_parts(&parts)?,
    };
    Ok(Some(AnnouncementRecord { id, sent_at: Timestamp::from_ms(sent_at), content }))
}

pub fn insert(connection: &Connection, app: AppKey, new: &AnnouncementRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO announcements (app, uuid, sent_at, recipients, sender_name, parts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            app.0,
            new.id.uuid().as_bytes(),
            new.sent_at.as_ms(),
            serde_json::to_string(&new.content.recipients)?,
            &new.content.sender_name,
            codec::encode_parts(&new.content.parts)?,
        ))?;
    Ok(())
}
