-- What the application told about a user besides its identity.
ALTER TABLE users ADD COLUMN external_unread_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN is_suspended INTEGER NOT NULL DEFAULT 0;

CREATE INDEX suspended_users ON users (app) WHERE is_suspended;

ALTER TABLE apps ADD COLUMN session_ttl_in_seconds INTEGER; -- NULL: never set

-- Users follow those with whom they share a conversation now; that stands in memberships alone. Here is what goes beyond it:
-- explicit follows and what is left of conversations that ended (1), and explicit unfollows, which go before memberships (0).
CREATE TABLE follows (
    follower     INTEGER NOT NULL REFERENCES users (key),
    followed     INTEGER NOT NULL REFERENCES users (key),
    is_following INTEGER NOT NULL,
    PRIMARY KEY (follower, followed)
) STRICT, WITHOUT ROWID;

CREATE INDEX unfollows ON follows (follower) WHERE is_following = 0;
