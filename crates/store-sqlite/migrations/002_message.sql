ALTER TABLE messages ADD COLUMN updated_at INTEGER; -- when a part was changed, added or removed last

-- From version 2.0 on, an identity sends an announcement.
CREATE TABLE announcements_2 (
    key         INTEGER PRIMARY KEY,
    app         INTEGER NOT NULL REFERENCES apps (key),
    uuid        BLOB    NOT NULL,
    sent_at     INTEGER NOT NULL,
    recipients  TEXT    NOT NULL, -- JSON array of user ids
    sender_user TEXT,             -- exactly one of the two senders is set
    sender_name TEXT,
    parts       BLOB    NOT NULL, -- see codec.rs
    UNIQUE (app, uuid)
) STRICT;

INSERT INTO announcements_2 (key, app, uuid, sent_at, recipients, sender_name, parts)
SELECT key, app, uuid, sent_at, recipients, sender_name, parts FROM announcements;

DROP TABLE announcements;

ALTER TABLE announcements_2 RENAME TO announcements;
