//! Webhooks, and who else listens to events.

use std::time::Duration;

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::claim::{ClaimId, Claimed, Claims};
use layer_store::held::Held;
use layer_store::key::{AppKey, WebhookKey};
use layer_store::webhook::{Listener, Receiver, WebhookReads, WebhookRecord, WebhookWrites};
use layer_wire::webhook::{NewWebhook, Secret, Status};
use layer_wire::{AppId, Timestamp, Version, WebhookId};

use super::Session;
use super::claim::Claim;
use super::sql::{Params, Query, Row, Sql};

/// The columns that [`read`] expects, in its order.
const COLUMNS: &str = "webhooks.key, apps.uuid, webhooks.uuid, webhooks.created_at, webhooks.version, webhooks.target_url, \
     webhooks.events, webhooks.secret, webhooks.config, webhooks.status, webhooks.status_reason, webhooks.failing_since";

fn read(row: &Row) -> Result<WebhookRecord, StoreError> {
    let status: String = row.get(9)?;
    Ok(WebhookRecord {
        key: WebhookKey::from_number(row.get(0)?),
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

fn version(row: &Row, column: usize) -> Result<Version, StoreError> {
    Version::parse(row.text(column)?).ok_or_else(|| StoreError::Failed("a webhook row has no version".into()))
}

/// Keeps the rows from changing until the end of the write.
const HOLD: &str = "FOR NO KEY UPDATE OF webhooks";

/// All rows of a query that selects the [`COLUMNS`].
fn list<'v>(
    sql: Sql<'_>,
    condition: &str,
    lock: &str,
    parameters: impl Params<'v>,
) -> Result<Vec<WebhookRecord>, StoreError> {
    let statement = sql.prepare(format!(
        "SELECT {COLUMNS} FROM webhooks JOIN apps ON apps.key = webhooks.app WHERE {condition} ORDER BY webhooks.key {lock}"
    ));
    statement.all(parameters, read)
}

impl WebhookReads for Session<'_> {
    fn webhook(&self, app: AppKey, id: WebhookId) -> Result<Option<WebhookRecord>, StoreError> {
        let condition = "webhooks.app = $1 AND webhooks.uuid = $2";
        Ok(list(self.sql, condition, "", (app.number(), id.uuid()))?.pop())
    }

    fn webhook_count(&self, app: AppKey) -> Result<u64, StoreError> {
        self.sql.prepare("SELECT count(*) FROM webhooks WHERE app = $1").one([app.number()], |row| row.count(0))
    }

    fn webhooks(&self, app: AppKey) -> Result<Vec<WebhookRecord>, StoreError> {
        list(self.sql, "webhooks.app = $1", "", [app.number()])
    }

    fn listeners(&self, app: AppKey) -> Result<Vec<Listener>, StoreError> {
        match &self.facts {
            Some(facts) => Ok(facts.listeners(app)),
            None => self.sql.rows(of_listeners(app))?.iter().map(read_listener).collect(),
        }
    }
}

/// The listeners to the events of an app.
pub fn of_listeners(app: AppKey) -> Query<'static> {
    let sql = "SELECT webhooks.key, apps.uuid, webhooks.version, webhooks.events, webhooks.config FROM webhooks
         JOIN apps ON apps.key = webhooks.app WHERE webhooks.app = $1 AND webhooks.status = 'active'
         UNION ALL
         SELECT NULL, apps.uuid, '1.0', export_settings.events, '{}' FROM export_settings
         JOIN apps ON apps.key = export_settings.app
         WHERE export_settings.app = $1 AND export_settings.every = 'daily'";
    Query::new(sql, [app.number()])
}

/// Reads a row of [`of_listeners`].
pub fn read_listener(row: &Row) -> Result<Listener, StoreError> {
    let webhook = row.get::<Option<i64>>(0)?.map(WebhookKey::from_number);
    Ok(Listener {
        receiver: webhook.map_or(Receiver::Export, Receiver::Webhook),
        app: AppId::new(row.uuid(1)?),
        version: version(row, 2)?,
        events: row.json(3)?,
        config: row.json(4)?,
    })
}

