-- Releases that are deleted, while a job still tells that it installed them: what people called them. words: as of
-- software_release.

CREATE TABLE past_release (
  id BIGINT NOT NULL PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  words TEXT NOT NULL
);

-- Of those that were deleted before, what the audit log still knows: a job's record says name and version with a space
-- between, that of the deletion says them with a slash, which neither of them has.
WITH lost AS (
  SELECT id, tenant_id, release_id FROM job
  WHERE release_id IS NOT NULL AND release_id NOT IN (SELECT id FROM software_release)
), deleted AS (
  SELECT DISTINCT tenant_id, SUBSTR(target, 9) AS path FROM audit
  WHERE action = 'release.delete' AND target LIKE 'release/%/%'
), found AS (
  SELECT lost.release_id AS id, lost.tenant_id AS tenant_id, MIN(deleted.path) AS path
  FROM lost
  JOIN audit made ON made.tenant_id = lost.tenant_id AND made.action = 'job.create' AND made.target = 'job/' || lost.id
  JOIN deleted ON deleted.tenant_id = lost.tenant_id AND REPLACE(deleted.path, '/', ' ') = (made.body::json #>> '{details,release}')
  GROUP BY lost.release_id, lost.tenant_id
)
INSERT INTO past_release (id, tenant_id, name, version, words)
SELECT id, tenant_id, SUBSTR(path, 1, STRPOS(path, '/') - 1), SUBSTR(path, STRPOS(path, '/') + 1), '' FROM found;
