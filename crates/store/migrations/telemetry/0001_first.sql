-- Telemetry of the embedded store, in a file of its own. PostgreSQL has the same tables beside the state.
-- Times are microseconds since 1970-01-01T00:00:00Z; day is the number of days since then.

-- kind: 0 number, 1 integer, 2 bool, 3 text.
CREATE TABLE telemetry_metric (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  kind INTEGER NOT NULL,
  UNIQUE (name, kind)
);

CREATE TABLE telemetry_series (
  device_id INTEGER NOT NULL,
  metric_id INTEGER NOT NULL,
  PRIMARY KEY (device_id, metric_id)
) WITHOUT ROWID;

-- What was acknowledged and is in no block yet, one row per ingest batch.
CREATE TABLE telemetry_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  bytes INTEGER NOT NULL,
  data BLOB NOT NULL
);

-- Sorted columns of one metric, 4,096 neighbouring devices (chunk) and one day. step: 0 for points, else the seconds
-- of a rollup. Blocks of one generation and level are one run; where points collide the higher generation wins.
-- settled: the day is over, nothing is merged any more.
CREATE TABLE telemetry_block (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  metric_id INTEGER NOT NULL,
  chunk INTEGER NOT NULL,
  day INTEGER NOT NULL,
  step INTEGER NOT NULL,
  level INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  settled INTEGER NOT NULL,
  first_device INTEGER NOT NULL,
  last_device INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  points INTEGER NOT NULL,
  data BLOB NOT NULL
);
CREATE INDEX telemetry_block_by_place ON telemetry_block (metric_id, chunk, day, step, last_device, first_device);
CREATE INDEX telemetry_block_by_age ON telemetry_block (step, day);
CREATE INDEX telemetry_block_unsettled ON telemetry_block (day) WHERE settled = 0;

CREATE TABLE telemetry_progress (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
);
