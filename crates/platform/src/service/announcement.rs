//! Announcements. Contract 2.3.

use std::sync::Arc;

use layer_store::announcement::{AnnouncementCopy, AnnouncementRecord};
use layer_store::held::{Held, Inserted};
use layer_store::key::AppKey;
use layer_store::{Reads, Writes};
use layer_wire::announcement::NewAnnouncement;
use layer_wire::message::Status;
use layer_wire::page::{Listing, Page};
use layer_wire::part::{Part, PartBody};
use layer_wire::{AnnouncementId, ApiError, UserId};
use uuid::Uuid;

use super::caller::Caller;
use super::core::Core;
use super::dedupe::{self, Creation, Tagged};
use super::failure::Failure;
use super::named::Named;

fn find_of_user(
    reads: &dyn Reads,
    app: AppKey,
    user: &UserId,
    id: AnnouncementId,
) -> Result<AnnouncementCopy, Failure> {
    reads.announcement_of(app, user, id)?.ok_or_else(|| ApiError::announcement_not_found().into())
}

fn sent_before(tagged: Tagged) -> Creation<AnnouncementRecord> {
    match tagged {
        Tagged::Announcement(first) => Creation::Done(first),
        other => Creation::IdInUse(other),
    }
}

fn hold_of_user(
    writes: &mut dyn Writes,
    app: AppKey,
    user: &UserId,
    id: AnnouncementId,
) -> Result<Held<AnnouncementCopy>, Failure> {
    writes.hold_announcement_of(app, user, id)?.ok_or_else(|| ApiError::announcement_not_found().into())
}

/// Announcements, and the copies that their recipients have.
pub struct AnnouncementService {
    pub(super) core: Arc<Core>,
}

impl AnnouncementService {
    /// Sends an announcement. Its recipients need not exist, but a user who sends it must.
    ///
    /// Error: `invalid_property` `sender_id` (assumed).
    pub async fn send(
        &self,
        caller: Caller,
        tag: Option<Uuid>,
        request: NewAnnouncement,
    ) -> Result<Named<Creation<AnnouncementRecord>>, Failure> {
        let app = caller.key;
        let sent_at = self.core.clock.now();
        let id = AnnouncementId::new(tag.unwrap_or_else(|| self.core.ids.resource(sent_at)));
        let send = move |writes: &mut dyn Writes| {
            if let Some(tagged) = dedupe::find(writes, app, tag)? {
                return Ok(sent_before(tagged));
            }
            let NewAnnouncement { recipients, sender, parts } = request.clone();
            if let Some(user) = sender.user()
                && !writes.user_exists(app, user)?
            {
                return Err(ApiError::unknown_sender().into());
            }
            let parts = Part::all_of(id.uuid(), parts)?;
            if parts.iter().any(|part| matches!(part.body, PartBody::Content { .. })) {
                return Err(ApiError::content_outside_conversation().into());
            }
            let new = AnnouncementRecord { id, sent_at, recipients, sender, parts };
            Ok(match writes.insert_announcement(app, &new)? {
                Inserted::Done(()) => Creation::Done(new),
                // Another process was faster.
                Inserted::Taken(id_use) => sent_before(dedupe::taken(writes, app, tag, id_use)?),
            })
        };
        self.core.write_named(caller, send).await
    }

    /// A page of the announcements that a user got, shown by `show`. An unknown user has none, as with conversations.
    ///
    /// Error: `not_found` when the page is to begin after an announcement that is not in the list.
    pub async fn page_of_user<Shown: Send + 'static>(
        &self,
        caller: Caller,
        user: UserId,
        page: Page<AnnouncementId>,
        show: impl FnMut(Named<Listing<AnnouncementCopy>>) -> Shown + Send + 'static,
    ) -> Result<Shown, Failure> {
        let app = caller.key;
        let read = move |reads: &dyn Reads| {
            let from = match page.from {
                None => None,
                Some(id) => Some(reads.announcement_of(app, &user, id)?.ok_or_else(ApiError::from_id_not_found)?),
            };
            let total = reads.announcement_count_of(app, &user)?;
            Ok(Listing::new(reads.announcements_of(app, &user, from.as_ref(), page.size + 1)?, page.size, total))
        };
        self.core.read_page(caller, read, show).await
    }

    /// An announcement that a user got. Error: `not_found`, also for one that the user deleted.
    pub async fn find_of_user(
        &self,
        caller: Caller,
        user: UserId,
        id: AnnouncementId,
    ) -> Result<Named<AnnouncementCopy>, Failure> {
        let app = caller.key;
        self.core.read_named(caller, move |reads| find_of_user(reads, app, &user, id)).await
    }

    /// Takes the receipt of a user for an announcement. Nobody else sees it, and it fires no event (contract 2.3).
    /// Error: `not_found`.
    pub async fn give_receipt(
        &self,
        app: AppKey,
        user: UserId,
        id: AnnouncementId,
        status: Status,
    ) -> Result<(), Failure> {
        let give = move |writes: &mut dyn Writes| {
            let mut copy = hold_of_user(writes, app, &user, id)?;
            if copy.status < status {
                writes.put_announcement_status(app, &user, &mut copy, status)?;
            }
            Ok(())
        };
        self.core.store.write(give).await
    }

    /// Deletes an announcement for a user; the other recipients keep it. Error: `not_found`, also once more.
    pub async fn delete_of_user(&self, app: AppKey, user: UserId, id: AnnouncementId) -> Result<(), Failure> {
        let delete = move |writes: &mut dyn Writes| {
            let copy = hold_of_user(writes, app, &user, id)?;
            Ok(writes.delete_announcement_of(app, &user, &copy)?)
        };
        self.core.store.write(delete).await
    }
}
