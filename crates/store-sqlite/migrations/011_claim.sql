-- Who works on a row of a queue: the claim is another one each time, and lapses by the clock of the machine. Both are NULL while nobody
-- does.
ALTER TABLE webhook_deliveries ADD COLUMN claim BLOB;
ALTER TABLE webhook_deliveries ADD COLUMN claimed_until INTEGER;
ALTER TABLE webhooks ADD COLUMN claim BLOB; -- of the worker that challenges it
ALTER TABLE webhooks ADD COLUMN claimed_until INTEGER;
ALTER TABLE exports ADD COLUMN claim BLOB;
ALTER TABLE exports ADD COLUMN claimed_until INTEGER;

CREATE INDEX webhook_deliveries_claimed ON webhook_deliveries (webhook, claimed_until) WHERE claim IS NOT NULL;

-- Events are given to an export one by one, in place of a range of keys.
ALTER TABLE export_events ADD COLUMN export INTEGER; -- key of the export; NULL: waits for the next one

UPDATE export_events SET export = (
    SELECT exports.key FROM exports
    WHERE exports.app = export_events.app AND exports.completed_at IS NULL AND exports.last_event >= export_events.key
    ORDER BY exports.key LIMIT 1);

DROP INDEX export_events_by_app;
CREATE INDEX export_events_by_export ON export_events (app, export, key);
ALTER TABLE exports DROP COLUMN last_event;
