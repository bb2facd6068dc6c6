-- Continuous jobs: the wave that earlier waves are counted in. Of those neither job_wave nor job_tally has a row.

CREATE TABLE job_past (
  job_id INTEGER NOT NULL PRIMARY KEY,
  wave INTEGER NOT NULL
);
