-- forced: an operator had this one device act at once on what the job leaves to devices.
ALTER TABLE ddi_action ADD COLUMN forced INTEGER NOT NULL DEFAULT 0;
