//! The time, injected so that a run can be made deterministic.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use layer_wire::Timestamp;

/// Something to wait for.
pub type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Ends once the clock shows `time` or later. To be awaited on a runtime with timers.
    fn wait_until(&self, time: Timestamp) -> Wait;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock that stands before 1970, or 300 million years later, counts as 1970.
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(elapsed.as_millis()).unwrap_or_default())
    }

    fn wait_until(&self, time: Timestamp) -> Wait {
        /// A timer does not see the clock being set, so a long wait looks at it again from time to time.
        const LONGEST: Duration = Duration::from_secs(60);
        Box::pin(async move {
            loop {
                let left = time.as_ms().saturating_sub(Self.now().as_ms());
                let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else { return };
                tokio::time::sleep(Duration::from_millis(left).min(LONGEST)).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_ends_when_its_time_has_come() {
        let before = SystemClock.now();
        let due = Timestamp::from_ms(before.as_ms() + 30);
        SystemClock.wait_until(due).await;
        assert!(SystemClock.now() >= due);
        SystemClock.wait_until(before).await;
    }
}
