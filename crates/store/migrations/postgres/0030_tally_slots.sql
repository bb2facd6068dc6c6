-- A counter of a job is the sum over its slots: devices that report at the same time do not meet in one row.
ALTER TABLE job_tally ADD COLUMN slot BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job_tally DROP CONSTRAINT job_tally_pkey;
ALTER TABLE job_tally ADD PRIMARY KEY (job_id, wave, state, verdict, slot);
