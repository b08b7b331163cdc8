//! What an operator looks at: ranges of primary keys, and counts.

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

impl OverviewReads for Session<'_> {
    fn app_ids(&self) -> Result<Vec<(AppKey, AppId)>, StoreError> {
        self.sql
            .prepare("SELECT key, uuid FROM apps WHERE NOT is_deleted ORDER BY key")
            .all((), |row| Ok((AppKey::from_number(row.get(0)?), AppId::new(row.uuid(1)?))))
    }

    fn app_counts(&self, app: AppKey) -> Result<AppCounts, StoreError> {
        let (conversations, messages) = self
            .sql
            .prepare(
                "SELECT count(*), COALESCE(sum(message_count), 0)::bigint FROM conversations
                 WHERE app = $1 AND NOT is_deleted",
            )
            .one([app.number()], |row| Ok((row.count(0)?, row.count(1)?)))?;
        let users =
            self.sql.prepare("SELECT count(*) FROM users WHERE app = $1").one([app.number()], |row| row.count(0))?;
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
            .prepare(format!(
                "SELECT {CONVERSATION_COLUMNS} FROM conversations
                 WHERE key < $1 AND app = $2 AND NOT is_deleted ORDER BY key DESC LIMIT $3"
            ))
            .page((before, app.number(), sql::limit(limit)), read_conversation)?;
        Ok(found.into_items())
    }

    fn newest_messages(
        &self,
        app: AppKey,
        after: Option<&MessageRecord>,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError> {
        let (conversation, position) = match after {
            None => (i64::MAX, 0),
            Some(after) => {
                let conversation = self
                    .sql
                    .prepare("SELECT key FROM conversations WHERE app = $1 AND uuid = $2")
                    .first((app.number(), after.conversation.uuid()), |row| row.get::<i64>(0))?;
                (conversation.unwrap_or_default(), after.position)
            }
        };
        let found = self
            .sql
            .prepare(format!(
                "SELECT {}, conversations.uuid FROM messages
                 JOIN conversations ON conversations.key = messages.conversation
                 WHERE (messages.conversation, messages.position) < ($1, $2) AND conversations.app = $3
                 ORDER BY messages.conversation DESC, messages.position DESC LIMIT $4",
                message::COLUMNS,
            ))
            .page((conversation, position, app.number(), sql::limit(limit)), |row| {
                message::read(row, ConversationId::new(row.uuid(message::COLUMN_COUNT)?))
            })?;
        Ok(found.into_items())
    }

    fn users(&self, app: AppKey, after: Option<&UserId>, limit: usize) -> Result<Vec<UserRecord>, StoreError> {
        let found = self
            .sql
            .prepare(
                "SELECT users.id, identities.fields, users.is_suspended, users.conversation_count FROM users
                 LEFT JOIN identities ON identities.user_key = users.key
                 WHERE users.app = $1 AND users.id > $2 ORDER BY users.id LIMIT $3",
            )
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
                 WHERE webhook = $1 ORDER BY due_at, key LIMIT $2",
            )
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
            .prepare("SELECT count(*) FROM webhook_deliveries WHERE webhook = $1")
            .one([webhook.number()], |row| row.count(0))?;
        Ok((waiting, count))
    }

    fn outbox_state(&self, limit: usize) -> Result<OutboxState, StoreError> {
        let count = |rows: &str| {
            self.sql
                .prepare(format!("SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT $1) AS counted"))
                .one([sql::limit(limit)], |row| row.count(0))
        };
        let [active, inactive, unverified] =
            ["active", "inactive", "unverified"].map(|status| count(&format!("webhooks WHERE status = '{status}'")));
        let oldest = self
            .sql
            .prepare("SELECT COALESCE(first_attempt_at, due_at) FROM webhook_deliveries ORDER BY key LIMIT 1")
            .first((), |row| row.time(0))?;
        let deliveries = count("webhook_deliveries")?;
        Ok(OutboxState { active: active?, inactive: inactive?, unverified: unverified?, deliveries, oldest })
    }
}

impl OverviewWrites for Session<'_> {
    fn hasten_delivery(&mut self, webhook: WebhookKey, event: Uuid, due_at: Timestamp) -> Result<Hastened, StoreError> {
        let now = Claim::new(self.sql, Duration::ZERO)?.now;
        let found = self
            .sql
            .prepare(
                "SELECT key, claim IS NULL OR claimed_until <= $3 FROM webhook_deliveries
                 WHERE webhook = $1 AND event = $2 FOR NO KEY UPDATE",
            )
            .first((webhook.number(), event, now), |row| Ok((row.get::<i64>(0)?, row.get::<bool>(1)?)))?;
        let Some((key, is_free)) = found else { return Ok(Hastened::Gone) };
        if !is_free {
            return Ok(Hastened::UnderWay);
        }
        self.sql.prepare("UPDATE webhook_deliveries SET due_at = $2 WHERE key = $1").run((key, due_at.as_ms()))?;
        self.tell(Kinds::DELIVERIES, || Change::Deliveries);
        Ok(Hastened::Due)
    }
}
