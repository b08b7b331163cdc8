//! Deletes the bytes of rich content and the archives of exports once nothing refers to them, and what a crash left of
//! them.
//!
//! There is nothing to claim: to delete a file twice is as good as once.

use std::sync::Arc;

use layer_wire::Timestamp;

use super::Next;
use crate::service::Services;

/// How long to wait after the disk refused, in milliseconds.
const PAUSE_MS: i64 = 60_000;

/// How often to look for content whose time is over, in milliseconds: nothing tells of it.
const INTERVAL_MS: i64 = 24 * 60 * 60 * 1000;

/// Does what is to be done now. Answers when to come back if nothing happens meanwhile.
pub async fn work(services: Arc<Services>) -> Next {
    let Err(error) = services.contents.delete_unused_files().await else {
        return Next::at(Timestamp::from_ms(services.core.clock().now().as_ms().saturating_add(INTERVAL_MS)));
    };
    tracing::error!(%error, "files that are not used any more cannot be deleted");
    Next::at(Timestamp::from_ms(services.core.clock().now().as_ms() + PAUSE_MS))
}
