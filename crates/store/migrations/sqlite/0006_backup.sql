-- How the backups of each node went: the last attempt and the last success.
CREATE TABLE backup_outcome (
  node TEXT PRIMARY KEY,
  attempted_at INTEGER NOT NULL,
  succeeded_at INTEGER,
  name TEXT,
  problem TEXT
);
