//! Work that no request waits for. Each worker is a task of its own, in a file named after the noun that it works on.
//!
//! What is to be done stands in a table of the store, and so does who does it: a worker keeps nothing that another one
//! needs. It sleeps until a change is told that concerns it, the next row is due, or the claim of another worker
//! lapses; at rest it costs nothing. One that panics is started again.

mod app;
mod content;
mod export;
#[cfg(test)]
pub mod failpoint;
mod log;
mod scheduled_message;
mod webhook;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use layer_store::changes::{Changes, Kinds};
use layer_wire::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::ground::clock::Clock;
use crate::ground::task::{self, Work};
use crate::outbound::Outbound;
use crate::service::Services;

/// How long to wait before a worker that panicked is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// When a worker wants to come back, unless a change comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Next {
    /// At this time of the platform's clock.
    at: Option<Timestamp>,
    /// After this time, as it passes in reality.
    within: Option<Duration>,
}

impl Next {
    fn at(time: Timestamp) -> Self {
        Self { at: Some(time), within: None }
    }
}

/// One round of work.
type Round = Pin<Box<dyn Future<Output = Next> + Send>>;

/// A worker that does all that is due in one round.
struct Worker {
    name: &'static str,
    /// The changes that concern it.
    kinds: Kinds,
    work: fn(Arc<Services>) -> Round,
}

const WORKERS: [Worker; 5] = [
    Worker {
        name: "scheduled messages",
        kinds: Kinds::SCHEDULED_MESSAGES,
        work: |services| Box::pin(scheduled_message::send_due(services)),
    },
    Worker { name: "files", kinds: Kinds::UNUSED_FILES, work: |services| Box::pin(content::work(services)) },
    Worker { name: "deleted apps", kinds: Kinds::APPS, work: |services| Box::pin(app::work(services)) },
    Worker { name: "the log of changes", kinds: Kinds::NONE, work: |services| Box::pin(log::work(services)) },
    Worker { name: "exports", kinds: Kinds::EXPORTS, work: |services| Box::pin(export::work(services)) },
];

const WEBHOOKS: &str = "webhooks";

/// The names of all workers.
#[cfg(test)]
pub fn names() -> Vec<&'static str> {
    WORKERS.iter().map(|worker| worker.name).chain([WEBHOOKS]).collect()
}

/// Starts the workers on the runtime at hand. They end soon after `stop` says so.
pub fn start(services: &Arc<Services>, outbound: Outbound, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for Worker { name, kinds, work } in WORKERS {
        let (services, is_stopping) = (Arc::clone(services), stop.clone());
        let start = move || {
            let (clock, changes) = (services.core.clock().clone(), services.core.changes(kinds));
            let services = Arc::clone(&services);
            let round = move || {
                #[cfg(test)]
                failpoint::pass(services.core.public_url(), name);
                work(Arc::clone(&services))
            };
            task::boxed(run(clock, changes, is_stopping.clone(), round))
        };
        workers.spawn(task::boxed(supervise(name, stop.clone(), Box::new(start))));
    }
    let (services, outbound, is_stopping) = (Arc::clone(services), Arc::new(outbound), stop.clone());
    let start = move || task::boxed(webhook::run(Arc::clone(&services), Arc::clone(&outbound), is_stopping.clone()));
    workers.spawn(task::boxed(supervise(WEBHOOKS, stop.clone(), Box::new(start))));
    workers
}

/// Starts a worker, and starts it again when it panics, until it ends by itself because `stop` says so.
pub async fn supervise(name: &'static str, mut stop: watch::Receiver<bool>, start: Box<dyn Fn() -> Work + Send>) {
    while let Err(error) = tokio::spawn(start()).await {
        if !error.is_panic() {
            // The runtime goes down.
            return;
        }
        // The panic itself has printed where it was.
        tracing::error!(worker = name, "a worker panicked and is started again");
        tokio::select! {
            _ = stop.wait_for(|is_stopping| *is_stopping) => return,
            () = tokio::time::sleep(RESTART_PAUSE) => {}
        }
    }
}

/// Calls `work` until `stop` says so: at first, whenever a change is told, and when `work` asked for last.
///
/// `work` does all that is due and answers when to come back. A change that is told in the middle of it is not lost. It
/// is dropped at its next await when the platform stops, so what it does between two awaits must stand alone.
async fn run<Working: Future<Output = Next> + Send>(
    clock: Clock,
    mut changes: Changes,
    mut stop: watch::Receiver<bool>,
    mut work: impl FnMut() -> Working + Send,
) {
    let rounds = async {
        loop {
            let Next { at, within } = work().await;
            let due = async {
                match at {
                    Some(at) => clock.wait_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let lapse = async {
                match within {
                    Some(within) => tokio::time::sleep(within).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = changes.next() => {}
                () = due => {}
                () = lapse => {}
            }
            // One look is enough for all that was told by now.
            while changes.try_next().is_some() {}
        }
    };
    tokio::select! {
        _ = stop.wait_for(|is_stopping| *is_stopping) => {}
        () = rounds => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use layer_store::changes::{Change, Feed};
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_worker_works_at_first_when_a_change_is_told_when_due_and_when_a_claim_lapses_until_it_is_stopped() {
        let (stop, is_stopping) = watch::channel(false);
        let feed = Arc::new(Feed::default());
        let (rounds, finished) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let work = {
            let (rounds, finished) = (Arc::clone(&rounds), Arc::clone(&finished));
            move || {
                let round = rounds.fetch_add(1, Ordering::SeqCst) + 1;
                finished.notify_one();
                // After the second round it is due at once, after the third one a claim lapses.
                async move {
                    match round {
                        2 => Next::at(Timestamp::from_ms(0)),
                        3 => Next { at: None, within: Some(Duration::ZERO) },
                        _ => Next::default(),
                    }
                }
            }
        };
        let changes = feed.subscribe(Kinds::EXPORTS);
        let worker = tokio::spawn(run(Clock::default(), changes, is_stopping, work));
        finished.notified().await;
        feed.tell(feed.wanted(), &[Change::Exports]);
        while rounds.load(Ordering::SeqCst) < 4 {
            finished.notified().await;
        }
        stop.send(true).unwrap();
        worker.await.unwrap();
        assert_eq!(rounds.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn a_worker_that_panics_is_started_again_until_it_ends_by_itself() {
        let (_stop, is_stopping) = watch::channel(false);
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&starts);
        let start = move || {
            let start = counted.fetch_add(1, Ordering::SeqCst);
            task::boxed(async move { assert!(start >= 2, "on purpose") })
        };
        supervise("tests", is_stopping, Box::new(start)).await;
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_worker_that_panics_while_the_platform_stops_is_not_started_again() {
        let (stop, is_stopping) = watch::channel(false);
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&starts);
        let start = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            task::boxed(async { panic!("on purpose") })
        };
        stop.send(true).unwrap();
        supervise("tests", is_stopping, Box::new(start)).await;
        assert_eq!(starts.load(Ordering::SeqCst), 1);
    }
}
