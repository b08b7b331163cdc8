//! What users do at other platforms on the same database: who types, who is there. It comes when it comes, and is kept
//! by nobody, so who is there is told again from time to time, and forgotten where that ends.

use std::sync::Arc;
use std::time::Duration;

use layer_store::StoreError;
use layer_store::passing::{Heard, Passing};
use layer_wire::{ConversationId, Timestamp};
use tokio::time::MissedTickBehavior;

use super::hub::Hub;
use super::passing::{PRESENCE, Told, pass_presence};
use super::presence::{Status, Word};
use super::presence_feed;
use super::typing::{self, Action};
use crate::service::Services;

/// How often it is told again who is there, and after which time without that nobody is.
const REPEATED: Duration = Duration::from_secs(20);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(120);

/// How many are told again at a time, and how long the next ones wait, so that there is room for what is new.
const AT_ONCE: usize = 128;
const PAUSE: Duration = Duration::from_millis(100);

/// Tells those who listen here what comes from other platforms, and other platforms who is here, for as long as the
/// platform runs.
pub async fn run(hub: Arc<Hub>, services: Arc<Services>) {
    let mut heard = services.core.passing();
    let mut again = tokio::time::interval(REPEATED);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut here = vec![];
    loop {
        tokio::select! {
            next = heard.recv() => match next {
                Some(next) => hear(&hub, &services, next).await,
                None => return std::future::pending().await,
            },
            _ = again.tick() => {
                for (app, user) in hub.presences.forget(FORGOTTEN_AFTER, services.core.clock().now()) {
                    note(presence_feed::tell(&services, &hub, (app, &user), true).await);
                }
                if here.is_empty() && services.core.store_state().is_shared {
                    here = hub.presences.here();
                }
            }
            () = tokio::time::sleep(PAUSE), if !here.is_empty() => {
                for (app, user) in here.drain(here.len().saturating_sub(AT_ONCE)..) {
                    pass_presence(&services, &hub, app, &user);
                }
            }
        }
    }
}

/// What is not understood comes from a platform of another version, and is lost.
async fn hear(hub: &Hub, services: &Services, Heard { process, passing }: Heard) {
    let Passing { app, user, about, text } = passing;
    if about != PRESENCE {
        let (Ok(conversation), Some(action)) = (about.parse().map(ConversationId::new), Action::of_name(&text)) else {
            return;
        };
        return note(typing::tell(services, hub, (app, &user), conversation, action).await.map(drop));
    }
    let Ok(Told { chosen, is_there, last_seen_at }) = serde_json::from_str(&text) else { return };
    let Some(chosen) = Status::of_name(&chosen) else { return };
    let word = Word { chosen, is_there, last_seen_at: last_seen_at.map(Timestamp::from_ms) };
    let heard = hub.presences.hear(app, &user, process, word, services.core.clock().now());
    if let Some(is_seen) = heard {
        note(presence_feed::tell(services, hub, (app, &user), is_seen).await);
    }
}

/// Nobody waits for it: it passes.
fn note(outcome: Result<(), StoreError>) {
    if let Err(error) = outcome
        && !matches!(error, StoreError::Closed | StoreError::Busy)
    {
        tracing::error!(%error, "what users do elsewhere cannot be told");
    }
}
