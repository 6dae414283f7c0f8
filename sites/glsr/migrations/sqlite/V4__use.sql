CREATE TABLE downloads (
  version_id BIGINT NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  day INTEGER NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (version_id, day)
);
CREATE INDEX downloads_script ON downloads (script_id, day);
CREATE INDEX downloads_day ON downloads (day, n);
CREATE TABLE imports (
  source VARCHAR(200) NOT NULL,
  path VARCHAR(300) NOT NULL,
  script_id BIGINT NOT NULL REFERENCES scripts(id) ON DELETE CASCADE,
  sha256 CHAR(64) NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (source, path)
);
CREATE INDEX imports_script ON imports (script_id);
