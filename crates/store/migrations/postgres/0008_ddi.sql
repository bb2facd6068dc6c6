-- Settings of a tenant for hawkBit's clients; what is not here has its default.
CREATE TABLE tenant_setting (
  tenant_id BIGINT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, key)
);

-- The one token of a device. Readable: hawkBit's operators are shown it again.
-- binding: the device takes no lesser proof any more.
CREATE TABLE device_token (
  device_id BIGINT PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  token TEXT NOT NULL,
  binding BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

-- What is known of a device as a hawkBit target. auto_confirm: JSON, none while it is off.
-- installed_execution: the last finished action of what is installed.
CREATE TABLE ddi_target (
  device_id BIGINT PRIMARY KEY,
  attributes_wanted BIGINT NOT NULL,
  auto_confirm TEXT,
  installed_execution BIGINT,
  installed_name TEXT,
  installed_version TEXT,
  installed_at BIGINT
);

-- What was served of an action. skip_served: the device was last told to download and not to install.
CREATE TABLE ddi_action (
  execution_id BIGINT PRIMARY KEY,
  retrieved_at BIGINT,
  cancel_retrieved_at BIGINT,
  skip_served BIGINT NOT NULL
);

-- What a device or the server said of an action. messages: JSON array of texts.
CREATE TABLE action_status (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  execution_id BIGINT NOT NULL,
  kind TEXT NOT NULL,
  code BIGINT,
  messages TEXT NOT NULL,
  reported_at BIGINT,
  at BIGINT NOT NULL
);
CREATE INDEX action_status_by_execution ON action_status (execution_id, id);
