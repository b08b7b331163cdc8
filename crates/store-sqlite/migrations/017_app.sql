-- What an operator sees of apps and tokens.
ALTER TABLE apps ADD COLUMN name TEXT;
ALTER TABLE apps ADD COLUMN is_deleted INTEGER NOT NULL DEFAULT 0; -- 1: its rows are being removed; 2: they are gone

CREATE INDEX deleted_apps ON apps (key) WHERE is_deleted > 0;

-- SHA-256 hashes; the tokens themselves are nowhere.
CREATE TABLE new_app_tokens (
    key        INTEGER PRIMARY KEY, -- grows with creation
    app        INTEGER NOT NULL REFERENCES apps (key),
    uuid       BLOB    NOT NULL,
    hash       BLOB    NOT NULL,
    name       TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER, -- NULL: never
    used_at    INTEGER, -- to the hour; NULL: not since this is noted
    UNIQUE (app, uuid)
) STRICT;

INSERT INTO new_app_tokens (app, uuid, hash, created_at)
SELECT app_tokens.app, randomblob(16), app_tokens.hash, apps.created_at
FROM app_tokens JOIN apps ON apps.key = app_tokens.app ORDER BY apps.key;

DROP TABLE app_tokens;
ALTER TABLE new_app_tokens RENAME TO app_tokens;

-- For the removal of apps: who is named by a row is looked for before it goes.
CREATE INDEX blocks_by_blocked ON blocks (blocked);
CREATE INDEX message_deletions_by_user ON message_deletions (user);
CREATE INDEX announcement_copies_by_announcement ON announcement_copies (announcement);
CREATE INDEX contents_by_uploader ON contents (uploader) WHERE uploader IS NOT NULL;
