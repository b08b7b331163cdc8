//! Sends messages whose delay is over. Contract 2.2.5.
//!
//! There is nothing to claim: the write that sends a message holds its row and takes it out of the queue.

use std::sync::Arc;

use layer_store::StoreError;
use layer_wire::Timestamp;

use super::Next;
use crate::service::Services;
use crate::service::failure::Failure;

/// How long to wait before trying again when the store fails. Unit: milliseconds.
const RETRY_MS: i64 = 1000;

/// Sends what is due, and answers when the next message is.
pub async fn send_due(services: Arc<Services>) -> Next {
    match services.messages.send_due().await {
        Ok(next) => Next { at: next, within: None },
        Err(failure) => {
            // A store that is closed or busy is no news.
            if !matches!(failure, Failure::Store(StoreError::Closed | StoreError::Busy)) {
                tracing::error!(error = ?failure, "a scheduled message could not be sent");
            }
            Next::at(Timestamp::from_ms(services.core.clock().now().as_ms().saturating_add(RETRY_MS)))
        }
    }
}
