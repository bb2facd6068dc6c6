-- Versions that a device shows by its type's places: a JSON array of "component version", and the type by which they were read,
-- 0 for none.
CREATE TABLE device_running (
  device_id BIGINT NOT NULL PRIMARY KEY,
  shown TEXT NOT NULL,
  type_id BIGINT NOT NULL,
  type_version BIGINT NOT NULL
);
