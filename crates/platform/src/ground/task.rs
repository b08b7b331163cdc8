//! Boxed tasks, so tokio's generics are compiled once.

use std::pin::Pin;

/// What a task does.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Boxes `work`: for each type that is spawned, the compiler makes all that tokio does with a task anew, for each of
/// its kinds of runtimes.
pub fn boxed(work: impl Future<Output = ()> + Send + 'static) -> Work {
    Box::pin(work)
}
