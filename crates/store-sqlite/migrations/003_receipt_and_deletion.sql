-- What a user read in one go, and what it deleted for itself alone (mode my_devices).

-- Every message up to this position is settled for the user, so that marking all as read begins behind it.
ALTER TABLE memberships ADD COLUMN read_position INTEGER NOT NULL DEFAULT 0;

-- 1: the user deleted the conversation for itself. The next message brings it back.
ALTER TABLE memberships ADD COLUMN is_deleted INTEGER NOT NULL DEFAULT 0;

-- Messages up to this position went with it.
ALTER TABLE memberships ADD COLUMN deleted_position INTEGER NOT NULL DEFAULT 0;

-- How many messages that are still there the user deleted for itself, with the conversation or one by one. They are all settled,
-- and counted in visible_count nevertheless.
ALTER TABLE memberships ADD COLUMN deleted_count INTEGER NOT NULL DEFAULT 0;

-- Looked at with every message sent, and mostly empty.
CREATE INDEX memberships_deleted ON memberships (conversation) WHERE is_deleted = 1 AND left_position IS NULL;

-- Messages that a user deleted for itself one by one.
CREATE TABLE message_deletions (
    message INTEGER NOT NULL, -- key of the message
    user    INTEGER NOT NULL REFERENCES users (key),
    PRIMARY KEY (message, user)
) STRICT, WITHOUT ROWID;
