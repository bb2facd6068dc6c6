-- Rollouts: what holds an execution back, priorities, waves that are not in order of registration.

ALTER TABLE execution ADD COLUMN held_until BIGINT;
ALTER TABLE execution ADD COLUMN closes_at BIGINT;
ALTER TABLE execution ADD COLUMN cancel_asked_at BIGINT;
ALTER TABLE execution ADD COLUMN consent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN consent_at BIGINT;
ALTER TABLE execution ADD COLUMN status_code BIGINT;

ALTER TABLE job ADD COLUMN priority BIGINT NOT NULL DEFAULT 1000;

CREATE TABLE job_wave (
  job_id BIGINT NOT NULL,
  wave BIGINT NOT NULL,
  targets BYTEA NOT NULL,
  PRIMARY KEY (job_id, wave)
);
