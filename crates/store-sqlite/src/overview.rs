//! What an operator looks at: ranges of primary keys, and counts.
//!
//! A plus before the column of the app keeps SQLite from an index by app and id: it would look up each row of the app,
//! in the order of random ids, and sort all of them for each page.

use std::time::Duration;

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::conversation::ConversationRecord;
use layer_store::key::{AppKey, WebhookKey};
use layer_store::message::MessageRecord;
use layer_store::overview::{
    AppCounts, Hastened, OutboxState, OverviewReads, OverviewWrites, UserRecord, WaitingDelivery,
};
use layer_wire::identity::Fields;
use layer_wire::{AppId, ConversationId, Timestamp, UserId};
use uuid::Uuid;

use super::claim::Claim;
use super::row::{CONVERSATION_COLUMNS, read_conversation};
use super::{Session, message, sql};

/// Counts up to a number of rows, each in an index alone.
macro_rules! count {
    ($rows:literal) => {
        concat!("SELECT count(*) FROM (SELECT 1 FROM ", $rows, " LIMIT ?1)")
    };
}

/// How many webhooks there are in all, active ones and unverified ones, and how many deliveries.
const OUTBOX_COUNTS: [&str; 4] = [
    count!("webhooks"),
    count!("webhooks WHERE status = 'active'"),
    count!("webhooks WHERE status = 'unverified'"),
    count!("webhook_deliveries"),
];

/// The delivery that came first; keys grow.
const OLDEST_DELIVERY: &str = "SELECT COALESCE(first_attempt_at, due_at) FROM webhook_deliveries ORDER BY key LIMIT 1";

impl OverviewReads for Session<'_> {
    fn app_ids(&self) -> Result<Vec<(AppKey, AppId)>, StoreError> {
        self.sql
            .prepare("SELECT key, uuid FROM apps WHERE is_deleted = 0 ORDER BY key")?
            .all([], |row| Ok((AppKey::from_number(row.get(0)?), AppId::new(row.uuid(1)?))))
    }

    fn app_counts(&self, app: AppKey) -> Result<AppCounts, StoreError> {
        let (conversations, messages) = self
            .sql
            .prepare(
                "SELECT count(*), COALESCE(sum(message_count), 0) FROM conversations
                 WHERE +app = ?1 AND is_deleted = 0",
            )?
            .one([app.number()], |row| Ok((row.count(0)?, row.count(1)?)))?;
        let users =
            self.sql.prepare("SELECT count(*) FROM users WHERE app = ?1")?.one([app.number()], |row| row.count(0))?;
        Ok(AppCounts { conversations, messages, users })
    }

    fn newest_conversations(
        &self,
        app: AppKey,
        after: Option<&ConversationRecord>,
        limit: usize,
    ) -> Result<Vec<ConversationRecord>, StoreError> {
        // Keys grow with creation.
        let before = after.map_or(i64::MAX, |after| after.key.number());
        let found = self
            .sql
            .prepare(&format!(
                "SELECT {CONVERSATION_COLUMNS} FROM conversations
                 WHERE key < ?1 AND +app = ?2 AND is_deleted = 0 ORDER BY key DESC LIMIT ?3"
            ))?
            .page((before, app.number(), sql::limit(limit)), read_conversation)?;
        Ok(found.into_items())
    }

    fn newest_messages(
        &self,
        app: AppKey,
        after: Option<&MessageRecord>,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError> {
        let before = match after {
            None => i64::MAX,
            Some(after) => {
                let conversation = self
                    .sql
                    .prepare("SELECT key FROM conversations WHERE app = ?1 AND uuid = ?2")?
                    .first((app.number(), after.conversation.uuid().as_bytes()), |row| row.get::<i64>(0))?;
                conversation.unwrap_or_default() << 32 | i64::from(after.position)
            }
        };
        let found = self
            .sql
            .prepare(&format!(
                "SELECT {}, conversations.uuid FROM messages
                 CROSS JOIN conversations ON conversations.key = messages.key >> 32
                 WHERE messages.key < ?1 AND +messages.app = ?2 ORDER BY messages.key DESC LIMIT ?3",
                message::COLUMNS,
            ))?
            .page((before, app.number(), sql::limit(limit)), |row| {
                message::read(row, ConversationId::new(row.uuid(message::COLUMN_COUNT)?))
            })?;
        Ok(found.into_items())
    }

    fn users(&self, app: AppKey, after: Option<&UserId>, limit: usize) -> Result<Vec<UserRecord>, StoreError> {
        let found = self
            .sql
            .prepare(
                "SELECT users.id, identities.fields, users.is_suspended, users.conversation_count FROM users
                 LEFT JOIN identities ON identities.user = users.key
                 WHERE users.app = ?1 AND users.id > ?2 ORDER BY users.id LIMIT ?3",
            )?
            .page((app.number(), after.map_or("", UserId::as_str), sql::limit(limit)), |row| {
                let fields = row.get::<Option<String>>(1)?;
                let fields = fields.map(|text| serde_json::from_str(&text)).transpose()?;
                Ok(UserRecord {
                    id: UserId::trusted(row.get(0)?),
                    identity: fields.map(Fields::trusted),
                    is_suspended: row.get(2)?,
                    conversation_count: row.count(3)?,
                })
            })?;
        Ok(found.into_items())
    }

    fn waiting_deliveries(&self, webhook: WebhookKey, limit: usize) -> Result<(Vec<WaitingDelivery>, u64), StoreError> {
        let waiting = self
            .sql
            .prepare(
                "SELECT event, event_type, failed_attempts, first_attempt_at, due_at FROM webhook_deliveries
                 WHERE webhook = ?1 ORDER BY due_at, key LIMIT ?2",
            )?
            .all((webhook.number(), sql::limit(limit)), |row| {
                Ok(WaitingDelivery {
                    event: row.uuid(0)?,
                    event_type: row.get(1)?,
                    failed_attempts: row.get(2)?,
                    first_attempt_at: row.optional_time(3)?,
                    due_at: row.time(4)?,
                })
            })?;
        let count = self
            .sql
            .prepare("SELECT count(*) FROM webhook_deliveries WHERE webhook = ?1")?
            .one([webhook.number()], |row| row.count(0))?;
        Ok((waiting, count))
    }

    fn outbox_state(&self, limit: usize) -> Result<OutboxState, StoreError> {
        let mut counts = [0; OUTBOX_COUNTS.len()];
        for (count, sql) in counts.iter_mut().zip(OUTBOX_COUNTS) {
            *count = self.sql.prepare(sql)?.one([sql::limit(limit)], |row| row.count(0))?;
        }
        let [all, active, unverified, deliveries] = counts;
        let inactive = all.saturating_sub(active).saturating_sub(unverified);
        let oldest = self.sql.prepare(OLDEST_DELIVERY)?.first([], |row| row.time(0))?;
        Ok(OutboxState { active, inactive, unverified, deliveries, oldest })
    }
}

