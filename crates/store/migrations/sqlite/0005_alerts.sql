-- about: what the alert is about, such as device:12; device_id repeats it where it is a device. standing: 1 while the
-- condition holds, also after somebody closed the alert by hand, so that it does not open again meanwhile.
CREATE TABLE alert (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  about TEXT NOT NULL,
  device_id INTEGER,
  severity TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  action TEXT NOT NULL,
  standing INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  count INTEGER NOT NULL,
  acknowledged_at INTEGER,
  acknowledged_by TEXT,
  closed_at INTEGER,
  closed_reason TEXT
);
CREATE UNIQUE INDEX alert_standing ON alert (tenant_id, kind, about) WHERE standing = 1;
CREATE INDEX alert_by_kind ON alert (tenant_id, kind, id) WHERE standing = 1;
CREATE INDEX alert_by_tenant ON alert (tenant_id, id);
CREATE INDEX alert_open ON alert (tenant_id, id) WHERE closed_at IS NULL;
CREATE INDEX alert_by_device ON alert (device_id, id) WHERE device_id IS NOT NULL;
CREATE INDEX alert_by_end ON alert (closed_at) WHERE closed_at IS NOT NULL;

-- settings: address and interest. secret: the signing key of a webhook; never shown. last_*: the latest attempt.
CREATE TABLE notification_channel (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  settings TEXT NOT NULL,
  secret BLOB,
  enabled INTEGER NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_at INTEGER,
  last_state TEXT,
  last_detail TEXT,
  UNIQUE (tenant_id, name)
);

-- message: the id that receivers see, the same for every try. telling: opened | closed | more | test.
-- state: waiting | delivered | failed. payload: the alert as it was, or the counts of those not told one by one.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  channel_id INTEGER NOT NULL,
  alert_id INTEGER,
  message TEXT NOT NULL UNIQUE,
  telling TEXT NOT NULL,
  payload TEXT NOT NULL,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER
);
CREATE INDEX outbox_waiting ON outbox (channel_id, next_at) WHERE state = 'waiting';
CREATE INDEX outbox_by_channel ON outbox (channel_id, id);
CREATE INDEX outbox_by_age ON outbox (channel_id, created_at);
CREATE INDEX outbox_by_end ON outbox (ended_at) WHERE ended_at IS NOT NULL;

CREATE INDEX credential_by_end ON credential (not_after) WHERE status = 'active';
