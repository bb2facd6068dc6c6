-- What updates leave to be known of their devices once their executions are gone: of each device and release, the last one
-- that stood so. A row goes with its device; with its release, too, where the device installed something after it.
-- is_fetched: it was only fetched, and nothing was to be installed.
CREATE TABLE past_update (
  device_id BIGINT NOT NULL,
  release_id BIGINT NOT NULL,
  state TEXT NOT NULL,
  verdict TEXT NOT NULL,
  is_fetched BIGINT NOT NULL,
  tenant_id BIGINT NOT NULL,
  execution_id BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  PRIMARY KEY (device_id, release_id, state, verdict, is_fetched)
);
CREATE INDEX past_update_by_release ON past_update (release_id, device_id);

CREATE INDEX job_by_tenant_end ON job (tenant_id, ended_at) WHERE ended_at IS NOT NULL;

-- Until its executions are gone, what a deleted job installed is told by them.
ALTER TABLE job_remnant ADD COLUMN release_id BIGINT;
