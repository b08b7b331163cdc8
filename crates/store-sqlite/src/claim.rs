//! Claims, as they stand in the rows of queues. They lapse by the clock of the machine: that of the platform can be
//! moved.

use std::time::Duration;

use layer_store::StoreError;
use layer_store::claim::ClaimId;
use layer_store::clock::machine_time;
use uuid::Uuid;

use super::sql::Sql;

/// Tables with claims.
pub const TABLES: [&str; 3] = ["exports", "webhook_deliveries", "webhooks"];

/// A claim to be put into rows.
#[derive(Clone, Copy)]
pub struct Claim {
    pub id: ClaimId,
    /// Milliseconds since 1970. Claims up to here have lapsed.
    pub now: i64,
    /// When this one lapses.
    pub until: i64,
}

impl Claim {
    pub fn new(lease: Duration) -> Self {
        let (now, lease) = (machine_time().as_ms(), i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
        Self { id: ClaimId::new(Uuid::new_v4()), now, until: now.saturating_add(lease) }
    }

    /// When the next claim in a table lapses.
    pub fn lapses_in(&self, sql: Sql<'_>, table: &str) -> Result<Option<Duration>, StoreError> {
        let next: Option<i64> = sql
            .prepare(&format!("SELECT min(claimed_until) FROM {table} WHERE claim IS NOT NULL AND claimed_until > ?1"))?
            .one([self.now], |row| row.get(0))?;
        Ok(next.map(|next| Duration::from_millis(next.abs_diff(self.now))))
    }
}
