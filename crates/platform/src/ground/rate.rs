//! How often a token may be used: a bucket for each, which is kept as the one point in time at which it would be empty
//! again (GCRA). Off unless the operator says otherwise.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a token may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second, on average.
    pub per_second: u32,
    /// Requests that may come at once after a pause.
    pub at_once: u32,
}

/// Tokens are spread over so many locks.
const SHARDS: usize = 16;

/// How many tokens are remembered behind each lock: 1 MB for all. More are used at the same time only by who makes them
/// up, and what is forgotten then counts anew.
const TOKENS: usize = 4096;

/// Counts the requests of each token.
pub struct Limiter {
    /// How long a request counts. Unit: nanoseconds.
    interval: u64,
    /// By how much the time of a bucket may be ahead.
    tolerance: u64,
    began: Instant,
    seed: RandomState,
    shards: [Mutex<HashMap<u64, u64>>; SHARDS],
}

impl Limiter {
    /// Lets requests pass at this rate.
    pub fn new(RateLimit { per_second, at_once }: RateLimit) -> Self {
        let interval = 1_000_000_000 / u64::from(per_second.max(1));
        let tolerance = interval.saturating_mul(u64::from(at_once.max(1)) - 1);
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { interval, tolerance, began: Instant::now(), seed: RandomState::new(), shards }
    }

    /// Counts a request, or says how long to wait until one may come.
    pub fn take(&self, token: &str) -> Result<(), Duration> {
        self.take_at(token, u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn take_at(&self, token: &str, now: u64) -> Result<(), Duration> {
        // Nobody can choose a token that shares the bucket of another one: the seed is random.
        let name = self.seed.hash_one(token);
        let shard = &self.shards[usize::try_from(name % SHARDS as u64).unwrap_or_default()];
        // Whole at each step, also after a panic elsewhere.
        let mut buckets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = buckets.get(&name).copied().unwrap_or_default().max(now);
        let ahead = full_at - now;
        if ahead > self.tolerance {
            return Err(Duration::from_nanos(ahead - self.tolerance));
        }
        if buckets.len() >= TOKENS && !buckets.contains_key(&name) {
            buckets.retain(|_, full_at| *full_at > now);
            if buckets.len() >= TOKENS
                && let Some(any) = buckets.keys().next().copied()
            {
                buckets.remove(&any);
            }
        }
        buckets.insert(name, full_at.saturating_add(self.interval));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn so_many_pass_at_once_and_then_at_the_rate() {
        let limiter = Limiter::new(RateLimit { per_second: 10, at_once: 3 });
        let taken: Vec<_> = (0..4).map(|_| limiter.take_at("a", SECOND)).collect();
        assert_eq!(taken, [Ok(()), Ok(()), Ok(()), Err(Duration::from_millis(100))]);
        assert_eq!(limiter.take_at("b", SECOND), Ok(()));
        assert_eq!(limiter.take_at("a", SECOND + SECOND / 20), Err(Duration::from_millis(50)));
        assert_eq!(limiter.take_at("a", SECOND + SECOND / 10), Ok(()));
        assert!(limiter.take_at("a", SECOND + SECOND / 10).is_err());
        // What was not used adds up to what may come at once, and to no more.
        assert_eq!((0..5).filter(|_| limiter.take_at("a", 9 * SECOND).is_ok()).count(), 3);
    }

    #[test]
    fn no_more_tokens_are_remembered_than_there_is_room_for() {
        let limiter = Limiter::new(RateLimit { per_second: 1, at_once: 1 });
        let count = || limiter.shards.iter().map(|shard| shard.lock().unwrap().len()).sum::<usize>();
        for number in 0..2 * SHARDS * TOKENS {
            let _ = limiter.take_at(&number.to_string(), SECOND);
        }
        assert!(count() <= SHARDS * TOKENS);
        // Those whose time is over make room for others first.
        for number in 0..SHARDS * TOKENS {
            let _ = limiter.take_at(&format!("later {number}"), 3 * SECOND);
        }
        assert!(count() <= SHARDS * TOKENS);
        assert!(limiter.take_at("later 1", 3 * SECOND).is_err());
    }
}
