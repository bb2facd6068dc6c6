-- Rollouts: what holds an execution back, priorities, waves that are not in order of registration.

ALTER TABLE execution ADD COLUMN held_until INTEGER;
ALTER TABLE execution ADD COLUMN closes_at INTEGER;
ALTER TABLE execution ADD COLUMN cancel_asked_at INTEGER;
ALTER TABLE execution ADD COLUMN consent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN consent_at INTEGER;
ALTER TABLE execution ADD COLUMN status_code INTEGER;

ALTER TABLE job ADD COLUMN priority INTEGER NOT NULL DEFAULT 1000;

CREATE TABLE job_wave (
  job_id INTEGER NOT NULL,
  wave INTEGER NOT NULL,
  targets BLOB NOT NULL,
  PRIMARY KEY (job_id, wave)
);
