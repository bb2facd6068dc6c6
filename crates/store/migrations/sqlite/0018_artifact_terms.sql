-- What a tenant wants of all its artifacts: whose signatures count, whether one is needed, and how many bytes there may be.
CREATE TABLE artifact_terms (
  tenant_id INTEGER PRIMARY KEY,
  signers TEXT NOT NULL,
  require_signature INTEGER NOT NULL,
  quota INTEGER,
  version INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
