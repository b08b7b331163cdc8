-- Of an app that is_deleted: it is being put together by a copy, and stays when that is broken off.
ALTER TABLE apps ADD COLUMN is_unfinished boolean NOT NULL DEFAULT false;
