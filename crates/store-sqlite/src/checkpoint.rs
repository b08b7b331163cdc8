//! Checkpoints: what is in the log is copied into the file, so that the log can begin anew.
//!
//! A thread copies while the writer goes on. But the log begins anew only with a write that finds all of it copied, and
//! under load some is always new: so the writer copies the rest, between two batches. That is a pause, as short as the
//! rest is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use layer_store::OpenError;
use rusqlite::Connection;

use super::{file, open};

/// From which length on the log is copied. Unit: pages. A page that is written again before that is copied once for
/// all, so the longer the log, the less is copied; the rest does not grow with it. 16 MB.
pub const LOG_PAGES: usize = 4000;

/// The checkpoints, as the thread that writes sees them.
pub struct Checkpoints {
    /// From which length on the log is copied. Unit: pages.
    limit: usize,
    /// How long the log is since the last commit. Unit: pages.
    length: Arc<AtomicUsize>,
    /// Whether the thread copies, or did and the rest is left.
    is_under_way: bool,
    orders: Sender<()>,
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Checkpoints {
    /// Starts the thread, and has the connection of the writer say how long the log is.
    ///
    /// Error: why the file cannot be opened once more, or that no thread can be started.
    pub fn start(writer: &mut Connection, path: &Path, limit: usize) -> Result<Self, OpenError> {
        let length = Arc::<AtomicUsize>::default();
        let seen = Arc::clone(&length);
        // In place of SQLite's own checkpoints, which are the writer's.
        let hook = move |_: &mut rusqlite::hooks::Wal, pages| {
            seen.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(hook)).map_err(|source| file::failed(path, source))?;
        let connection = open::open_beside_writer(path)?;
        // One order is under way at a time.
        let (orders, ordered) = bounded(1);
        let (tell, done) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("layer-checkpoint".into())
            .spawn(move || {
                while ordered.recv().is_ok() {
                    copy(&connection);
                    // Nobody listens any more when the writer ends.
                    let _ = tell.send(());
                }
            })
            .map_err(OpenError::Thread)?;
        Ok(Self { limit, length, is_under_way: false, orders, done, thread })
    }

    /// Does what is due after a batch: where the log is long, orders that it be copied, and copies the rest once that
    /// is done. A log that a batch found no room in is as long as it gets.
    pub fn keep_up(&mut self, writer: &Connection, is_committed: bool) {
        if !self.is_under_way {
            let is_long = !is_committed || self.length.load(Ordering::Relaxed) >= self.limit;
            self.is_under_way = is_long && self.orders.try_send(()).is_ok();
        } else if self.done.try_recv().is_ok() {
            copy(writer);
            self.is_under_way = false;
        }
    }

    /// Ends the thread, once it has copied what it was about to.
    pub fn close(self) {
        drop(self.orders);
        // The thread has nothing to say.
        let _ = self.thread.join();
    }
}

/// Copies all that no reader stands in the way of. What fails, as on a full disk, stays in the log, where it is as
/// durable as in the file, and is tried again after the next batch.
fn copy(connection: &Connection) {
    let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
}
