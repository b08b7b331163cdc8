//! Announcements. Contract 2.3.

use layer_wire::announcement::NewAnnouncement;
use layer_wire::part::{Part, PartBody};
use layer_wire::{AnnouncementId, ApiError};
use uuid::Uuid;

use super::Services;
use super::caller::Caller;
use super::dedupe::{self, Creation, Tagged};
use super::named::Named;
use crate::error::Failure;
use crate::store::Writes;
use crate::store::model::AnnouncementRecord;

impl Services {
    /// Sends an announcement. Its recipients need not exist, but a user who sends it must.
    ///
    /// Error: `invalid_property` `sender_id` (assumed).
    pub async fn send_announcement(
        &self,
        caller: Caller,
        tag: Option<Uuid>,
        request: NewAnnouncement,
    ) -> Result<Named<Creation<AnnouncementRecord>>, Failure> {
        let app = caller.key;
        let sent_at = self.clock.now();
        let id = AnnouncementId::new(tag.unwrap_or_else(|| self.ids.resource(sent_at)));
        let send = move |writes: &mut dyn Writes| {
            match dedupe::find(writes, app, tag)? {
                Some(Tagged::Announcement(first)) => return Ok(Creation::Done(first)),
                Some(other) => return Ok(Creation::IdInUse(other)),
                None => {}
            }
            let NewAnnouncement { recipients, sender, parts } = request;
            if let Some(user) = sender.user()
                && !writes.user_exists(app, user)?
            {
                return Err(ApiError::unknown_sender().into());
            }
            let parts = Part::all_of(id.uuid(), parts)?;
            if parts.iter().any(|part| matches!(part.body, PartBody::Content { .. })) {
                return Err(ApiError::content_not_kept().into());
            }
            let new = AnnouncementRecord { id, sent_at, recipients, sender, parts };
            writes.insert_announcement(app, &new)?;
            Ok(Creation::Done(new))
        };
        self.write_named(caller, send).await
    }
}
