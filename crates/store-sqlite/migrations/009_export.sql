-- What an app has set for its exports. Its archives are files beside the database.
CREATE TABLE export_settings (
    app             INTEGER PRIMARY KEY REFERENCES apps (key),
    public_key      TEXT,             -- as it was given
    requested_at    INTEGER,          -- when the latest historical export was asked for
    interval        TEXT NOT NULL DEFAULT 'disabled', -- or 'daily'
    events          TEXT NOT NULL DEFAULT '[]',       -- JSON array of names
    last_export_at  INTEGER,
    last_export     BLOB,
    next_export_at  INTEGER
) STRICT;

CREATE INDEX export_settings_due ON export_settings (next_export_at) WHERE next_export_at IS NOT NULL;

CREATE TABLE exports (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    app           INTEGER NOT NULL REFERENCES apps (key),
    uuid          BLOB    NOT NULL,
    is_scheduled  INTEGER NOT NULL,
    version       TEXT    NOT NULL, -- of the objects in it
    public_key    TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    last_event    INTEGER,          -- of a scheduled one: key of the latest event in it
    started_at    INTEGER,
    completed_at  INTEGER,          -- NULL until the archive is on disk; the next three come with it
    size          INTEGER,          -- bytes
    encrypted_key BLOB,
    iv            BLOB,
    UNIQUE (app, uuid)
) STRICT;

CREATE INDEX exports_open ON exports (key) WHERE completed_at IS NULL;

-- What happened since the latest scheduled export, as payloads of webhooks 1.0. Written only while a schedule is on.
CREATE TABLE export_events (
    key  INTEGER PRIMARY KEY AUTOINCREMENT,
    app  INTEGER NOT NULL REFERENCES apps (key),
    body BLOB    NOT NULL
) STRICT;

CREATE INDEX export_events_by_app ON export_events (app, key);
