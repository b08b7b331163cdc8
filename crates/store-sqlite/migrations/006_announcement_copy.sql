-- The copy that each recipient has of an announcement, with what it did to it. A deleted copy is gone.
CREATE TABLE announcement_copies (
    user         INTEGER NOT NULL REFERENCES users (key),
    announcement INTEGER NOT NULL REFERENCES announcements (key),
    status       INTEGER NOT NULL DEFAULT 0, -- as in the recipients of a message: 0 sent, 1 delivered, 2 read
    PRIMARY KEY (user, announcement)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO users (app, id)
SELECT announcements.app, json_each.value FROM announcements, json_each(announcements.recipients);

INSERT OR IGNORE INTO announcement_copies (user, announcement)
SELECT users.key, announcements.key FROM announcements, json_each(announcements.recipients)
JOIN users ON users.app = announcements.app AND users.id = json_each.value;
