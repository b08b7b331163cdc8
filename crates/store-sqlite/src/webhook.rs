//! Webhooks and their outbox.

use layer_store::StoreError;
use layer_store::model::AppKey;
use layer_store::webhook::{
    DeliveryKey, DeliveryRecord, NewDelivery, Subscription, WebhookKey, WebhookReads, WebhookRecord, WebhookWrites,
};
use layer_wire::webhook::{NewWebhook, Secret, Status};
use layer_wire::{AppId, Timestamp, Version, WebhookId};
use rusqlite::Params;

use super::Session;
use super::sql::{self, Row, Sql};

/// The columns that [`read`] expects, in its order.
const COLUMNS: &str = "webhooks.key, apps.uuid, webhooks.uuid, webhooks.created_at, webhooks.version, webhooks.target_url, \
     webhooks.events, webhooks.secret, webhooks.config, webhooks.status, webhooks.status_reason, webhooks.failing_since";

fn read(row: &Row<'_>) -> Result<WebhookRecord, StoreError> {
    let status: String = row.get(9)?;
    Ok(WebhookRecord {
        key: WebhookKey(row.get(0)?),
        app: AppId::new(row.uuid(1)?),
        id: WebhookId::new(row.uuid(2)?),
        created_at: row.time(3)?,
        registered: NewWebhook {
            version: version(row, 4)?,
            target_url: row.get(5)?,
            events: row.json(6)?,
            secret: Secret::new(row.get(7)?),
            config: row.json(8)?,
        },
        status: match status.as_str() {
            "unverified" => Status::Unverified,
            "active" => Status::Active,
            _ => Status::Inactive { reason: row.get::<Option<String>>(10)?.unwrap_or_default() },
        },
        failing_since: row.optional_time(11)?,
    })
}

fn version(row: &Row<'_>, column: usize) -> Result<Version, StoreError> {
    Version::parse(row.text(column)?).ok_or_else(|| StoreError::Failed("a webhook row has no version".into()))
}

/// All rows of a query that selects the [`COLUMNS`].
fn list(sql: Sql<'_>, condition: &str, parameters: impl Params) -> Result<Vec<WebhookRecord>, StoreError> {
    let mut statement = sql.prepare(&format!(
        "SELECT {COLUMNS} FROM webhooks JOIN apps ON apps.key = webhooks.app WHERE {condition} ORDER BY webhooks.key"
    ))?;
    statement.all(parameters, read)
}

impl WebhookReads for Session<'_> {
    fn webhook(&self, app: AppKey, id: WebhookId) -> Result<Option<WebhookRecord>, StoreError> {
        let condition = "webhooks.app = ?1 AND webhooks.uuid = ?2";
        Ok(list(self.sql, condition, (app.0, id.uuid().as_bytes()))?.pop())
    }

    fn webhook_by_key(&self, key: WebhookKey) -> Result<Option<WebhookRecord>, StoreError> {
        Ok(list(self.sql, "webhooks.key = ?1", [key.0])?.pop())
    }

    fn webhook_count(&self, app: AppKey) -> Result<u64, StoreError> {
        self.sql.prepare("SELECT count(*) FROM webhooks WHERE app = ?1")?.one([app.0], |row| row.count(0))
    }

    fn webhooks(&self, app: AppKey) -> Result<Vec<WebhookRecord>, StoreError> {
        list(self.sql, "webhooks.app = ?1", [app.0])
    }

    fn subscriptions(&self, app: AppKey) -> Result<Vec<Subscription>, StoreError> {
        let mut statement = self.sql.prepare(
            "SELECT webhooks.key, apps.uuid, webhooks.version, webhooks.events, webhooks.config FROM webhooks
             JOIN apps ON apps.key = webhooks.app WHERE webhooks.app = ?1 AND webhooks.status = 'active'",
        )?;
        statement.all([app.0], |row| {
            Ok(Subscription {
                webhook: WebhookKey(row.get(0)?),
                app: AppId::new(row.uuid(1)?),
                version: version(row, 2)?,
                events: row.json(3)?,
                config: row.json(4)?,
            })
        })
    }

    fn unverified_webhooks(&self) -> Result<Vec<WebhookRecord>, StoreError> {
        list(self.sql, "webhooks.status = 'unverified'", [])
    }

    /// Hops from one webhook to the next in the index, so that the length of the queues does not matter.
    fn webhooks_with_deliveries(&self) -> Result<Vec<WebhookKey>, StoreError> {
        let mut statement = self.sql.prepare("SELECT min(webhook) FROM webhook_deliveries WHERE webhook > ?1")?;
        let mut found = vec![];
        let mut last = 0;
        while let Some(next) = statement.one([last], |row| row.get::<Option<i64>>(0))? {
            found.push(WebhookKey(next));
            last = next;
        }
        Ok(found)
    }

    fn due_deliveries(
        &self,
        webhook: WebhookKey,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        let mut statement = self.sql.prepare(
            "SELECT key, event, request, event_type, body, failed_attempts, first_attempt_at FROM webhook_deliveries
             WHERE webhook = ?1 AND due_at <= ?2 ORDER BY due_at, key LIMIT ?3",
        )?;
        let rows = statement.page((webhook.0, now.as_ms(), sql::limit(limit)), |row| {
            Ok(DeliveryRecord {
                key: DeliveryKey(row.get(0)?),
                event: row.uuid(1)?,
                request: row.uuid(2)?,
                event_type: row.get(3)?,
                body: row.get(4)?,
                failed_attempts: row.get(5)?,
                first_attempt_at: row.optional_time(6)?,
            })
        })?;
        Ok(rows.into_items())
    }

    fn next_delivery_after(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let next = self
            .sql
            .prepare("SELECT due_at FROM webhook_deliveries WHERE due_at > ?1 ORDER BY due_at LIMIT 1")?
            .first([now.as_ms()], |row| row.get(0))?;
        Ok(next.map(Timestamp::from_ms))
    }
}

