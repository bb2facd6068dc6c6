-- A name and version may be those of several components, one of each type. Numbers that were given are not given again.
CREATE TABLE component_of_type (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  type TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (tenant_id, name, version, type)
);
INSERT INTO component_of_type SELECT id, tenant_id, name, version, type, created_at FROM component;
DELETE FROM sqlite_sequence WHERE name = 'component_of_type';
INSERT INTO sqlite_sequence (name, seq)
  SELECT 'component_of_type', seq FROM sqlite_sequence WHERE name = 'component';
DROP TABLE component;
ALTER TABLE component_of_type RENAME TO component;
