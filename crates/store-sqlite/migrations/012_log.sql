-- What clients have to hear, for a time. The key is the place: 1024 for each millisecond since 1970, never less than that of the row before.
-- One row for a change of a conversation, whoever takes part: readers find it through their memberships.
CREATE TABLE log (
    place INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL, -- 4 times a key, plus 0: of a conversation, 1: of a user, 2: of a user, for those who follow it
    kind  INTEGER NOT NULL, -- see log.rs, like the next two
    value INTEGER,
    data  TEXT              -- JSON
) STRICT;

CREATE INDEX log_by_scope ON log (scope);

-- Until when a log is kept, for the app and for one user; NULL: never was.
ALTER TABLE apps ADD COLUMN log_until INTEGER;
ALTER TABLE users ADD COLUMN log_until INTEGER;

-- Where in the log a membership begins, and where that of a former member ended.
ALTER TABLE memberships ADD COLUMN log_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE memberships ADD COLUMN log_to INTEGER;

CREATE INDEX follows_by_followed ON follows (followed, is_following);
