-- How the device proved who it is that said this; none where the server speaks.
ALTER TABLE action_status ADD COLUMN credential TEXT;