impl OverviewWrites for Session<'_> {
    fn hasten_delivery(&mut self, webhook: WebhookKey, event: Uuid, due_at: Timestamp) -> Result<Hastened, StoreError> {
        let now = Claim::new(Duration::ZERO).now;
        let found = self
            .sql
            .prepare(
                "SELECT key, claim IS NULL OR claimed_until <= ?3 FROM webhook_deliveries
                 WHERE webhook = ?1 AND event = ?2",
            )?
            .first((webhook.number(), event.as_bytes(), now), |row| Ok((row.get::<i64>(0)?, row.get::<bool>(1)?)))?;
        let Some((key, is_free)) = found else { return Ok(Hastened::Gone) };
        if !is_free {
            return Ok(Hastened::UnderWay);
        }
        self.sql.prepare("UPDATE webhook_deliveries SET due_at = ?2 WHERE key = ?1")?.run((key, due_at.as_ms()))?;
        self.tell(Kinds::DELIVERIES, || Change::Deliveries);
        Ok(Hastened::Due)
    }
}

#[cfg(test)]
mod tests {
    use layer_store::DataLocation;
    use rusqlite::StatementStatus;

    use super::*;
    use crate::open;

    /// Counted by what SQLite does: each row costs it a handful of steps.
    #[test]
    fn what_waits_for_webhooks_is_found_at_the_same_price_however_much_it_is() {
        let steps = |apps: i64| {
            let connection = open::open_writer(&DataLocation::Memory).unwrap();
            let numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ";
            connection
                .execute_batch(&format!(
                    "{numbers}{apps}) INSERT INTO apps (key, uuid, created_at) SELECT n, randomblob(16), 0 FROM numbers;
                     {numbers}{apps}) INSERT INTO webhooks (key, app, uuid, created_at, version, target_url, events,
                     secret, config, status) SELECT n, n, randomblob(16), 0, '3.0', '', '[]', '', '{{}}',
                     CASE n % 3 WHEN 0 THEN 'active' WHEN 1 THEN 'inactive' ELSE 'unverified' END FROM numbers;
                     {numbers}{apps} * 10) INSERT INTO webhook_deliveries (webhook, event, request, event_type, body,
                     due_at) SELECT 1 + n % {apps}, randomblob(16), randomblob(16), '', x'', n FROM numbers;"
                ))
                .unwrap();
            let state = Session::of_reader(&connection).outbox_state(30).unwrap();
            assert_eq!((state.deliveries, state.oldest), (30, Some(Timestamp::from_ms(1))));
            let statements = OUTBOX_COUNTS.into_iter().chain([OLDEST_DELIVERY]);
            let steps = |sql| connection.prepare_cached(sql).unwrap().get_status(StatementStatus::VmStep);
            statements.map(steps).collect::<Vec<_>>()
        };
        let few = steps(90);
        assert!(few.iter().all(|steps| *steps > 0), "{few:?}");
        assert_eq!(steps(900), few);
    }
}
