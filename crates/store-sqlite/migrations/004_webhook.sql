-- The secret is kept as it was given, because signing needs it.
CREATE TABLE webhooks (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    app           INTEGER NOT NULL REFERENCES apps (key),
    uuid          BLOB    NOT NULL,
    created_at    INTEGER NOT NULL,
    version       TEXT    NOT NULL,
    target_url    TEXT    NOT NULL,
    events        TEXT    NOT NULL, -- JSON array of names
    secret        TEXT    NOT NULL,
    config        TEXT    NOT NULL, -- JSON object
    status        TEXT    NOT NULL, -- 'unverified', 'active', 'inactive'
    status_reason TEXT,             -- of an inactive one
    failing_since INTEGER,          -- NULL while the latest delivery succeeded
    UNIQUE (app, uuid)
) STRICT;

-- Every write asks for the active ones of its app.
CREATE INDEX webhooks_active ON webhooks (app) WHERE status = 'active';
CREATE INDEX webhooks_unverified ON webhooks (key) WHERE status = 'unverified';

-- The outbox: an event on its way to one webhook. A row goes when it is delivered, or when its webhook becomes inactive.
CREATE TABLE webhook_deliveries (
    key              INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook          INTEGER NOT NULL REFERENCES webhooks (key),
    event            BLOB    NOT NULL, -- id of the event
    request          BLOB    NOT NULL, -- id of the request, the same on retries
    event_type       TEXT    NOT NULL,
    body             BLOB    NOT NULL, -- the exact bytes
    failed_attempts  INTEGER NOT NULL DEFAULT 0,
    first_attempt_at INTEGER,
    due_at           INTEGER NOT NULL
) STRICT;

CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook, due_at);
CREATE INDEX webhook_deliveries_by_due_at ON webhook_deliveries (due_at);
