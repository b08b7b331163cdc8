//! Forgets what is older than the log of changes is kept for.
//!
//! There is nothing to claim: what one process has forgotten, another one does not find.

use std::sync::Arc;

use layer_wire::Timestamp;

use super::Next;
use crate::service::Services;

/// How often the log is looked at, in milliseconds. Clients can catch up for that much longer.
const PAUSE_MS: i64 = 3_600_000;

/// Forgets what is too old now. Answers when to come back.
pub async fn work(services: Arc<Services>) -> Next {
    if let Err(error) = services.live.forget().await {
        tracing::error!(%error, "what is too old cannot be deleted from the log of changes");
    }
    Next::at(Timestamp::from_ms(services.core.clock().now().as_ms().saturating_add(PAUSE_MS)))
}
