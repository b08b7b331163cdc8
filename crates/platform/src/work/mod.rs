//! Work that no request waits for. Each worker is a task of its own, in a file named after the noun that it works on.
//!
//! What is to be done stands in a table of the store, so that it survives a restart. A worker sleeps until a write wakes it or the
//! next row is due; at rest it costs nothing.

mod content;
mod export;
mod scheduled_message;
mod webhook;

use std::future::Future;
use std::sync::Arc;

use layer_wire::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::ground::clock::Clock;
use crate::ground::task;
use crate::outbound::Outbound;
use crate::service::Services;

/// Starts the workers on the runtime at hand. They end soon after `stop` says so.
pub fn start(services: &Arc<Services>, outbound: Outbound, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    let scheduled_messages = {
        let services = Arc::clone(services);
        move || scheduled_message::send_due(Arc::clone(&services))
    };
    let wake = Arc::clone(services.scheduled());
    workers.spawn(task::boxed(run(services.clock().clone(), wake, stop.clone(), scheduled_messages)));
    workers.spawn(task::boxed(webhook::run(Arc::clone(services), outbound, stop.clone())));
    let content = {
        let services = Arc::clone(services);
        move || content::work(Arc::clone(&services))
    };
    let wake = Arc::clone(services.files_unused());
    workers.spawn(task::boxed(run(services.clock().clone(), wake, stop.clone(), content)));
    let export = {
        let services = Arc::clone(services);
        move || export::work(Arc::clone(&services))
    };
    let wake = Arc::clone(services.exports_wanted());
    workers.spawn(task::boxed(run(services.clock().clone(), wake, stop.clone(), export)));
    workers
}

/// Calls `work` until `stop` says so: at first, whenever `wake` rings, and at the time that `work` asked for last.
///
/// `work` does all that is due and answers when the next thing is, if there is one. A ring in the middle of it is not lost. It is
/// dropped at its next await when the platform stops, so what it does between two awaits must stand alone.
async fn run<Work: Future<Output = Option<Timestamp>> + Send>(
    clock: Clock,
    wake: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
    mut work: impl FnMut() -> Work + Send,
) {
    let rounds = async {
        loop {
            let next = work().await;
            let due = async {
                match next {
                    Some(next) => clock.wait_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wake.notified() => {}
                () = due => {}
            }
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

    use super::*;

    #[tokio::test]
    async fn a_worker_works_at_first_when_woken_and_when_due_until_it_is_stopped() {
        let (stop, is_stopping) = watch::channel(false);
        let wake = Arc::new(Notify::new());
        let (rounds, finished) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let work = {
            let (rounds, finished) = (Arc::clone(&rounds), Arc::clone(&finished));
            move || {
                // Asks for one more round at once after the second one only.
                let round = rounds.fetch_add(1, Ordering::SeqCst) + 1;
                finished.notify_one();
                async move { (round == 2).then(|| Timestamp::from_ms(0)) }
            }
        };
        let worker = tokio::spawn(run(Clock::default(), Arc::clone(&wake), is_stopping, work));
        finished.notified().await;
        wake.notify_one();
        while rounds.load(Ordering::SeqCst) < 3 {
            finished.notified().await;
        }
        stop.send(true).unwrap();
        worker.await.unwrap();
        assert_eq!(rounds.load(Ordering::SeqCst), 3);
    }
}
