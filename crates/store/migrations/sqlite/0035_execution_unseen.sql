-- What waits to be seen, by when its time is over: also where its job is over and nobody looks at the job's timers.
CREATE INDEX execution_unseen ON execution (due_at) WHERE state = 'succeeded' AND verdict = 'pending';
