-- Files are named by the id of their app, where they were named by its number here. What the platform has to rename yet.
CREATE TABLE renamed_files (
    old TEXT NOT NULL PRIMARY KEY,
    new TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO renamed_files (old, new)
WITH files (kind, app, id, suffix) AS (
    SELECT 'content', app, hex(uuid), '' FROM contents
    UNION ALL SELECT 'export', app, hex(uuid), '.tar.gz.enc' FROM exports
    UNION ALL SELECT 'export', app, hex(uuid), '.json' FROM exports
),
named (kind, number, app, id, suffix) AS (
    SELECT kind, files.app, hex(apps.uuid), id, suffix FROM files JOIN apps ON apps.key = files.app
)
SELECT lower(
    kind || '-' || number
    || '-' || substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-' || substr(id, 17, 4)
    || '-' || substr(id, 21) || suffix
), lower(
    kind
    || '-' || substr(app, 1, 8) || '-' || substr(app, 9, 4) || '-' || substr(app, 13, 4) || '-' || substr(app, 17, 4)
    || '-' || substr(app, 21)
    || '-' || substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-' || substr(id, 17, 4)
    || '-' || substr(id, 21) || suffix
) FROM named;
