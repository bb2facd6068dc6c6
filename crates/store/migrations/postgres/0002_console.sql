-- People in browsers. hash: SHA-256 of what the cookie holds.
CREATE TABLE console_session (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id BIGINT NOT NULL,
  hash BYTEA NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL
);
CREATE INDEX console_session_by_user ON console_session (user_id, id);

-- Links that are good once. user_id: who it signs in; 0 makes the first administrator.
CREATE TABLE console_link (
  hash BYTEA NOT NULL PRIMARY KEY,
  user_id BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
