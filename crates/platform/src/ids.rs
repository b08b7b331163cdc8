//! Ids and secrets, injected so that a run can be made deterministic.

use layer_wire::Timestamp;
use uuid::{NoContext, Uuid};

use crate::token::Token;

/// Makes ids and secrets.
pub trait Ids: Send + Sync {
    /// A UUID for a new resource that was created at `now`.
    fn resource(&self, now: Timestamp) -> Uuid;

    /// A UUID for a new app.
    fn app(&self) -> Uuid;

    /// A token for a new app.
    fn token(&self) -> Token;
}

/// Random ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    /// Version 7, which begins with the time: new rows then land side by side in the index, which is the largest single lever on
    /// the rate of sends.
    fn resource(&self, now: Timestamp) -> Uuid {
        let ms = u64::try_from(now.as_ms()).unwrap_or_default();
        let nanos_of_second = u32::try_from(ms % 1000).unwrap_or_default() * 1_000_000;
        Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, ms / 1000, nanos_of_second))
    }

    fn app(&self) -> Uuid {
        Uuid::new_v4()
    }

    /// Two random UUIDs without hyphens: 244 random bits.
    fn token(&self) -> Token {
        Token::new(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_ids_sort_by_their_time() {
        let early = RandomIds.resource(Timestamp::from_ms(1_454_462_029_023));
        let late = RandomIds.resource(Timestamp::from_ms(1_454_462_029_024));
        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
    }
}
