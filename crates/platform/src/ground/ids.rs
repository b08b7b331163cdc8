//! Ids and secrets; tests can make them deterministic.

use std::sync::{Mutex, MutexGuard, PoisonError};

use layer_store::token::Token;
use layer_wire::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

/// Where ids and secrets come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdSource {
    /// The random numbers of the system. The default, and the only source for anything but tests.
    #[default]
    Random,
    /// A generator of pseudo-random numbers that starts with this seed: every run has the same ids and secrets.
    Seeded(u64),
    /// A counter: `00000000-0000-4000-8000-000000000001` and so on, easy to read in the output of a test.
    Counting,
}

/// Makes ids and secrets.
pub struct Ids {
    source: IdSource,
    /// For what belongs to the operator: apps and tokens outlive a reset.
    lasting: Mutex<Stream>,
    /// For what the API makes.
    resources: Mutex<Stream>,
}

impl Ids {
    /// Makes ids and secrets of a source.
    pub fn new(source: IdSource) -> Self {
        Self { source, lasting: Mutex::new(Stream::lasting(source)), resources: Mutex::new(Stream::resources(source)) }
    }

    /// A UUID for a new resource that was created at `now`.
    ///
    /// Version 7 unless they are counted, which begins with the time: new rows then land side by side in the index,
    /// which is the largest single lever on the rate of sends.
    pub fn resource(&self, now: Timestamp) -> Uuid {
        let mut stream = lock(&self.resources);
        match &mut *stream {
            Stream::Counter(counter) => count(counter),
            stream => {
                let ms = u64::try_from(now.as_ms()).unwrap_or_default();
                Builder::from_unix_timestamp_millis(ms, &stream.bytes()).into_uuid()
            }
        }
    }

    /// A UUID for a new app.
    pub fn app(&self) -> Uuid {
        match &mut *lock(&self.lasting) {
            Stream::Counter(counter) => count(counter),
            stream => Builder::from_random_bytes(stream.bytes()).into_uuid(),
        }
    }

    /// A token for a new app: 256 random bits.
    pub fn token(&self) -> Token {
        let mut stream = lock(&self.lasting);
        let [one, other] = [stream.bytes(), stream.bytes()].map(u128::from_be_bytes);
        Token::new(format!("{one:032x}{other:032x}"))
    }

    /// Random bytes for a secret of the API, such as the challenge of a webhook.
    pub fn secret<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        lock(&self.resources).bytes()
    }

    /// The key that a new database signs its links with. It does not count as one of the ids, which go on as if it were
    /// not there.
    pub fn link_key(&self) -> [u8; 32] {
        match self.source {
            IdSource::Random => Stream::System.bytes(),
            IdSource::Seeded(seed) => Stream::Seeded(fastrand::Rng::with_seed(seed.rotate_left(32))).bytes(),
            IdSource::Counting => [0; 32],
        }
    }

    /// Random bytes for archives, nonces and the tokens of sessions: from the system whatever the source is, so that
    /// they are as safe in a test as elsewhere, and ids go on as if there were none.
    pub fn system_secret<const LENGTH: usize>() -> [u8; LENGTH] {
        Stream::System.bytes()
    }

    /// A token for the operator: 256 random bits from the system.
    pub fn system_token() -> Token {
        let [one, other] = [Stream::System.bytes(), Stream::System.bytes()].map(u128::from_be_bytes);
        Token::new(format!("{one:032x}{other:032x}"))
    }

    /// Begins anew with the ids of resources. Those of apps go on, because apps outlive a reset.
    pub fn restart(&self) {
        *lock(&self.resources) = Stream::resources(self.source);
    }

    /// Where the ids of resources stand.
    pub fn position(&self) -> Position {
        match &*lock(&self.resources) {
            Stream::System => Position::Random,
            Stream::Seeded(random) => Position::Seeded(random.get_seed()),
            Stream::Counter(counter) => Position::Counting(*counter),
        }
    }

    /// Goes on from a position. One of another source changes nothing: random ids need none.
    pub fn go_to(&self, position: &Position) {
        match (&mut *lock(&self.resources), position) {
            (Stream::Seeded(random), Position::Seeded(seed)) => random.seed(*seed),
            (Stream::Counter(counter), Position::Counting(last)) => *counter = *last,
            _ => {}
        }
    }
}

