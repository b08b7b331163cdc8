//! Announcements.

use layer_store::StoreError;
use layer_store::announcement::{AnnouncementCopy, AnnouncementReads, AnnouncementRecord, AnnouncementWrites};
use layer_store::app::IdUse;
use layer_store::changes::{Change, Kinds, What};
use layer_store::codec;
use layer_store::held::{Held, Inserted};
use layer_store::key::{AnnouncementKey, AppKey};
use layer_store::log::Entry;
use layer_store::message::sender_columns;
use layer_wire::message::Status;
use layer_wire::{AnnouncementId, UserId};

use super::sql::{self, Row};
use super::{Session, app, message, user};

fn read(row: &Row, id: AnnouncementId) -> Result<AnnouncementRecord, StoreError> {
    let recipients: Vec<String> = row.json(1)?;
    let parts = row.blob(2)?;
    Ok(AnnouncementRecord {
        id,
        sent_at: row.time(0)?,
        recipients: recipients.into_iter().map(UserId::trusted).collect(),
        parts: codec::decode_parts(id.uuid(), parts)?,
        sender: message::read_sender(row, 3)?,
    })
}

const COPY_COLUMNS: &str = "announcements.sent_at, announcements.recipients, announcements.parts, \
     announcements.sender_user, announcements.sender_name, announcements.uuid, announcements.key, \
     announcement_copies.status";

const COPY_TABLES: &str = "users JOIN announcement_copies ON announcement_copies.user_key = users.key \
     JOIN announcements ON announcements.key = announcement_copies.announcement";

fn read_copy(row: &Row) -> Result<AnnouncementCopy, StoreError> {
    Ok(AnnouncementCopy {
        announcement: read(row, AnnouncementId::new(row.uuid(5)?))?,
        key: AnnouncementKey::from_number(row.get(6)?),
        position: row.count(6)?,
        status: codec::decode_status(row.get(7)?)?,
    })
}

impl AnnouncementReads for Session<'_> {
    fn announcement(&self, app: AppKey, id: AnnouncementId) -> Result<Option<AnnouncementRecord>, StoreError> {
        self.sql
            .prepare(
                "SELECT sent_at, recipients, parts, sender_user, sender_name FROM announcements
                 WHERE app = $1 AND uuid = $2",
            )
            .first((app.number(), id.uuid()), |row| read(row, id))
    }

    fn announcement_of(
        &self,
        app: AppKey,
        user: &UserId,
        id: AnnouncementId,
    ) -> Result<Option<AnnouncementCopy>, StoreError> {
        self.sql
            .prepare(format!(
                "SELECT {COPY_COLUMNS} FROM announcements
                 JOIN users ON users.app = announcements.app
                 JOIN announcement_copies ON announcement_copies.user_key = users.key
                 AND announcement_copies.announcement = announcements.key
                 WHERE announcements.app = $1 AND announcements.uuid = $3 AND users.id = $2"
            ))
            .first((app.number(), user.as_str(), id.uuid()), read_copy)
    }

    fn announcements_of(
        &self,
        app: AppKey,
        user: &UserId,
        from: Option<&AnnouncementCopy>,
        limit: usize,
    ) -> Result<Vec<AnnouncementCopy>, StoreError> {
        let statement = self.sql.prepare(format!(
            "SELECT {COPY_COLUMNS} FROM {COPY_TABLES}
             WHERE users.app = $1 AND users.id = $2 AND announcement_copies.announcement < $3
             ORDER BY announcement_copies.announcement DESC LIMIT $4"
        ));
        // Its keys grow with time.
        let after = from.map_or(i64::MAX, |from| from.key.number());
        Ok(statement.page((app.number(), user.as_str(), after, sql::limit(limit)), read_copy)?.into_items())
    }

    fn announcement_count_of(&self, app: AppKey, user: &UserId) -> Result<u64, StoreError> {
        self.sql
            .prepare(
                "SELECT count(*) FROM users JOIN announcement_copies ON announcement_copies.user_key = users.key
                 WHERE users.app = $1 AND users.id = $2",
            )
            .one((app.number(), user.as_str()), |row| row.count(0))
    }
}

