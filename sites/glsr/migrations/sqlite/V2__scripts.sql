CREATE TABLE categories (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  parent_id BIGINT REFERENCES categories(id),
  slug VARCHAR(40) NOT NULL,
  path VARCHAR(130) NOT NULL UNIQUE,
  name VARCHAR(60) NOT NULL,
  descr VARCHAR(200) NOT NULL DEFAULT '',
  position INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX categories_parent ON categories (parent_id);
CREATE TABLE languages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  slug VARCHAR(30) NOT NULL UNIQUE,
  name VARCHAR(40) NOT NULL,
  extensions VARCHAR(120) NOT NULL DEFAULT '',
  shebangs VARCHAR(120) NOT NULL DEFAULT '',
  highlight VARCHAR(30) NOT NULL DEFAULT 'plain',
  checker VARCHAR(20) NOT NULL DEFAULT '',
  outline TEXT NOT NULL DEFAULT ''
);
CREATE TABLE bodies (
  sha256 CHAR(64) NOT NULL PRIMARY KEY,
  bytes INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  text TEXT NOT NULL
);
CREATE TABLE scripts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name VARCHAR(64) NOT NULL UNIQUE,
  title VARCHAR(120) NOT NULL,
  summary VARCHAR(200) NOT NULL DEFAULT '',
  readme TEXT NOT NULL DEFAULT '',
  owner_id BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  owner_name VARCHAR(80) NOT NULL,
  category_id BIGINT NOT NULL REFERENCES categories(id),
  language_id BIGINT NOT NULL REFERENCES languages(id),
  license VARCHAR(120) NOT NULL,
  homepage VARCHAR(200),
  status VARCHAR(12) NOT NULL DEFAULT 'fresh'
    CHECK (status IN ('fresh', 'published', 'withdrawn', 'removed')),
  latest_id BIGINT,
  created_at BIGINT NOT NULL,
  published_at BIGINT,
  updated_at BIGINT NOT NULL,
  expires_at BIGINT,
  pinned_until BIGINT,
  pin_text VARCHAR(200),
  replaced_by VARCHAR(64),
  stamp BIGINT NOT NULL DEFAULT 0,
  downloads BIGINT NOT NULL DEFAULT 0,
  rating_n INTEGER NOT NULL DEFAULT 0,
  rating_sum INTEGER NOT NULL DEFAULT 0,
  rating_score INTEGER NOT NULL DEFAULT 3000,
  comment_n INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX scripts_new ON scripts (status, published_at, id);
CREATE INDEX scripts_used ON scripts (status, downloads, id);
CREATE INDEX scripts_rated ON scripts (status, rating_score, id);
CREATE INDEX scripts_category ON scripts (category_id, status, published_at);
CREATE INDEX scripts_language ON scripts (language_id, status, published_at);
CREATE INDEX scripts_owner ON scripts (owner_id);
CREATE TABLE versions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  number INTEGER,
  label VARCHAR(40) NOT NULL DEFAULT '',
  status VARCHAR(12) NOT NULL DEFAULT 'draft'
    CHECK (status IN ('draft', 'pending', 'published', 'refused', 'withdrawn', 'removed')),
  sha256 CHAR(64) NOT NULL REFERENCES bodies(sha256),
  file_name VARCHAR(80) NOT NULL,
  changelog TEXT NOT NULL DEFAULT '',
  urgent BOOLEAN NOT NULL DEFAULT FALSE,
  author_id BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  author_name VARCHAR(80) NOT NULL,
  source VARCHAR(12) NOT NULL CHECK (source IN ('web', 'api', 'import', 'seed', 'restore')),
  created_at BIGINT NOT NULL,
  submitted_at BIGINT,
  decided_at BIGINT,
  decided_by BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  reason TEXT NOT NULL DEFAULT '',
  signature TEXT,
  signing_key VARCHAR(80),
  UNIQUE (script_id, number)
);
CREATE INDEX versions_queue ON versions (status, urgent, submitted_at);
CREATE INDEX versions_script ON versions (script_id, status);
CREATE INDEX versions_body ON versions (sha256);
CREATE INDEX versions_author ON versions (author_id, submitted_at);
CREATE TABLE maintainers (
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  account_id BIGINT NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
  invited_by BIGINT REFERENCES accounts(id) ON DELETE SET NULL,
  since BIGINT NOT NULL,
  accepted_at BIGINT,
  PRIMARY KEY (script_id, account_id)
);
CREATE INDEX maintainers_account ON maintainers (account_id);
CREATE TABLE tags (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  slug VARCHAR(30) NOT NULL UNIQUE,
  name VARCHAR(40) NOT NULL
);
CREATE TABLE script_tags (
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  tag_id BIGINT NOT NULL REFERENCES tags(id) ON DELETE CASCADE,
  PRIMARY KEY (script_id, tag_id)
);
CREATE INDEX script_tags_tag ON script_tags (tag_id);
CREATE TABLE dependencies (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  kind VARCHAR(12) NOT NULL CHECK (kind IN ('needs', 'optional', 'test')),
  what VARCHAR(120) NOT NULL,
  target_id BIGINT REFERENCES scripts(id) ON DELETE SET NULL,
  versions VARCHAR(60) NOT NULL DEFAULT ''
);
CREATE INDEX dependencies_script ON dependencies (script_id);
CREATE INDEX dependencies_target ON dependencies (target_id);
CREATE TABLE applies_to (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  what VARCHAR(80) NOT NULL
);
CREATE INDEX applies_to_script ON applies_to (script_id);
CREATE INDEX applies_to_what ON applies_to (what);
CREATE TABLE search_texts (
  id INTEGER PRIMARY KEY REFERENCES scripts(id) ON DELETE CASCADE,
  name VARCHAR(64) NOT NULL UNIQUE,
  summary TEXT NOT NULL,
  tags TEXT NOT NULL,
  code TEXT NOT NULL,
  language_id BIGINT NOT NULL,
  category_path VARCHAR(130) NOT NULL,
  license VARCHAR(120) NOT NULL,
  author VARCHAR(32) NOT NULL,
  tag_list TEXT NOT NULL
);