/// Where the ids of resources stand, for snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Nowhere.
    Random,
    /// The state of the generator.
    Seeded(u64),
    /// The last number given out.
    Counting(u64),
}

enum Stream {
    System,
    Seeded(fastrand::Rng),
    Counter(u64),
}

impl Stream {
    fn lasting(source: IdSource) -> Self {
        match source {
            IdSource::Random => Self::System,
            // Another stream than that of the resources, so that an app does not have the id of a conversation.
            IdSource::Seeded(seed) => Self::Seeded(fastrand::Rng::with_seed(!seed)),
            IdSource::Counting => Self::Counter(0),
        }
    }

    fn resources(source: IdSource) -> Self {
        match source {
            IdSource::Seeded(seed) => Self::Seeded(fastrand::Rng::with_seed(seed)),
            IdSource::Random | IdSource::Counting => Self::lasting(source),
        }
    }

    fn bytes<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        match self {
            Self::System => getrandom::fill(&mut bytes).unwrap_or_else(|error| {
                // No system that Node.js runs on refuses this; a guessable token would be worse than none.
                panic!("the system has no random numbers: {error}")
            }),
            Self::Seeded(random) => random.fill(&mut bytes),
            Self::Counter(counter) => {
                *counter += 1;
                let digits = counter.to_be_bytes();
                let shared = LENGTH.min(digits.len());
                bytes[LENGTH - shared..].copy_from_slice(&digits[digits.len() - shared..]);
            }
        }
        bytes
    }
}

fn count(counter: &mut u64) -> Uuid {
    *counter += 1;
    Builder::from_random_bytes(u128::from(*counter).to_be_bytes()).into_uuid()
}

/// Locks, also after a panic elsewhere: a stream is whole at each step.
fn lock(stream: &Mutex<Stream>) -> MutexGuard<'_, Stream> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_454_462_029_023);

    #[test]
    fn resource_ids_sort_by_their_time() {
        let ids = Ids::new(IdSource::Random);
        let early = ids.resource(NOW);
        let late = ids.resource(Timestamp::from_ms(NOW.as_ms() + 1));
        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
    }

    #[test]
    fn random_ids_and_secrets_differ() {
        let ids = Ids::new(IdSource::Random);
        assert_ne!(ids.resource(NOW), ids.resource(NOW));
        assert_ne!(ids.token(), ids.token());
        assert_ne!(ids.secret::<16>(), ids.secret::<16>());
        assert_eq!(ids.token().reveal().len(), 64);
    }

    #[test]
    fn the_same_seed_gives_the_same_ids_and_another_one_others() {
        let of = |seed| {
            let ids = Ids::new(IdSource::Seeded(seed));
            (ids.resource(NOW), ids.app(), ids.token(), ids.secret::<8>())
        };
        assert_eq!(of(7), of(7));
        assert_ne!(of(7).0, of(8).0);
    }

    #[test]
    fn counted_ids_are_easy_to_read() {
        let ids = Ids::new(IdSource::Counting);
        assert_eq!(ids.resource(NOW).to_string(), "00000000-0000-4000-8000-000000000001");
        assert_eq!(ids.resource(NOW).to_string(), "00000000-0000-4000-8000-000000000002");
        assert_eq!(ids.app().to_string(), "00000000-0000-4000-8000-000000000001");
    }

    #[test]
    fn a_restart_repeats_the_ids_of_resources_but_not_those_of_apps() {
        for source in [IdSource::Seeded(7), IdSource::Counting] {
            let ids = Ids::new(source);
            let (resource, app) = (ids.resource(NOW), ids.app());
            ids.restart();
            assert_eq!(ids.resource(NOW), resource);
            assert_ne!(ids.app(), app);
        }
    }
}
