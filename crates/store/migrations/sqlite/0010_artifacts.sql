-- sha1, md5: both or neither; rows from before they were kept get them when somebody asks first.
-- inspection: what the file says of itself, as a JSON document. link: the secret of its lasting link, if it has one.
ALTER TABLE artifact ADD COLUMN sha1 BLOB;
ALTER TABLE artifact ADD COLUMN md5 BLOB;
ALTER TABLE artifact ADD COLUMN inspection TEXT;
ALTER TABLE artifact ADD COLUMN link BLOB;
CREATE UNIQUE INDEX artifact_by_link ON artifact (link);

-- Uploads in parts. received: bytes that are durable. artifact_id: what it became, so that a lost answer can be asked for.
CREATE TABLE upload (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 BLOB,
  signature TEXT,
  received INTEGER NOT NULL,
  artifact_id INTEGER,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE INDEX upload_by_tenant ON upload (tenant_id, id);
CREATE INDEX upload_by_age ON upload (expires_at);

-- How far an execution's downloads came. sent: by artifact, as a JSON document.
CREATE TABLE execution_download (
  execution_id INTEGER PRIMARY KEY,
  sent TEXT NOT NULL
);
