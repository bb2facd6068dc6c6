-- A counter of a job is the sum over its slots: on a server, devices that report at the same time do not meet in one row.
CREATE TABLE job_tally_slots (
  job_id INTEGER NOT NULL,
  wave INTEGER NOT NULL,
  state TEXT NOT NULL,
  verdict TEXT NOT NULL,
  slot INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (job_id, wave, state, verdict, slot)
);
INSERT INTO job_tally_slots (job_id, wave, state, verdict, slot, count)
  SELECT job_id, wave, state, verdict, 0, count FROM job_tally;
DROP TABLE job_tally;
ALTER TABLE job_tally_slots RENAME TO job_tally;
