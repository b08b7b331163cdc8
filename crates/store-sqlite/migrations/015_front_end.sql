-- Content that a user uploads belongs to no conversation until a message carries it.
CREATE TABLE new_contents (
    key             INTEGER PRIMARY KEY,
    app             INTEGER NOT NULL REFERENCES apps (key),
    uuid            BLOB    NOT NULL,
    conversation    INTEGER REFERENCES conversations (key), -- NULL until a message carries what a user uploaded
    uploader        INTEGER REFERENCES users (key),         -- NULL for what the application uploaded
    mime_type       TEXT    NOT NULL,
    size            INTEGER NOT NULL,           -- bytes
    origin          TEXT,                       -- of the web page that may upload
    created_at      INTEGER NOT NULL,
    uploaded_at     INTEGER,                    -- NULL until the last byte is on disk; the next two come with it
    md5             BLOB,
    crc32c          INTEGER,
    reference_count INTEGER NOT NULL DEFAULT 0, -- messages with a part that refers to it
    UNIQUE (app, uuid),
    CHECK (conversation IS NOT NULL OR uploader IS NOT NULL)
) STRICT;

INSERT INTO new_contents (
    key, app, uuid, conversation, mime_type, size, origin, created_at, uploaded_at, md5, crc32c, reference_count
)
SELECT key, app, uuid, conversation, mime_type, size, origin, created_at, uploaded_at, md5, crc32c, reference_count
FROM contents;

DROP TABLE contents;
ALTER TABLE new_contents RENAME TO contents;

CREATE INDEX contents_by_conversation ON contents (conversation);
CREATE INDEX contents_pending ON contents (created_at) WHERE uploaded_at IS NULL OR conversation IS NULL;
CREATE INDEX contents_unsent ON contents (uploader) WHERE conversation IS NULL;

-- Where pushes to a device of a user would go.
CREATE TABLE push_tokens (
    user           INTEGER NOT NULL REFERENCES users (key),
    device         TEXT    NOT NULL,
    used           INTEGER NOT NULL, -- the one that was registered last has the highest
    kind           TEXT    NOT NULL,
    token          TEXT    NOT NULL,
    apns_bundle_id TEXT,
    gcm_sender_id  TEXT,
    ios_version    TEXT,
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;

-- From when on the sender of a message that waits seems to type.
ALTER TABLE scheduled_messages ADD COLUMN typing_at INTEGER;

CREATE INDEX scheduled_messages_by_typing_at ON scheduled_messages (typing_at) WHERE typing_at IS NOT NULL;

-- What a former member sees of the metadata: as it was when it left. NULL for who left before this was kept.
ALTER TABLE memberships ADD COLUMN left_metadata TEXT;
