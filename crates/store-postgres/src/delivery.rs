//! The outbox: events on their way to webhooks.

use std::time::Duration;

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::claim::{ClaimId, Claimed, Claims};
use layer_store::delivery::{self, DeliveryLimits, DeliveryRecord, DeliveryWrites, NewDelivery, Outbox};
use layer_store::key::{DeliveryKey, WebhookKey};
use layer_store::webhook::WebhookRecord;
use layer_wire::Timestamp;

use super::claim::{self, Claim};
use super::sql::{self, Query, Sql};
use super::{Session, webhook};

/// The outbox as one claim sees it.
struct Rows<'c> {
    sql: Sql<'c>,
    now: Timestamp,
    claim: Claim,
}

impl Outbox for Rows<'_> {
    fn under_way(&self) -> Result<Vec<(WebhookKey, u64, u64)>, StoreError> {
        self.sql
            .prepare(
                "SELECT webhook, count(*), sum(length(body))::bigint FROM webhook_deliveries
                 WHERE claim IS NOT NULL AND claimed_until > $1 GROUP BY webhook",
            )
            .all([self.claim.now], |row| Ok((WebhookKey::from_number(row.get(0)?), row.count(1)?, row.count(2)?)))
    }

    fn waiting(&self) -> Result<Vec<WebhookKey>, StoreError> {
        // Hops from one to the next in the index, so that the length of the queues does not matter.
        let statement = self.sql.prepare("SELECT min(webhook) FROM webhook_deliveries WHERE webhook > $1");
        let mut found = vec![];
        let mut last = 0;
        while let Some(next) = statement.one([last], |row| row.get::<Option<i64>>(0))? {
            found.push(WebhookKey::from_number(next));
            last = next;
        }
        Ok(found)
    }

    fn webhook(&self, key: WebhookKey) -> Result<Option<WebhookRecord>, StoreError> {
        webhook::get(self.sql, key)
    }

    fn due_to(&self, webhook: WebhookKey, limit: usize) -> Result<Vec<DeliveryRecord>, StoreError> {
        let due = self
            .sql
            .prepare(
                "SELECT key, event, request, event_type, body, failed_attempts, first_attempt_at FROM webhook_deliveries
                 WHERE webhook = $1 AND due_at <= $2 AND (claim IS NULL OR claimed_until <= $3)
                 ORDER BY due_at, key LIMIT $4",
            )
            .page((webhook.number(), self.now.as_ms(), self.claim.now, sql::limit(limit)), |row| {
                Ok(DeliveryRecord {
                    key: DeliveryKey::from_number(row.get(0)?),
                    event: row.uuid(1)?,
                    request: row.uuid(2)?,
                    event_type: row.get(3)?,
                    body: row.get(4)?,
                    failed_attempts: row.get(5)?,
                    first_attempt_at: row.optional_time(6)?,
                })
            })?;
        Ok(due.into_items())
    }

    fn claim(&self, key: DeliveryKey) -> Result<ClaimId, StoreError> {
        let Claim { id, until, .. } = self.claim;
        self.sql.prepare("UPDATE webhook_deliveries SET claim = $2, claimed_until = $3 WHERE key = $1").run((
            key.number(),
            id.uuid(),
            until,
        ))?;
        Ok(id)
    }
}

/// When the next delivery that is not due at `now` will be.
fn next_after(sql: Sql<'_>, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    sql.prepare("SELECT due_at FROM webhook_deliveries WHERE due_at > $1 ORDER BY due_at LIMIT 1")
        .first([now.as_ms()], |row| row.time(0))
}

/// Puts deliveries into the outbox, in this order.
pub fn insert<'v>(new: &[&'v NewDelivery]) -> Query<'v> {
    let sql = "INSERT INTO webhook_deliveries (webhook, event, request, event_type, body, due_at)
         SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::bigint[])";
    Query::new(
        sql,
        (
            new.iter().map(|new| new.webhook.number()).collect::<Vec<_>>(),
            new.iter().map(|new| new.event).collect::<Vec<_>>(),
            new.iter().map(|new| new.request).collect::<Vec<_>>(),
            new.iter().map(|new| new.event_type).collect::<Vec<_>>(),
            new.iter().map(|new| &*new.body).collect::<Vec<_>>(),
            new.iter().map(|new| new.due_at.as_ms()).collect::<Vec<_>>(),
        ),
    )
}

impl DeliveryWrites for Session<'_> {
    fn insert_delivery(&mut self, new: &NewDelivery) -> Result<(), StoreError> {
        self.sql.rows(insert(&[new]))?;
        self.tell_deliveries();
        Ok(())
    }

    fn claim_deliveries(
        &mut self,
        now: Timestamp,
        lease: Duration,
        limits: DeliveryLimits,
    ) -> Result<Claims<(WebhookRecord, Claimed<DeliveryRecord>)>, StoreError> {
        let sql = self.sql;
        // One worker at a time, so that the limits hold over all of them.
        claim::take_turn(sql, claim::DELIVERIES)?;
        let claim = Claim::new(sql, lease)?;
        let taken = delivery::claim_due(&Rows { sql, now, claim }, limits)?;
        Ok(Claims { taken, next: next_after(sql, now)?, lapses_in: claim.lapses_in(sql, "webhook_deliveries")? })
    }

    fn postpone_delivery(
        &mut self,
        key: DeliveryKey,
        claim: ClaimId,
        first_attempt_at: Timestamp,
        due_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self
            .sql
            .prepare(
                "UPDATE webhook_deliveries SET failed_attempts = failed_attempts + 1, first_attempt_at = $3, due_at = $4,
                 claim = NULL, claimed_until = NULL WHERE key = $1 AND claim = $2",
            )
            .run((key.number(), claim.uuid(), first_attempt_at.as_ms(), due_at.as_ms()))?;
        self.tell_deliveries();
        Ok(changed > 0)
    }

    fn delete_delivery(&mut self, key: DeliveryKey, claim: ClaimId) -> Result<bool, StoreError> {
        let deleted = self
            .sql
            .prepare("DELETE FROM webhook_deliveries WHERE key = $1 AND claim = $2")
            .run((key.number(), claim.uuid()))?;
        self.tell_deliveries();
        Ok(deleted > 0)
    }
}

impl Session<'_> {
    /// Tells that something changed in the outbox.
    pub fn tell_deliveries(&mut self) {
        self.tell(Kinds::DELIVERIES, || Change::Deliveries);
    }
}
