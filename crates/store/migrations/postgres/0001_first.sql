-- Times are microseconds since 1970-01-01T00:00:00Z. Documents are JSON text; SQL never looks inside them.
-- Ids are never reused.

CREATE TABLE tenant (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL
);

CREATE TABLE device_type (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  spec TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (tenant_id, name)
);

CREATE TABLE device (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  type_id BIGINT,
  kind TEXT NOT NULL,
  parent_id BIGINT,
  lifecycle TEXT NOT NULL,
  attributes TEXT NOT NULL,
  inventory TEXT NOT NULL,
  tags TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  first_seen_at BIGINT,
  UNIQUE (tenant_id, name)
);
CREATE INDEX device_by_type ON device (type_id);
CREATE INDEX device_by_parent ON device (parent_id);

CREATE TABLE device_alias (
  tenant_id BIGINT NOT NULL,
  protocol TEXT NOT NULL,
  external_id TEXT NOT NULL,
  device_id BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, protocol, external_id)
);
CREATE INDEX device_alias_by_device ON device_alias (device_id);

CREATE TABLE device_group (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  path TEXT NOT NULL,
  description TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (tenant_id, path)
);

CREATE TABLE group_member (
  group_id BIGINT NOT NULL,
  device_id BIGINT NOT NULL,
  PRIMARY KEY (group_id, device_id)
);
CREATE INDEX group_member_by_device ON group_member (device_id);

CREATE TABLE claim (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  templates TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (tenant_id, name)
);

-- purpose: device | claim. status: pending | active | superseded | revoked | expired.
-- fingerprint: SHA-256 of the certificate (DER). public_key: SHA-256 of its SubjectPublicKeyInfo (DER).
CREATE TABLE credential (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  device_id BIGINT,
  claim_id BIGINT,
  purpose TEXT NOT NULL,
  status TEXT NOT NULL,
  fingerprint BYTEA NOT NULL UNIQUE,
  public_key BYTEA NOT NULL,
  serial TEXT NOT NULL,
  certificate_pem TEXT NOT NULL,
  not_before BIGINT NOT NULL,
  not_after BIGINT NOT NULL,
  ownership_token BYTEA,
  ownership_expires_at BIGINT,
  created_at BIGINT NOT NULL,
  activated_at BIGINT,
  ended_at BIGINT,
  end_reason TEXT
);
CREATE INDEX credential_by_device ON credential (device_id);
CREATE INDEX credential_by_public_key ON credential (public_key);
CREATE INDEX credential_by_claim ON credential (claim_id, status);
CREATE INDEX credential_by_claim_age ON credential (claim_id, created_at);
CREATE INDEX credential_unprovisioned ON credential (ownership_expires_at) WHERE status = 'pending';
CREATE UNIQUE INDEX credential_by_ownership_token ON credential (ownership_token);

CREATE TABLE provisioning_template (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL,
  enabled BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (tenant_id, name)
);

-- name is '' for the classic shadow. deleted_at keeps the version alive for 48 hours after a delete.
CREATE TABLE shadow (
  device_id BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  document TEXT NOT NULL,
  version BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted_at BIGINT,
  PRIMARY KEY (device_id, name)
);
CREATE INDEX shadow_by_deletion ON shadow (deleted_at) WHERE deleted_at IS NOT NULL;

-- subscriptions, will and open QoS 2 packet ids; never outbound payloads.
CREATE TABLE mqtt_session (
  device_id BIGINT NOT NULL,
  client_id TEXT NOT NULL,
  state TEXT NOT NULL,
  expires_at BIGINT,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (device_id, client_id)
);
CREATE INDEX mqtt_session_by_expiry ON mqtt_session (expires_at);

CREATE TABLE artifact (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  sha256 BYTEA NOT NULL,
  size BIGINT NOT NULL,
  signature TEXT,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL
);
CREATE INDEX artifact_by_digest ON artifact (sha256);
CREATE INDEX artifact_by_tenant ON artifact (tenant_id, id);

CREATE TABLE component (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  type TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (tenant_id, name, version)
);

CREATE TABLE component_artifact (
  component_id BIGINT NOT NULL,
  position BIGINT NOT NULL,
  artifact_id BIGINT NOT NULL,
  PRIMARY KEY (component_id, position)
);
CREATE INDEX component_artifact_by_artifact ON component_artifact (artifact_id);

CREATE TABLE software_release (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  device_types TEXT NOT NULL,
  notes TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  UNIQUE (tenant_id, name, version)
);

CREATE TABLE release_component (
  release_id BIGINT NOT NULL,
  position BIGINT NOT NULL,
  component_id BIGINT NOT NULL,
  PRIMARY KEY (release_id, position)
);
CREATE INDEX release_component_by_component ON release_component (component_id);

-- targets: roaring treemap of device ids, frozen at creation, read at change sequence target_seq.
-- version rises with what operators can see change, revision with every write.
CREATE TABLE job (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  spec TEXT NOT NULL,
  progress TEXT NOT NULL,
  targets BYTEA NOT NULL,
  target_count BIGINT NOT NULL,
  target_seq BIGINT NOT NULL,
  release_id BIGINT,
  version BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  started_at BIGINT,
  ended_at BIGINT
);
CREATE INDEX job_by_state ON job (state);
CREATE INDEX job_by_tenant ON job (tenant_id, id);
CREATE INDEX job_by_release ON job (release_id);

