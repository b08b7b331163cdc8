-- Grows when participants, distinctness or metadata change, and with deletion, but not with messages.
ALTER TABLE conversations ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
