-- Messages that are to be sent later. A row goes with the write that sends it.
CREATE TABLE scheduled_messages (
    key          INTEGER PRIMARY KEY AUTOINCREMENT, -- of two that are due at the same time, the smaller one goes first
    app          INTEGER NOT NULL REFERENCES apps (key),
    uuid         BLOB    NOT NULL,                  -- of the message that it will be
    conversation INTEGER NOT NULL REFERENCES conversations (key),
    due_at       INTEGER NOT NULL,
    sender_user  TEXT,                              -- exactly one of the two senders is set
    sender_name  TEXT,
    parts        BLOB    NOT NULL,                  -- see codec.rs
    UNIQUE (app, uuid)
) STRICT;

CREATE INDEX scheduled_messages_by_due_at ON scheduled_messages (due_at, key);
CREATE INDEX scheduled_messages_by_conversation ON scheduled_messages (conversation);
