-- Jobs that were deleted and whose executions are still to go.
CREATE TABLE job_remnant (job_id INTEGER PRIMARY KEY);
