//! Makes exports: those that were asked for, and those that are due by schedule. One at a time, the oldest first.

use std::sync::Arc;

use layer_wire::Timestamp;

use crate::ground::report::report;
use crate::service::Services;

/// How long to wait after a failure, in milliseconds: the disk may be full, and someone may make room.
const PAUSE_MS: i64 = 60_000;

/// Makes all exports that wait. Answers when the next one is due. One that is left half made is made anew at the next start.
pub async fn work(services: Arc<Services>) -> Option<Timestamp> {
    loop {
        match services.next_export().await {
            Ok(Err(due_at)) => return due_at,
            Ok(Ok(export)) => {
                if let Err(failure) = services.make_export(export).await {
                    report(format_args!("an export cannot be made: {failure:?}"));
                    break;
                }
            }
            Err(error) => {
                report(format_args!("an export cannot be made: {error}"));
                break;
            }
        }
    }
    Some(Timestamp::from_ms(services.clock().now().as_ms() + PAUSE_MS))
}
