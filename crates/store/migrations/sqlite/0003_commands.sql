-- expires_at: from when on a command is not handed out any more.
ALTER TABLE execution ADD COLUMN expires_at INTEGER;

-- words: lower case, what operators look a job up by. Older jobs are looked up by all of their policy.
ALTER TABLE job ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE job SET words = LOWER(spec);
CREATE INDEX job_by_end ON job (ended_at) WHERE ended_at IS NOT NULL;

-- spec: JSON, what the template says.
CREATE TABLE command_template (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  spec TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (tenant_id, name)
);
