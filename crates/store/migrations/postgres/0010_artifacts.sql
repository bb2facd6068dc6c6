-- sha1, md5: both or neither; rows from before they were kept get them when somebody asks first.
-- inspection: what the file says of itself, as a JSON document. link: the secret of its lasting link, if it has one.
ALTER TABLE artifact ADD COLUMN sha1 BYTEA;
ALTER TABLE artifact ADD COLUMN md5 BYTEA;
ALTER TABLE artifact ADD COLUMN inspection TEXT;
ALTER TABLE artifact ADD COLUMN link BYTEA;
CREATE UNIQUE INDEX artifact_by_link ON artifact (link);

-- Uploads in parts. received: bytes that are durable. artifact_id: what it became, so that a lost answer can be asked for.
CREATE TABLE upload (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 BYTEA,
  signature TEXT,
  received BIGINT NOT NULL,
  artifact_id BIGINT,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX upload_by_tenant ON upload (tenant_id, id);
CREATE INDEX upload_by_age ON upload (expires_at);

-- How far an execution's downloads came. sent: by artifact, as a JSON document.
CREATE TABLE execution_download (
  execution_id BIGINT PRIMARY KEY,
  sent TEXT NOT NULL
);
