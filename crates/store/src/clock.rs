//! The clocks that the log of changes goes by.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use layer_wire::Timestamp;

/// A clock, such as that of a platform, which can be moved.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The time by the clock of the machine, whatever a platform's own says. One that stands before 1970, or 300 million
/// years later, counts as 1970.
pub fn machine_time() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ms(i64::try_from(elapsed.as_millis()).unwrap_or_default())
}
