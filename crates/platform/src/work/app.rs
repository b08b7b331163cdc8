//! Removes what deleted apps had, in steps that other writes get in between.
//!
//! How far it came stands nowhere but in what is left, so that it goes on there after a crash.

use std::sync::Arc;
use std::time::Duration;

use layer_store::StoreError;

use super::Next;
use crate::service::Services;

/// How long to wait after the store refused.
const PAUSE: Duration = Duration::from_secs(10);

/// Does what is to be done now. Answers when to come back if nothing happens meanwhile.
pub async fn work(services: Arc<Services>) -> Next {
    match services.apps.purge().await {
        Ok(()) | Err(StoreError::Closed) => Next::default(),
        Err(error) => {
            tracing::error!(%error, "what deleted apps had cannot be removed");
            Next { at: None, within: Some(PAUSE) }
        }
    }
}
