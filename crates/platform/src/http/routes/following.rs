//! Whom a user follows, in version 2.0 and later. Contract 2.8.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::{UserId, user as wire_user};

use super::Answer;
use crate::http::answer;
use crate::http::extract::{Followed, JsonBody, OfUser, Query};
use crate::http::gate::Caller;
use crate::service::Services;

/// `GET /users/<user>/following`: the identity ids of those whom a user follows.
///
/// - `200`, from 2.0 on `206` when more follow, with `Layer-Count`; `[]` for an unknown user (assumed); `not_found` for
///   an unknown `from_id`
pub async fn get_all(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    Query(query): Query,
) -> Answer {
    let listing = services.following.page(caller.key, user, query.users()?).await?;
    Ok(answer::list(caller.version, listing, |followed: UserId| followed.identity_id()))
}

/// `POST /users/<user>/following`: makes a user follow many others.
///
/// - `202`; `invalid_request` for a body that is no array; `invalid_property`
pub async fn follow_all(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    JsonBody(body): JsonBody,
) -> Answer {
    let followed = wire_user::parse_following(&body, caller.version)?;
    services.following.follow(caller.key, user, followed).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// `GET /users/<user>/following/<user>`: whether a user follows another one.
///
/// - `204` when it does; `not_found` when it does not
pub async fn get(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    Followed(followed): Followed,
) -> Answer {
    services.following.check(caller.key, user, followed).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `PUT /users/<user>/following/<user>`: makes a user follow another one, who is created if need be.
///
/// - `204`
pub async fn follow(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    Followed(followed): Followed,
) -> Answer {
    services.following.follow(caller.key, user, vec![followed]).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `DELETE /users/<user>/following/<user>`: makes a user no longer follow another one.
///
/// - `204`, also when it did not
pub async fn unfollow(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    Followed(followed): Followed,
) -> Answer {
    services.following.unfollow(caller.key, user, followed).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `GET /users/<user>/identities`: the identities of those whom a user follows.
///
/// - as for [`get_all`]
pub async fn identities(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(user): OfUser,
    Query(query): Query,
) -> Answer {
    let listing = services.following.page_of_identities(caller.key, user, query.users()?).await?;
    Ok(answer::list(caller.version, listing, |(followed, fields)| {
        super::identity::shown(&services, caller, &followed, fields)
    }))
}
