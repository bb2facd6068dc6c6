-- hidden_at: since when hawkBit's clients do not see what is over. It stays part of its job's counts and record.
ALTER TABLE execution ADD COLUMN hidden_at INTEGER;
CREATE INDEX execution_hidden ON execution (tenant_id) WHERE hidden_at IS NOT NULL;
