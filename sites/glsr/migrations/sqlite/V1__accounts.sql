-- Moments are seconds since 1970, UTC.
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  alias VARCHAR(32) NOT NULL UNIQUE,
  name VARCHAR(80) NOT NULL,
  email VARCHAR(254) UNIQUE,
  password VARCHAR(255),
  roles INTEGER NOT NULL DEFAULT 0,
  status VARCHAR(12) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'blocked', 'gone')),
  must_change BOOLEAN NOT NULL DEFAULT FALSE,
  about TEXT NOT NULL DEFAULT '',
  website VARCHAR(200),
  lang VARCHAR(8),
  created_at BIGINT NOT NULL,
  seen_at BIGINT,
  address VARCHAR(64)
);
CREATE TABLE signing_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id BIGINT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
  key_id CHAR(16) NOT NULL,
  public_key VARCHAR(80) NOT NULL,
  label VARCHAR(60) NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  revoked_at BIGINT,
  UNIQUE (account_id, public_key)
);
CREATE INDEX signing_keys_key ON signing_keys (key_id);
CREATE TABLE tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id BIGINT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
  label VARCHAR(60) NOT NULL,
  hash CHAR(64) NOT NULL UNIQUE,
  prefix VARCHAR(8) NOT NULL,
  scopes VARCHAR(80) NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT,
  expires_at BIGINT,
  revoked_at BIGINT
);
CREATE INDEX tokens_account ON tokens (account_id);
CREATE TABLE settings (
  name VARCHAR(64) NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);
CREATE TABLE used_nonces (
  nonce VARCHAR(64) NOT NULL PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
CREATE INDEX used_nonces_end ON used_nonces (expires_at);
