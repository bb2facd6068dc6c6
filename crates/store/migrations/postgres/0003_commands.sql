-- expires_at: from when on a command is not handed out any more.
ALTER TABLE execution ADD COLUMN expires_at BIGINT;

-- words: lower case, what operators look a job up by. Older jobs are looked up by all of their policy.
ALTER TABLE job ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE job SET words = LOWER(spec);
CREATE INDEX job_by_end ON job (ended_at) WHERE ended_at IS NOT NULL;

-- spec: JSON, what the template says.
CREATE TABLE command_template (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  spec TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (tenant_id, name)
);
