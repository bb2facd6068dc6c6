-- People in browsers. hash: SHA-256 of what the cookie holds.
CREATE TABLE console_session (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL,
  hash BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL
);
CREATE INDEX console_session_by_user ON console_session (user_id, id);

-- Links that are good once. user_id: who it signs in; 0 makes the first administrator.
CREATE TABLE console_link (
  hash BLOB NOT NULL PRIMARY KEY,
  user_id INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
