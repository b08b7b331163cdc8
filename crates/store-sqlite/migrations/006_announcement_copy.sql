-- The copy that each recipient has of an announcement, with what it did to it. A deleted copy is gone.
CREATE TABLE announcement_copies (
    user         INTEGER NOT NULL REFERENCES users (key),
    announcement INTEGER NOT NULL REFERENCES announcements (key),
    status       INTEGER NOT NULL DEFAULT 0, -- as in the recipients of a message: 0 sent, 1 delivered, 2 read
    PRIMARY KEY (user, announcement)
) STRICT, WITHOUT ROWID;

-- Announcements that are there get their copies beside this, see rewrite.rs.
