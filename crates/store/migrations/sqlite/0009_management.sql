-- What hawkBit's Management API has beside devices, components, releases and jobs.
-- kind: moduleType | setType | targetTag | setTag | filter. name: unique in its kind. body: JSON.
CREATE TABLE hawkbit_item (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  UNIQUE (tenant_id, kind, name)
);

-- What it keeps of a thing of ours. kind: module | set | target | targetType | rollout. thing_id: its row id.
CREATE TABLE hawkbit_extra (
  tenant_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  thing_id INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (tenant_id, kind, thing_id)
);

CREATE INDEX execution_by_tenant ON execution (tenant_id, id);
