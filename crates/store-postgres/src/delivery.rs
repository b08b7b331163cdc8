//! The outbox: events on their way to webhooks.

use std::collections::HashMap;
use std::time::Duration;

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::claim::{ClaimId, Claimed, Claims};
use layer_store::delivery::{DeliveryLimits, DeliveryRecord, DeliveryWrites, NewDelivery};
use layer_store::key::{DeliveryKey, WebhookKey};
use layer_store::webhook::WebhookRecord;
use layer_wire::Timestamp;

use super::claim::{self, Claim};
use super::sql::{self, Sql};
use super::{Session, webhook};

/// What is under way.
#[derive(Default)]
struct UnderWay {
    /// Deliveries by webhook.
    counts: HashMap<WebhookKey, usize>,
    deliveries: usize,
    /// How long their payloads are.
    bytes: usize,
}

impl UnderWay {
    fn find(sql: Sql<'_>, claim: Claim) -> Result<Self, StoreError> {
        let found = sql
            .prepare(
                "SELECT webhook, count(*), sum(length(body))::bigint FROM webhook_deliveries
                 WHERE claim IS NOT NULL AND claimed_until > $1 GROUP BY webhook",
            )
            .all([claim.now], |row| Ok((WebhookKey::from_number(row.get(0)?), row.count(1)?, row.count(2)?)))?;
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let mut under_way = Self::default();
        for (webhook, count, bytes) in found {
            under_way.counts.insert(webhook, number(count));
            under_way.deliveries += number(count);
            under_way.bytes += number(bytes);
        }
        Ok(under_way)
    }

    fn count(&self, webhook: WebhookKey) -> usize {
        self.counts.get(&webhook).copied().unwrap_or_default()
    }

    fn add(&mut self, webhook: WebhookKey, bytes: usize) {
        *self.counts.entry(webhook).or_default() += 1;
        self.deliveries += 1;
        self.bytes += bytes;
    }
}

/// The webhooks of all apps that have something in the outbox. Hops from one to the next in the index, so that the
/// length of the queues does not matter.
fn waiting(sql: Sql<'_>) -> Result<Vec<WebhookKey>, StoreError> {
    let statement = sql.prepare("SELECT min(webhook) FROM webhook_deliveries WHERE webhook > $1");
    let mut found = vec![];
    let mut last = 0;
    while let Some(next) = statement.one([last], |row| row.get::<Option<i64>>(0))? {
        found.push(WebhookKey::from_number(next));
        last = next;
    }
    Ok(found)
}

/// Up to `limit` deliveries that are due to a webhook and that nobody makes, those that wait longest first.
fn due_to(
    sql: Sql<'_>,
    webhook: WebhookKey,
    now: Timestamp,
    claim: Claim,
    limit: usize,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    let due = sql
        .prepare(
            "SELECT key, event, request, event_type, body, failed_attempts, first_attempt_at FROM webhook_deliveries
             WHERE webhook = $1 AND due_at <= $2 AND (claim IS NULL OR claimed_until <= $3)
             ORDER BY due_at, key LIMIT $4",
        )
        .page((webhook.number(), now.as_ms(), claim.now, sql::limit(limit)), |row| {
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

/// When the next delivery that is not due at `now` will be.
fn next_after(sql: Sql<'_>, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    sql.prepare("SELECT due_at FROM webhook_deliveries WHERE due_at > $1 ORDER BY due_at LIMIT 1")
        .first([now.as_ms()], |row| row.time(0))
}

impl DeliveryWrites for Session<'_> {
    fn insert_delivery(&mut self, new: &NewDelivery) -> Result<(), StoreError> {
        self.sql
            .prepare(
                "INSERT INTO webhook_deliveries (webhook, event, request, event_type, body, due_at)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .run((new.webhook.number(), new.event, new.request, new.event_type, &new.body, new.due_at.as_ms()))?;
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
        let mut under_way = UnderWay::find(sql, claim)?;
        let mut waiting = waiting(sql)?;
        waiting.sort_by_key(|webhook| under_way.count(*webhook));
        let mut taken = vec![];
        'waiting: for key in waiting {
            if under_way.count(key) >= limits.per_webhook {
                continue;
            }
            let room = limits.in_all.saturating_sub(under_way.deliveries);
            if room == 0 {
                break;
            }
            let Some(webhook) = webhook::get(sql, key)? else { continue };
            let limit = if webhook.failing_since.is_some() { limits.per_failing_webhook } else { limits.per_webhook };
            let free = limit.saturating_sub(under_way.count(key)).min(room);
            for record in due_to(sql, key, now, claim, free)? {
                if under_way.bytes > 0 && under_way.bytes + record.body.len() > limits.bytes_in_all {
                    break 'waiting;
                }
                sql.prepare("UPDATE webhook_deliveries SET claim = $2, claimed_until = $3 WHERE key = $1").run((
                    record.key.number(),
                    claim.id.uuid(),
                    claim.until,
                ))?;
                under_way.add(key, record.body.len());
                taken.push((webhook.clone(), Claimed { claim: claim.id, record }));
            }
        }
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
    fn tell_deliveries(&mut self) {
        self.tell(Kinds::DELIVERIES, || Change::Deliveries);
    }
}
