-- Until when an enrolment may replace the device's credential; the way out of a device that is to wipe itself first.
ALTER TABLE device ADD COLUMN reprovision_until BIGINT;
ALTER TABLE device ADD COLUMN leaving_since BIGINT;
ALTER TABLE device ADD COLUMN leaving_until BIGINT;
ALTER TABLE device ADD COLUMN leaving_job BIGINT;
ALTER TABLE device ADD COLUMN leaving_data TEXT;
CREATE INDEX device_leaving ON device (leaving_until) WHERE leaving_until IS NOT NULL;

-- Enrolments that an operator must decide. name: '' where the certificate does not say whose it is.
-- source: claim | certificate. state: open | accepted | rejected. certificate_pem: only where source is certificate.
CREATE TABLE pending_enrolment (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  source TEXT NOT NULL,
  claim_id BIGINT,
  template TEXT,
  device_type TEXT,
  fingerprint BYTEA NOT NULL,
  public_key BYTEA NOT NULL,
  certificate_pem TEXT,
  reason TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  state TEXT NOT NULL,
  decided_at BIGINT,
  decided_by TEXT,
  note TEXT,
  UNIQUE (tenant_id, public_key, name)
);
CREATE INDEX pending_enrolment_by_state ON pending_enrolment (tenant_id, state, id);
CREATE INDEX pending_enrolment_by_fingerprint ON pending_enrolment (fingerprint);
CREATE INDEX pending_enrolment_by_age ON pending_enrolment (last_at);

-- Devices whose telemetry is to be erased; the row goes when it is.
CREATE TABLE telemetry_erasure (
  device_id BIGINT PRIMARY KEY,
  asked_at BIGINT NOT NULL
);
