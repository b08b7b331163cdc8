//! Announcements. Contract 2.3.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::announcement::NewAnnouncement;

use super::{Answer, created, system_view, user_list, user_view};
use crate::http::answer;
use crate::http::extract::{DedupeTag, JsonBody, OfAnnouncement, OfUser, Query};
use crate::http::gate::Caller;
use crate::http::render::UserView;
use crate::service::Services;

/// `POST /announcements`: sends an announcement.
///
/// - `202` with the announcement (recorded); `id_in_use`
pub async fn send(
    State(services): State<Arc<Services>>,
    caller: Caller,
    DedupeTag(tag): DedupeTag,
    JsonBody(body): JsonBody,
) -> Answer {
    let request = NewAnnouncement::parse(&body, caller.version)?;
    let (creation, identities) = services.announcements.send(caller, tag, request).await?;
    let view = system_view(&services, caller, identities);
    let announcement = created(creation, "Announcement", &view)?;
    Ok(answer::json(StatusCode::ACCEPTED, &view.announcement(announcement)))
}

/// `GET /users/<user>/announcements`: the announcements that a user got, newest first.
///
/// - `200`, from 2.0 on `206` when more follow, with `Layer-Count`; `not_found` for an unknown `from_id`
/// - an unknown user: `not_found` before 2.0, `[]` since (contract 2.1.3)
pub async fn get_all_of_user(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    Query(query): Query,
) -> Answer {
    let page = query.announcements()?;
    let show = user_list(&services, caller, user.clone(), UserView::announcement);
    Ok(services.announcements.page_of_user(caller, user, page, show).await?)
}

/// `GET /users/<user>/announcements/<uuid>`: an announcement that a user got.
///
/// - `200`; `invalid_request_id`; `not_found`, also for one that the user deleted
pub async fn get_of_user(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    OfAnnouncement(id): OfAnnouncement,
) -> Answer {
    let (copy, identities) = services.announcements.find_of_user(caller, user.clone(), id).await?;
    Ok(answer::json(StatusCode::OK, &user_view(&services, caller, user, identities).announcement(copy)))
}

/// `DELETE /users/<user>/announcements/<uuid>`: deletes an announcement for a user.
///
/// - `204`; `invalid_request_id`; `not_found`, also once more
pub async fn delete_of_user(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    OfAnnouncement(id): OfAnnouncement,
) -> Answer {
    services.announcements.delete_of_user(caller.key, user, id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