-- How many latest executions of a wave stand at a state and verdict; kept in step by whoever writes executions.
CREATE TABLE job_tally (
  job_id BIGINT NOT NULL,
  wave BIGINT NOT NULL,
  state TEXT NOT NULL,
  verdict TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (job_id, wave, state, verdict)
);

-- number: 1 for the first try on this device, +1 for each retry; latest: 1 for the last of them, 0 for earlier ones.
-- version: the protocol's versionNumber. detail: statusDetails. seen_before: versions at the offer, by component.
-- due_at: the nearer of phase_due_at (queued, in progress, verifying) and step_due_at (the device's own timer).
CREATE TABLE execution (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  job_id BIGINT NOT NULL,
  device_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  latest BIGINT NOT NULL,
  wave BIGINT NOT NULL,
  state TEXT NOT NULL,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  seen_before TEXT NOT NULL,
  version BIGINT NOT NULL,
  queued_at BIGINT NOT NULL,
  started_at BIGINT,
  updated_at BIGINT NOT NULL,
  ended_at BIGINT,
  phase_due_at BIGINT,
  step_due_at BIGINT,
  due_at BIGINT,
  UNIQUE (job_id, device_id, number)
);
CREATE INDEX execution_by_device ON execution (device_id, state, verdict);
CREATE INDEX execution_by_job ON execution (job_id, state, verdict);
CREATE INDEX execution_by_job_id ON execution (job_id, id);
CREATE INDEX execution_by_due ON execution (job_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE user_account (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  disabled_at BIGINT,
  UNIQUE (tenant_id, name)
);

-- hash: SHA-256 of the secret. scope: '' for the whole tenant, else a fleet query.
CREATE TABLE api_token (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  hash BYTEA NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  role TEXT NOT NULL,
  scope TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT
);
CREATE INDEX api_token_by_tenant ON api_token (tenant_id, id);

-- body: everything that is chained as it is; personal: fields that may be erased, chained by salted hash.
-- position and hash are filled by the sealer: position is the place in the chain, which is the order of sealing
-- (on PostgreSQL sequences become visible out of order).
CREATE TABLE audit (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  body TEXT NOT NULL,
  personal TEXT,
  personal_hash BYTEA NOT NULL,
  position BIGINT,
  hash BYTEA
);
CREATE INDEX audit_unsealed ON audit (seq) WHERE position IS NULL;
CREATE UNIQUE INDEX audit_by_position ON audit (position);
CREATE INDEX audit_by_tenant ON audit (tenant_id, seq);

CREATE TABLE audit_seal (
  last_position BIGINT PRIMARY KEY,
  first_position BIGINT NOT NULL,
  at BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  signature BYTEA NOT NULL
);

-- Coalesced: one row per device, kind and minute; count says how often.
CREATE TABLE event (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  device_id BIGINT NOT NULL,
  kind TEXT NOT NULL,
  minute BIGINT NOT NULL,
  severity TEXT NOT NULL,
  detail TEXT NOT NULL,
  count BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  UNIQUE (device_id, kind, minute)
);
CREATE INDEX event_by_tenant ON event (tenant_id, id);
CREATE INDEX event_by_device ON event (device_id, last_at);

CREATE TABLE live_block (
  node TEXT NOT NULL,
  block BIGINT NOT NULL,
  saved_at BIGINT NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (node, block)
);

CREATE TABLE secret_key (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  purpose TEXT NOT NULL,
  value BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  retired_at BIGINT
);

CREATE TABLE idempotency (
  tenant_id BIGINT NOT NULL,
  actor TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash BYTEA NOT NULL,
  status BIGINT NOT NULL,
  response TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, actor, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE lease (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  until BIGINT NOT NULL,
  epoch BIGINT NOT NULL
);

-- What changed, for every node to tail.
CREATE TABLE change (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind TEXT NOT NULL,
  id BIGINT NOT NULL,
  -- Sequences become visible out of order; readers stop below the oldest open transaction.
  xid XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX change_by_xid ON change (xid, seq);

-- Telemetry; the embedded store has these tables in a file of its own (migrations/telemetry).
-- kind: 0 number, 1 integer, 2 bool, 3 text.
CREATE TABLE telemetry_metric (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name TEXT NOT NULL,
  kind BIGINT NOT NULL,
  UNIQUE (name, kind)
);

CREATE TABLE telemetry_series (
  device_id BIGINT NOT NULL,
  metric_id BIGINT NOT NULL,
  PRIMARY KEY (device_id, metric_id)
);

-- What was acknowledged and is in no block yet, one row per ingest batch.
CREATE TABLE telemetry_log (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  bytes BIGINT NOT NULL,
  data BYTEA NOT NULL
);

-- Sorted columns of one metric, 4,096 neighbouring devices (chunk) and one day. step: 0 for points, else the seconds
-- of a rollup. Blocks of one generation and level are one run; where points collide the higher generation wins.
-- settled: the day is over, nothing is merged any more.
CREATE TABLE telemetry_block (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  metric_id BIGINT NOT NULL,
  chunk BIGINT NOT NULL,
  day BIGINT NOT NULL,
  step BIGINT NOT NULL,
  level BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  settled BIGINT NOT NULL,
  first_device BIGINT NOT NULL,
  last_device BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  points BIGINT NOT NULL,
  data BYTEA NOT NULL
);
CREATE INDEX telemetry_block_by_place ON telemetry_block (metric_id, chunk, day, step, last_device, first_device);
CREATE INDEX telemetry_block_by_age ON telemetry_block (step, day);
CREATE INDEX telemetry_block_unsettled ON telemetry_block (day) WHERE settled = 0;

CREATE TABLE telemetry_progress (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
