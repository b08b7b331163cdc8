//! Identities. Contract 2.7.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::identity::{Fields, IdentityPatch};
use layer_wire::view::Identities;
use layer_wire::{ApiError, UserId};

use super::{Answer, system_view, user_view};
use crate::http::answer;
use crate::http::extract::{JsonBody, OfIdentity, OfUser, PatchBody};
use crate::http::gate::Caller;
use crate::service::Services;
use crate::service::identity::CreatedIdentity;

/// An identity where a user may have none: then `null` in 1.x, and full of nulls from 2.0 on (assumed).
pub fn shown(
    services: &Services,
    caller: Caller,
    user: &UserId,
    fields: Option<Fields>,
) -> Option<layer_wire::identity::Identity> {
    let fields = if caller.version.has_identities() { fields.unwrap_or_else(Fields::unset) } else { fields? };
    // URLs of identities are the same for whoever sees them.
    Some(user_view(services, caller, user.clone(), Identities::new()).identity(user, &fields))
}

/// `POST /users/<user>/identity`: creates an identity.
///
/// - `201` without a body (recorded); `id_in_use` with the identity that exists
pub async fn create(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    JsonBody(body): JsonBody,
) -> Answer {
    let fields = Fields::parse(&body, caller.version)?;
    match services.identities.create(caller.key, user.clone(), fields).await? {
        CreatedIdentity::Done => Ok(answer::empty(StatusCode::CREATED)),
        CreatedIdentity::Existing(fields) => {
            let view = system_view(&services, caller, Identities::new());
            let existing = serde_json::to_value(view.identity(&user, &fields)).ok();
            Err(ApiError::id_in_use("Identity", existing).into())
        }
    }
}

/// `GET /users/<user>/identity`: an identity.
///
/// - `200`; `not_found`, in 1.x also for a user without identity, whom 2.0 and later show with nulls (assumed)
pub async fn get(State(services): State<Arc<Services>>, caller: Caller, OfUser(user): OfUser) -> Answer {
    let fields = services.identities.find(caller, user.clone()).await?;
    let view = system_view(&services, caller, Identities::new());
    Ok(answer::json(StatusCode::OK, &view.identity(&user, &fields)))
}

/// `GET /identities/<user>`: the identity of anyone whom the app knows, for a user.
///
/// - `200`, full of nulls for a user without identity; `not_found` for one that nothing ever named
pub async fn get_for_user(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    OfIdentity(shown): OfIdentity,
) -> Answer {
    let fields = services.identities.find(caller, shown.clone()).await?;
    let view = user_view(&services, caller, user, Identities::new());
    Ok(answer::json(StatusCode::OK, &view.identity(&shown, &fields)))
}

/// `PATCH /users/<user>/identity`: changes fields of an identity.
///
/// - `204`; `not_found`; `invalid_property`
pub async fn edit(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    PatchBody(body): PatchBody,
) -> Answer {
    let patch = IdentityPatch::parse(&body, caller.version)?;
    services.identities.edit(caller.key, user, patch).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `PUT /users/<user>/identity`: replaces an identity, or creates it (assumed).
///
/// - `204`
pub async fn replace(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    JsonBody(body): JsonBody,
) -> Answer {
    let fields = Fields::parse(&body, caller.version)?;
    services.identities.replace(caller, user, fields).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `DELETE /users/<user>/identity`: deletes an identity.
///
/// - `204`; `not_found`
pub async fn delete(State(services): State<Arc<Services>>, caller: Caller, OfUser(user): OfUser) -> Answer {
    services.identities.delete(caller.key, user).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