impl WebhookWrites for Session<'_> {
    fn insert_webhook(
        &mut self,
        app: AppKey,
        id: WebhookId,
        created_at: Timestamp,
        new: &NewWebhook,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare(
                "INSERT INTO webhooks (app, uuid, created_at, version, target_url, events, secret, config, status)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'unverified')",
            )?
            .run((
                app.0,
                id.uuid().as_bytes(),
                created_at.as_ms(),
                new.version.to_string(),
                &new.target_url,
                serde_json::to_string(&new.events)?,
                new.secret.reveal(),
                serde_json::to_string(&new.config)?,
            ))?;
        Ok(())
    }

    fn set_webhook_status(&mut self, key: WebhookKey, status: &Status) -> Result<(), StoreError> {
        let reason = match status {
            Status::Inactive { reason } => Some(reason),
            Status::Unverified | Status::Active => None,
        };
        self.sql
            .prepare("UPDATE webhooks SET status = ?2, status_reason = ?3, failing_since = NULL WHERE key = ?1")?
            .run((key.0, status.name(), reason))?;
        if reason.is_some() {
            delete_deliveries(self.sql, key)?;
        }
        Ok(())
    }

    fn set_webhook_failing(&mut self, key: WebhookKey, since: Option<Timestamp>) -> Result<(), StoreError> {
        self.sql
            .prepare("UPDATE webhooks SET failing_since = ?2 WHERE key = ?1")?
            .run((key.0, since.map(Timestamp::as_ms)))?;
        Ok(())
    }

    fn delete_webhook(&mut self, key: WebhookKey) -> Result<(), StoreError> {
        delete_deliveries(self.sql, key)?;
        self.sql.prepare("DELETE FROM webhooks WHERE key = ?1")?.run([key.0])?;
        Ok(())
    }

    fn insert_delivery(&mut self, new: &NewDelivery) -> Result<(), StoreError> {
        self.sql
            .prepare(
                "INSERT INTO webhook_deliveries (webhook, event, request, event_type, body, due_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .run((
                new.webhook.0,
                new.event.as_bytes(),
                new.request.as_bytes(),
                new.event_type,
                &new.body,
                new.due_at.as_ms(),
            ))?;
        Ok(())
    }

    fn postpone_delivery(
        &mut self,
        key: DeliveryKey,
        first_attempt_at: Timestamp,
        due_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self
            .sql
            .prepare(
                "UPDATE webhook_deliveries SET failed_attempts = failed_attempts + 1, first_attempt_at = ?2, due_at = ?3
                 WHERE key = ?1",
            )?
            .run((key.0, first_attempt_at.as_ms(), due_at.as_ms()))?;
        Ok(changed > 0)
    }

    fn delete_delivery(&mut self, key: DeliveryKey) -> Result<bool, StoreError> {
        let deleted = self.sql.prepare("DELETE FROM webhook_deliveries WHERE key = ?1")?.run([key.0])?;
        Ok(deleted > 0)
    }
}

fn delete_deliveries(sql: Sql<'_>, webhook: WebhookKey) -> Result<(), StoreError> {
    sql.prepare("DELETE FROM webhook_deliveries WHERE webhook = ?1")?.run([webhook.0])?;
    Ok(())
}
