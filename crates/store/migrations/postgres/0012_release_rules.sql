
-- What devices must be before they may get a release.
ALTER TABLE software_release ADD COLUMN rules TEXT NOT NULL DEFAULT '{}';
