//! Announcements. Contract 2.3.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::announcement::NewAnnouncement;

use super::{Answer, created, system_view};
use crate::answer;
use crate::extract::{DedupeTag, Payload};
use crate::gate::Caller;
use crate::service::Services;

/// `POST /announcements`: sends an announcement.
///
/// - `202` with the announcement (recorded); `id_in_use`
pub async fn send(
    State(services): State<Arc<Services>>,
    caller: Caller,
    DedupeTag(tag): DedupeTag,
    Payload(body): Payload,
) -> Answer {
    let request = NewAnnouncement::parse(&body, caller.version)?;
    let (creation, identities) = services.send_announcement(caller, tag, request).await?;
    let view = system_view(&services, caller, identities);
    let announcement = created(creation, "Announcement", &view)?;
    Ok(answer::json(StatusCode::ACCEPTED, &view.announcement(announcement)))
}
