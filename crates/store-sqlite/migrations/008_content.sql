-- Rich content. The bytes are in files beside the database, named after app and id; a row comes before its file and goes before it.
CREATE TABLE contents (
    key             INTEGER PRIMARY KEY,
    app             INTEGER NOT NULL REFERENCES apps (key),
    uuid            BLOB    NOT NULL,
    conversation    INTEGER NOT NULL REFERENCES conversations (key),
    mime_type       TEXT    NOT NULL,
    size            INTEGER NOT NULL,           -- bytes
    origin          TEXT,                       -- of the web page that may upload
    created_at      INTEGER NOT NULL,
    uploaded_at     INTEGER,                    -- NULL until the last byte is on disk; the next two come with it
    md5             BLOB,
    crc32c          INTEGER,
    reference_count INTEGER NOT NULL DEFAULT 0, -- messages with a part that refers to it
    UNIQUE (app, uuid)
) STRICT;

CREATE INDEX contents_by_conversation ON contents (conversation);
CREATE INDEX contents_pending ON contents (created_at) WHERE uploaded_at IS NULL;

-- Files whose row is gone and that wait to be deleted: what a crash leaves is found here.
CREATE TABLE unused_files (
    name TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Keys that are made once for each database.
CREATE TABLE secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
