//! Claims, as they stand in the rows of queues, and locks that stand in no row. Claims lapse by the clock of the
//! server: those of the processes differ.

use std::time::Duration;

use layer_store::StoreError;
use layer_store::claim::ClaimId;
use uuid::Uuid;

use super::sql::Sql;

/// Advisory locks: those of two numbers, whose second one is the key of an app or one of those below.
pub const LOG: i64 = 1_279_351_378;
/// See [`LOG`].
pub const WHOLE: i64 = LOG + 1;

/// Who claims deliveries.
pub const DELIVERIES: i64 = 1;
/// Who changes the schema.
pub const SCHEMA: i64 = 2;
/// Who has the database open; shared, but for who has it alone.
pub const PRESENCE: i64 = 3;
/// Who hears by NATS; shared.
pub const BY_NATS: i64 = 4;

/// Waits for the turn to do something that one process does at a time, until the end of the write.
pub fn take_turn(sql: Sql<'_>, what: i64) -> Result<(), StoreError> {
    sql.prepare("SELECT pg_advisory_xact_lock($1::integer, $2::integer)").first((WHOLE, what), |_| Ok(()))?;
    Ok(())
}

/// The processes that hold a shared lock such as [`PRESENCE`], by a connection of each.
pub const PROCESSES: &str = "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database \
     WHERE locktype = 'advisory' AND datname = current_database() AND classid = $1::bigint::oid \
     AND objid = $2::bigint::oid";

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
    pub fn new(sql: Sql<'_>, lease: Duration) -> Result<Self, StoreError> {
        let now: i64 =
            sql.prepare("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").one((), |row| row.get(0))?;
        let lease = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        Ok(Self { id: ClaimId::new(Uuid::new_v4()), now, until: now.saturating_add(lease) })
    }

    /// When the next claim in a table lapses.
    pub fn lapses_in(&self, sql: Sql<'_>, table: &str) -> Result<Option<Duration>, StoreError> {
        let next: Option<i64> = sql
            .prepare(format!("SELECT min(claimed_until) FROM {table} WHERE claim IS NOT NULL AND claimed_until > $1"))
            .one([self.now], |row| row.get(0))?;
        Ok(next.map(|next| Duration::from_millis(next.abs_diff(self.now))))
    }
}
