-- Names in any script. What releases are found by, in lower case; empty of those from before, whose names are ASCII.
ALTER TABLE software_release ADD COLUMN words TEXT NOT NULL DEFAULT '';
-- Which versions show was read before names had spaces and scripts: it holds until it is read again.
UPDATE device_running SET type_version = -1;
