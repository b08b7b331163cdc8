-- Times are milliseconds since 1970-01-01 UTC. UUIDs are blobs of 16 bytes. Ids are unique within an app, never across apps.

CREATE TABLE apps (
    key        INTEGER PRIMARY KEY,
    uuid       BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

-- SHA-256 hashes; the tokens themselves are nowhere.
CREATE TABLE app_tokens (
    app  INTEGER NOT NULL REFERENCES apps (key),
    hash BLOB    NOT NULL,
    PRIMARY KEY (app, hash)
) STRICT, WITHOUT ROWID;

-- Every user that was ever named by a write, so that other tables hold a number instead of the text.
CREATE TABLE users (
    key                INTEGER PRIMARY KEY,
    app                INTEGER NOT NULL REFERENCES apps (key),
    id                 TEXT    NOT NULL,
    conversation_count INTEGER NOT NULL DEFAULT 0,
    UNIQUE (app, id)
) STRICT;

CREATE TABLE identities (
    user   INTEGER PRIMARY KEY REFERENCES users (key),
    fields TEXT    NOT NULL -- JSON object
) STRICT;

CREATE TABLE blocks (
    owner   INTEGER NOT NULL REFERENCES users (key),
    blocked INTEGER NOT NULL REFERENCES users (key),
    PRIMARY KEY (owner, blocked)
) STRICT, WITHOUT ROWID;

-- Keys grow with creation and stay below 2^31, because the keys of messages are made of them.
CREATE TABLE conversations (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    app           INTEGER NOT NULL REFERENCES apps (key),
    uuid          BLOB    NOT NULL,
    created_at    INTEGER NOT NULL,
    active_at     INTEGER NOT NULL,           -- sent_at of the newest message, else created_at
    participants  TEXT    NOT NULL,           -- JSON array of user ids, in the order sent
    metadata      TEXT    NOT NULL,           -- JSON object
    distinct_key  BLOB,                       -- hash of the set of participants, if distinct
    is_deleted    INTEGER NOT NULL DEFAULT 0,
    message_count INTEGER NOT NULL DEFAULT 0,
    last_position INTEGER NOT NULL DEFAULT 0, -- 0 before the first message
    UNIQUE (app, uuid)
) STRICT;

CREATE UNIQUE INDEX conversations_by_distinct_key ON conversations (app, distinct_key) WHERE distinct_key IS NOT NULL;

-- Present and former members. What a user has not read is counted backwards: sending then touches no row of a recipient.
CREATE TABLE memberships (
    user          INTEGER NOT NULL REFERENCES users (key),
    conversation  INTEGER NOT NULL REFERENCES conversations (key),
    left_position INTEGER,          -- former members: position of the last message they can see
    visible_count INTEGER,          -- former members: how many messages they can see; present ones see all
    settled_count INTEGER NOT NULL, -- how many visible messages are not unread: own, read, or older than the membership
    PRIMARY KEY (user, conversation)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_by_conversation ON memberships (conversation);

-- One row per message, clustered by conversation: a page of a list is one range scan. A rowid table on purpose, since
-- WITHOUT ROWID would keep rows in interior nodes too. The dedupe tag is the uuid, so there is no table of tags.
CREATE TABLE messages (
    key         INTEGER PRIMARY KEY, -- conversation << 32 | position
    app         INTEGER NOT NULL,
    uuid        BLOB    NOT NULL,
    sent_at     INTEGER NOT NULL,
    sender_user TEXT,                -- exactly one of the two senders is set
    sender_name TEXT,
    recipients  BLOB    NOT NULL,    -- status by user, see codec.rs
    parts       BLOB    NOT NULL,    -- see codec.rs
    UNIQUE (app, uuid)
) STRICT;

-- Ids of deleted messages, which stay in use for ever.
CREATE TABLE deleted_messages (
    app  INTEGER NOT NULL,
    uuid BLOB    NOT NULL,
    PRIMARY KEY (app, uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE announcements (
    key         INTEGER PRIMARY KEY,
    app         INTEGER NOT NULL REFERENCES apps (key),
    uuid        BLOB    NOT NULL,
    sent_at     INTEGER NOT NULL,
    recipients  TEXT    NOT NULL, -- JSON array of user ids
    sender_name TEXT    NOT NULL,
    parts       BLOB    NOT NULL, -- see codec.rs
    UNIQUE (app, uuid)
) STRICT;
