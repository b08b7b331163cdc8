//! Makes exports: those that were asked for, and those that are due by schedule. One at a time, the oldest first.

use std::sync::Arc;

use layer_store::claim::Claims;
use layer_wire::Timestamp;

use super::Next;
use crate::service::Services;

/// How long to wait after a failure, in milliseconds: the disk may be full, and someone may make room.
const PAUSE_MS: i64 = 60_000;

/// Makes all exports that wait. Answers when the next one is due. One that is left half made is made anew by whoever
/// claims it next.
pub async fn work(services: Arc<Services>) -> Next {
    loop {
        match services.exports.claim().await {
            Ok(Claims { mut taken, next, lapses_in }) => {
                let Some(claimed) = taken.pop() else { return Next { at: next, within: lapses_in } };
                if let Err(failure) = services.exports.make(claimed).await {
                    tracing::error!(error = ?failure, "an export cannot be made");
                    break;
                }
            }
            Err(error) => {
                tracing::error!(%error, "an export cannot be made");
                break;
            }
        }
    }
    Next::at(Timestamp::from_ms(services.core.clock().now().as_ms() + PAUSE_MS))
}