impl AnnouncementWrites for Session<'_> {
    fn insert_announcement(
        &mut self,
        app: AppKey,
        new: &AnnouncementRecord,
    ) -> Result<Inserted<(), IdUse>, StoreError> {
        if let Some(id_use) = app::use_id(self, app, new.id.uuid(), app::ANNOUNCEMENT, None)? {
            return Ok(Inserted::Taken(id_use));
        }
        let (sender_user, sender_name) = sender_columns(&new.sender);
        let key: i64 = self
            .sql
            .prepare(
                "INSERT INTO announcements (app, uuid, sent_at, recipients, sender_user, sender_name, parts)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING key",
            )
            .one(
                (
                    app.number(),
                    new.id.uuid(),
                    new.sent_at.as_ms(),
                    serde_json::to_string(&new.recipients)?,
                    sender_user,
                    sender_name,
                    codec::encode_parts(new.id.uuid(), &new.parts),
                ),
                |row| row.get(0),
            )?;
        for recipient in &new.recipients {
            let user = user::find_or_insert(self.sql, app, recipient)?;
            self.sql
                .prepare("INSERT INTO announcement_copies (user_key, announcement) VALUES ($1, $2)")
                .run((user.0, key))?;
            self.log_for_user(app, user, || Entry::Announcement { id: new.id, what: What::Created })?;
        }
        let id = new.id;
        self.tell(Kinds::ANNOUNCEMENTS, || Change::Announcement { app, id, user: None, what: What::Created });
        Ok(Inserted::Done(()))
    }

    fn hold_announcement_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        id: AnnouncementId,
    ) -> Result<Option<Held<AnnouncementCopy>>, StoreError> {
        self.sql
            .prepare(
                "SELECT 1 FROM announcement_copies
                 WHERE user_key = (SELECT key FROM users WHERE app = $1 AND id = $2)
                 AND announcement = (SELECT key FROM announcements WHERE app = $1 AND uuid = $3) FOR NO KEY UPDATE",
            )
            .first((app.number(), user.as_str(), id.uuid()), |_| Ok(()))?;
        Ok(self.announcement_of(app, user, id)?.map(Held::by_engine))
    }

    fn put_announcement_status(
        &mut self,
        app: AppKey,
        user: &UserId,
        copy: &mut Held<AnnouncementCopy>,
        status: Status,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare(
                "UPDATE announcement_copies SET status = $4
                 WHERE user_key = (SELECT key FROM users WHERE app = $1 AND id = $2) AND announcement = $3",
            )
            .run((app.number(), user.as_str(), copy.key.number(), codec::encode_status(status)))?;
        copy.in_engine().status = status;
        self.told_of_copy(app, user, copy, What::Changed)
    }

    fn delete_announcement_of(
        &mut self,
        app: AppKey,
        user: &UserId,
        copy: &Held<AnnouncementCopy>,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare(
                "DELETE FROM announcement_copies
                 WHERE user_key = (SELECT key FROM users WHERE app = $1 AND id = $2) AND announcement = $3",
            )
            .run((app.number(), user.as_str(), copy.key.number()))?;
        self.told_of_copy(app, user, copy, What::Deleted)
    }
}

impl Session<'_> {
    fn told_of_copy(
        &mut self,
        app: AppKey,
        user: &UserId,
        copy: &AnnouncementCopy,
        what: What,
    ) -> Result<(), StoreError> {
        let id = copy.announcement.id;
        let key = user::find_or_insert(self.sql, app, user)?;
        self.log_for_user(app, key, || Entry::Announcement { id, what })?;
        let change = || Change::Announcement { app, id, user: Some(user.clone()), what };
        self.tell(Kinds::ANNOUNCEMENTS, change);
        Ok(())
    }
}
