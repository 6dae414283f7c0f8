CREATE TABLE comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  version_id BIGINT REFERENCES versions(id) ON DELETE CASCADE,
  account_id BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  author_name VARCHAR(80) NOT NULL,
  subject VARCHAR(120) NOT NULL DEFAULT '',
  body TEXT NOT NULL,
  status VARCHAR(12) NOT NULL DEFAULT 'shown' CHECK (status IN ('shown', 'held', 'removed')),
  created_at BIGINT NOT NULL,
  edited_at BIGINT
);
CREATE INDEX comments_script ON comments (script_id, status, created_at);
CREATE INDEX comments_version ON comments (version_id);
CREATE INDEX comments_account ON comments (account_id, created_at);
CREATE TABLE ratings (
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  account_id BIGINT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
  stars INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5),
  created_at BIGINT NOT NULL,
  PRIMARY KEY (script_id, account_id)
);
CREATE INDEX ratings_account ON ratings (account_id);
CREATE TABLE flags (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  version_id BIGINT REFERENCES versions(id) ON DELETE CASCADE,
  comment_id BIGINT REFERENCES comments(id) ON DELETE CASCADE,
  account_id BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  reason VARCHAR(20) NOT NULL,
  text TEXT NOT NULL DEFAULT '',
  status VARCHAR(12) NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'upheld', 'unfounded')),
  created_at BIGINT NOT NULL,
  decided_by BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  decided_at BIGINT,
  answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX flags_queue ON flags (status, created_at);
CREATE INDEX flags_account ON flags (account_id, created_at);
CREATE INDEX flags_version ON flags (version_id);
CREATE INDEX flags_comment ON flags (comment_id);
CREATE INDEX flags_script ON flags (script_id);
CREATE TABLE appeals (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version_id BIGINT NOT NULL UNIQUE REFERENCES versions(id) ON DELETE CASCADE,
  account_id BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  text TEXT NOT NULL,
  status VARCHAR(12) NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'granted', 'rejected')),
  created_at BIGINT NOT NULL,
  decided_by BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  decided_at BIGINT,
  answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX appeals_queue ON appeals (status, created_at);
CREATE TABLE findings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version_id BIGINT NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
  checker VARCHAR(20) NOT NULL,
  level VARCHAR(12) NOT NULL CHECK (level IN ('note', 'warn', 'error')),
  line INTEGER NOT NULL DEFAULT 0,
  message VARCHAR(300) NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX findings_version ON findings (version_id);
CREATE TABLE shingles (
  version_id BIGINT NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
  hash BIGINT NOT NULL,
  PRIMARY KEY (version_id, hash)
);
CREATE INDEX shingles_hash ON shingles (hash);
CREATE TABLE edits (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  account_id BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  at BIGINT NOT NULL,
  field VARCHAR(20) NOT NULL,
  before_text TEXT NOT NULL,
  after_text TEXT NOT NULL,
  seen_by BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  seen_at BIGINT
);
CREATE INDEX edits_queue ON edits (seen_at, at);
CREATE INDEX edits_script ON edits (script_id);
CREATE TABLE moderation_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at BIGINT NOT NULL,
  actor_id BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  actor_name VARCHAR(80) NOT NULL,
  action VARCHAR(20) NOT NULL,
  script_id BIGINT REFERENCES scripts(id) ON DELETE SET NULL,
  version_id BIGINT REFERENCES versions(id) ON DELETE SET NULL,
  account_id BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  subject VARCHAR(120) NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX moderation_log_at ON moderation_log (at, id);
CREATE INDEX moderation_log_version ON moderation_log (version_id);
CREATE INDEX moderation_log_script ON moderation_log (script_id);
CREATE TABLE news (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  at BIGINT NOT NULL,
  subject VARCHAR(120) NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX news_at ON news (at, id);
