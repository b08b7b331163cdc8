//! The time, which can be stopped and moved so that a test can wait for hours in no time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use layer_store::clock::machine_time;
use layer_wire::Timestamp;
use tokio::sync::watch;

/// Something to wait for.
pub type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How the clock of a platform relates to the clock of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    /// It runs, so many milliseconds ahead.
    Running { ahead_ms: i64 },
    /// It stands.
    Frozen { at: Timestamp },
}

/// The clock of a platform: that of the machine, until it is told otherwise. Clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Arc<watch::Sender<Setting>>);

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Setting::Running { ahead_ms: 0 })))
    }
}

impl Clock {
    /// The present moment.
    pub fn now(&self) -> Timestamp {
        show(*self.0.borrow())
    }

    /// Ends once the clock shows `time` or later. To be awaited on a runtime with timers.
    pub fn wait_until(&self, time: Timestamp) -> Wait {
        /// A timer does not see the clock of the machine being set, so a long wait looks at it from time to time.
        const LONGEST: Duration = Duration::from_secs(60);
        let mut setting = self.0.subscribe();
        Box::pin(async move {
            loop {
                let current = *setting.borrow_and_update();
                let left = time.as_ms().saturating_sub(show(current).as_ms());
                let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else { return };
                let elapsed = async {
                    match current {
                        Setting::Running { .. } => tokio::time::sleep(Duration::from_millis(left).min(LONGEST)).await,
                        Setting::Frozen { .. } => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = elapsed => {}
                    changed = setting.changed() => if changed.is_err() { return std::future::pending().await },
                }
            }
        })
    }

    /// Stops the clock, at its present time or at another, which may lie in the past.
    pub fn freeze(&self, at: Option<Timestamp>) {
        let at = at.unwrap_or_else(|| self.now());
        self.0.send_replace(Setting::Frozen { at });
    }

    /// Moves the clock by so many milliseconds, whether it stands or runs.
    pub fn advance(&self, by_ms: i64) {
        self.0.send_modify(|setting| {
            *setting = match *setting {
                Setting::Running { ahead_ms } => Setting::Running { ahead_ms: ahead_ms.saturating_add(by_ms) },
                Setting::Frozen { at } => Setting::Frozen { at: Timestamp::from_ms(at.as_ms().saturating_add(by_ms)) },
            }
        });
    }

    /// Lets the clock run on from the time that it shows.
    pub fn resume(&self) {
        let ahead_ms = self.now().as_ms().saturating_sub(machine_time().as_ms());
        self.0.send_replace(Setting::Running { ahead_ms });
    }

    /// Sets the clock to that of the machine.
    pub fn follow_machine(&self) {
        self.0.send_replace(Setting::Running { ahead_ms: 0 });
    }

    /// Whether the clock stands.
    pub fn is_frozen(&self) -> bool {
        matches!(*self.0.borrow(), Setting::Frozen { .. })
    }
}

fn show(setting: Setting) -> Timestamp {
    match setting {
        Setting::Running { ahead_ms } => Timestamp::from_ms(machine_time().as_ms().saturating_add(ahead_ms)),
        Setting::Frozen { at } => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(clock: &Clock, by_ms: i64) -> Timestamp {
        Timestamp::from_ms(clock.now().as_ms() + by_ms)
    }

    #[tokio::test]
    async fn a_wait_ends_when_its_time_has_come() {
        let clock = Clock::default();
        let (before, due) = (clock.now(), later(&clock, 30));
        clock.wait_until(due).await;
        assert!(clock.now() >= due);
        clock.wait_until(before).await;
    }

    #[tokio::test]
    async fn a_frozen_clock_moves_only_when_it_is_told_to() {
        let clock = Clock::default();
        clock.freeze(Some(Timestamp::from_ms(1000)));
        assert!(clock.is_frozen());
        let wait = tokio::spawn(clock.wait_until(Timestamp::from_ms(3_601_000)));
        clock.advance(1_800_000);
        tokio::task::yield_now().await;
        assert_eq!(clock.now(), Timestamp::from_ms(1_801_000));
        assert!(!wait.is_finished());
        clock.advance(1_800_000);
        wait.await.unwrap();
    }

    #[tokio::test]
    async fn a_running_clock_can_be_put_forward_and_ends_the_waits_that_are_due() {
        let clock = Clock::default();
        let due = later(&clock, 3_600_000);
        let wait = tokio::spawn(clock.wait_until(due));
        tokio::task::yield_now().await;
        clock.advance(3_600_000);
        wait.await.unwrap();
        assert!(clock.now() >= due && !clock.is_frozen());
    }

    #[test]
    fn a_resumed_clock_runs_on_from_the_time_it_showed() {
        let clock = Clock::default();
        clock.freeze(Some(Timestamp::from_ms(0)));
        clock.resume();
        assert!(!clock.is_frozen() && clock.now().as_ms() < 60_000);
        clock.follow_machine();
        assert!(clock.now().as_ms() > 60_000);
    }
}
