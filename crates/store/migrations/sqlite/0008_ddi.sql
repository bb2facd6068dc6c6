-- Settings of a tenant for hawkBit's clients; what is not here has its default.
CREATE TABLE tenant_setting (
  tenant_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, key)
) WITHOUT ROWID;

-- The one token of a device. Readable: hawkBit's operators are shown it again.
-- binding: the device takes no lesser proof any more.
CREATE TABLE device_token (
  device_id INTEGER PRIMARY KEY,
  tenant_id INTEGER NOT NULL,
  token TEXT NOT NULL,
  binding INTEGER NOT NULL,
  created_at INTEGER NOT NULL
);

-- What is known of a device as a hawkBit target. auto_confirm: JSON, none while it is off.
-- installed_execution: the last finished action of what is installed.
CREATE TABLE ddi_target (
  device_id INTEGER PRIMARY KEY,
  attributes_wanted INTEGER NOT NULL,
  auto_confirm TEXT,
  installed_execution INTEGER,
  installed_name TEXT,
  installed_version TEXT,
  installed_at INTEGER
);

-- What was served of an action. skip_served: the device was last told to download and not to install.
CREATE TABLE ddi_action (
  execution_id INTEGER PRIMARY KEY,
  retrieved_at INTEGER,
  cancel_retrieved_at INTEGER,
  skip_served INTEGER NOT NULL
);

-- What a device or the server said of an action. messages: JSON array of texts.
CREATE TABLE action_status (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  execution_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  code INTEGER,
  messages TEXT NOT NULL,
  reported_at INTEGER,
  at INTEGER NOT NULL
);
CREATE INDEX action_status_by_execution ON action_status (execution_id, id);
