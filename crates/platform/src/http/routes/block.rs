//! Block lists. Contract 2.6.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use layer_wire::block_list;

use super::{Answer, system_view};
use crate::http::answer;
use crate::http::extract::{Blocked, JsonBody, OfUser};
use crate::http::gate::Caller;
use crate::service::Services;

/// `GET /users/<user>/blocks`: whom a user blocks.
///
/// - `200`, without `Layer-Count` and without paging (recorded)
pub async fn get(State(services): State<Arc<Services>>, caller: Caller, OfUser(owner): OfUser) -> Answer {
    let (blocked, identities) = services.blocks.list(caller, owner).await?;
    let list = system_view(&services, caller, identities).block_list(blocked);
    Ok(answer::json(StatusCode::OK, &list))
}

/// `POST /users/<user>/blocks`: blocks a user.
///
/// - `204`, also once more and for oneself (recorded)
pub async fn block(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(owner): OfUser,
    JsonBody(body): JsonBody,
) -> Answer {
    let blocked = block_list::parse_block(&body)?;
    services.blocks.add(caller.key, owner, blocked).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// `DELETE /users/<user>/blocks/<user>`: unblocks a user.
///
/// - `204`, also when the user is not blocked (recorded)
pub async fn unblock(
    State(services): State<Arc<Services>>,
    caller: Caller,
    OfUser(owner): OfUser,
    Blocked(blocked): Blocked,
) -> Answer {
    services.blocks.remove(caller.key, owner, blocked).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
