-- What a tenant wants of all its artifacts: whose signatures count, whether one is needed, and how many bytes there may be.
CREATE TABLE artifact_terms (
  tenant_id BIGINT PRIMARY KEY,
  signers TEXT NOT NULL,
  require_signature BIGINT NOT NULL,
  quota BIGINT,
  version BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
