//! Announcements. Contract 2.3.

use layer_wire::announcement::NewAnnouncement;
use layer_wire::part::{Part, PartBody};
use layer_wire::{AnnouncementId, ApiError};
use uuid::Uuid;

use super::Services;
use super::dedupe::{self, Creation, Tagged};
use crate::error::Failure;
use crate::store::Writes;
use crate::store::model::{AnnouncementRecord, AppKey};

impl Services {
    /// Sends an announcement. Its recipients need not exist.
    pub async fn send_announcement(
        &self,
        app: AppKey,
        tag: Option<Uuid>,
        request: NewAnnouncement,
    ) -> Result<Creation<AnnouncementRecord>, Failure> {
        let sent_at = self.clock.now();
        let id = AnnouncementId::new(tag.unwrap_or_else(|| self.ids.resource(sent_at)));
        let send = move |writes: &mut dyn Writes| {
            match dedupe::find(writes, app, tag)? {
                Some(Tagged::Announcement(first)) => return Ok(Creation::Done(first)),
                Some(other) => return Ok(Creation::IdInUse(other)),
                None => {}
            }
            let NewAnnouncement { recipients, sender, parts } = request;
            let parts = Part::all_of(id.uuid(), parts)?;
            if parts.iter().any(|part| matches!(part.body, PartBody::Content { .. })) {
                return Err(ApiError::content_not_kept().into());
            }
            let new = AnnouncementRecord { id, sent_at, recipients, sender, parts };
            writes.insert_announcement(app, &new)?;
            Ok(Creation::Done(new))
        };
        self.store.write(send).await
    }
}