impl WebhookWrites for Session<'_> {
    fn insert_webhook(
        &mut self,
        app: AppKey,
        id: WebhookId,
        created_at: Timestamp,
        new: &NewWebhook,
    ) -> Result<(), StoreError> {
        let key = self
            .sql
            .prepare(
                "INSERT INTO webhooks (app, uuid, created_at, version, target_url, events, secret, config, status)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'unverified') RETURNING key",
            )
            .one(
                (
                    app.number(),
                    id.uuid(),
                    created_at.as_ms(),
                    new.version.to_string(),
                    &new.target_url,
                    serde_json::to_string(&new.events)?,
                    new.secret.reveal(),
                    serde_json::to_string(&new.config)?,
                ),
                |row| row.get(0),
            )?;
        self.tell_webhook(WebhookKey::from_number(key));
        Ok(())
    }

    fn hold_webhook(&mut self, app: AppKey, id: WebhookId) -> Result<Option<Held<WebhookRecord>>, StoreError> {
        let condition = "webhooks.app = $1 AND webhooks.uuid = $2";
        Ok(list(self.sql, condition, HOLD, (app.number(), id.uuid()))?.pop().map(Held::by_engine))
    }

    fn hold_webhook_by_key(&mut self, key: WebhookKey) -> Result<Option<Held<WebhookRecord>>, StoreError> {
        Ok(list(self.sql, "webhooks.key = $1", HOLD, [key.number()])?.pop().map(Held::by_engine))
    }

    fn set_webhook_status(&mut self, webhook: &mut Held<WebhookRecord>, status: Status) -> Result<(), StoreError> {
        let reason = match &status {
            Status::Inactive { reason } => Some(reason),
            Status::Unverified | Status::Active => None,
        };
        // A challenge under way is about the status before.
        self.sql
            .prepare(
                "UPDATE webhooks SET status = $2, status_reason = $3, failing_since = NULL, claim = NULL,
                 claimed_until = NULL WHERE key = $1",
            )
            .run((webhook.key.number(), status.name(), reason))?;
        if reason.is_some() {
            delete_deliveries(self.sql, webhook.key)?;
        }
        let record = webhook.in_engine();
        (record.status, record.failing_since) = (status, None);
        self.tell_webhook(webhook.key);
        Ok(())
    }

    fn set_webhook_failing(
        &mut self,
        webhook: &mut Held<WebhookRecord>,
        since: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.sql
            .prepare("UPDATE webhooks SET failing_since = $2 WHERE key = $1")
            .run((webhook.key.number(), since.map(Timestamp::as_ms)))?;
        webhook.in_engine().failing_since = since;
        self.tell_webhook(webhook.key);
        Ok(())
    }

    fn delete_webhook(&mut self, webhook: &Held<WebhookRecord>) -> Result<(), StoreError> {
        delete_deliveries(self.sql, webhook.key)?;
        self.sql.prepare("DELETE FROM webhooks WHERE key = $1").run([webhook.key.number()])?;
        self.tell_webhook(webhook.key);
        Ok(())
    }

    fn claim_challenges(&mut self, lease: Duration) -> Result<Claims<Claimed<WebhookRecord>>, StoreError> {
        let claim = Claim::new(self.sql, lease)?;
        let condition = "webhooks.status = 'unverified' AND (webhooks.claim IS NULL OR webhooks.claimed_until <= $1)";
        let waiting = list(self.sql, condition, "FOR NO KEY UPDATE OF webhooks SKIP LOCKED", [claim.now])?;
        for webhook in &waiting {
            self.sql.prepare("UPDATE webhooks SET claim = $2, claimed_until = $3 WHERE key = $1").run((
                webhook.key.number(),
                claim.id.uuid(),
                claim.until,
            ))?;
        }
        Ok(Claims {
            taken: waiting.into_iter().map(|record| Claimed { claim: claim.id, record }).collect(),
            next: None,
            lapses_in: claim.lapses_in(self.sql, "webhooks")?,
        })
    }

    fn end_challenge(&mut self, key: WebhookKey, claim: ClaimId) -> Result<Option<Held<WebhookRecord>>, StoreError> {
        let ended = self
            .sql
            .prepare("UPDATE webhooks SET claim = NULL, claimed_until = NULL WHERE key = $1 AND claim = $2")
            .run((key.number(), claim.uuid()))?;
        if ended > 0 { self.hold_webhook_by_key(key) } else { Ok(None) }
    }
}

impl Session<'_> {
    fn tell_webhook(&mut self, key: WebhookKey) {
        self.tell(Kinds::WEBHOOKS, || Change::Webhook(key));
    }
}

/// A webhook by its key.
pub fn get(sql: Sql<'_>, key: WebhookKey) -> Result<Option<WebhookRecord>, StoreError> {
    Ok(list(sql, "webhooks.key = $1", "", [key.number()])?.pop())
}

fn delete_deliveries(sql: Sql<'_>, webhook: WebhookKey) -> Result<(), StoreError> {
    sql.prepare("DELETE FROM webhook_deliveries WHERE webhook = $1").run([webhook.number()])?;
    Ok(())
}
