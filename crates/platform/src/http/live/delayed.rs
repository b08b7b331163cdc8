//! Who seems to type because a message is due soon. Contract 2.2.5, Client API 5.5.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use layer_store::StoreError;
use layer_store::changes::Kinds;
use layer_store::scheduled_message::Typist;
use layer_wire::Timestamp;

use super::hub::Hub;
use super::typing::{self, Action};
use crate::service::Services;

/// How often it is told again: the SDKs forget after 6 s. Unit: milliseconds.
const REPEATED_MS: i64 = 2500;

/// How many are told of at a time; more have to wait for their turn.
const AT_ONCE: usize = 1000;

/// How long to wait before the queue is looked at again, after it could not be read.
const PAUSE: Duration = Duration::from_millis(500);

/// Tells of typing for as long as the platform runs.
pub async fn run(hub: Arc<Hub>, services: Arc<Services>) {
    let mut changes = services.core.changes(Kinds::SCHEDULED_MESSAGES);
    // Who is told of, and when that was last.
    let mut told: HashMap<Typist, Timestamp> = HashMap::new();
    loop {
        let now = services.core.clock().now();
        let next = match services.live.typists(now, AT_ONCE).await {
            Ok((typists, next)) => {
                tell(&hub, &services, &mut told, typists, now).await;
                next
            }
            Err(StoreError::Closed) => return std::future::pending().await,
            Err(error) => {
                if error != StoreError::Busy {
                    tracing::error!(%error, "who seems to type cannot be read");
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let again = told.values().min().map(|at| Timestamp::from_ms(at.as_ms().saturating_add(REPEATED_MS)));
        let next = next.into_iter().chain(again).min().unwrap_or(Timestamp::from_ms(i64::MAX));
        tokio::select! {
            _ = changes.next() => while changes.try_next().is_some() {},
            () = services.core.clock().wait_until(next) => {}
        }
    }
}

/// Tells who begins, who goes on and who is done: the message was sent, or is not sent any more.
async fn tell(
    hub: &Hub,
    services: &Services,
    told: &mut HashMap<Typist, Timestamp>,
    typists: Vec<Typist>,
    now: Timestamp,
) {
    let typists: HashSet<Typist> = typists.into_iter().collect();
    let done: Vec<Typist> = told.keys().filter(|typist| !typists.contains(typist)).cloned().collect();
    for typist in done {
        told.remove(&typist);
        tell_one(hub, services, &typist, Action::Finished).await;
    }
    for typist in typists {
        let is_due = told.get(&typist).is_none_or(|at| now.as_ms().saturating_sub(at.as_ms()) >= REPEATED_MS);
        if is_due {
            tell_one(hub, services, &typist, Action::Started).await;
            told.insert(typist, now);
        }
    }
}

async fn tell_one(hub: &Hub, services: &Services, typist: &Typist, action: Action) {
    let Typist { app, user, conversation, .. } = typist;
    // Each platform tells those who listen to it.
    if let Err(error) = typing::tell(services, hub, (*app, user), *conversation, action).await
        && !matches!(error, StoreError::Closed | StoreError::Busy)
    {
        tracing::error!(%error, "that a user types cannot be told");
    }
}
