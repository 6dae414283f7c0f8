//! The tables of the store in a database. They are made where they are not, by whoever comes first; the
//! migrations of the site know nothing of them.

use harmonious_db::{Backend, Database, Error};

use crate::config::STORE_RETRIES;

const SQLITE: &str = "
CREATE TABLE IF NOT EXISTS harmonious_session (
    handle BLOB NOT NULL PRIMARY KEY,
    id_hash BLOB NOT NULL UNIQUE,
    owner BLOB,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS harmonious_session_owner ON harmonious_session (owner, seen_ms);
CREATE INDEX IF NOT EXISTS harmonious_session_expires ON harmonious_session (expires_ms);
CREATE TABLE IF NOT EXISTS harmonious_session_value (
    handle BLOB NOT NULL,
    name BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (handle, name)
) WITHOUT ROWID;
";

/// Of two that make a table at once PostgreSQL lets the second one fail on its own catalogue, in several ways:
/// hence the lock, whose number means nothing.
const POSTGRES: &str = "
SELECT pg_advisory_xact_lock(4841529304615);
CREATE TABLE IF NOT EXISTS harmonious_session (
    handle BYTEA NOT NULL PRIMARY KEY,
    id_hash BYTEA NOT NULL UNIQUE,
    owner BYTEA,
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS harmonious_session_owner ON harmonious_session (owner, seen_ms);
CREATE INDEX IF NOT EXISTS harmonious_session_expires ON harmonious_session (expires_ms);
CREATE TABLE IF NOT EXISTS harmonious_session_value (
    handle BYTEA NOT NULL,
    name BYTEA NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (handle, name)
);
";

/// MySQL has no `CREATE INDEX IF NOT EXISTS`. The lengths are those of `config.rs`.
const MYSQL: &str = "
CREATE TABLE IF NOT EXISTS harmonious_session (
    handle VARBINARY(16) NOT NULL PRIMARY KEY,
    id_hash VARBINARY(32) NOT NULL UNIQUE,
    owner VARBINARY(255),
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    user_agent VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
    address VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL,
    KEY harmonious_session_owner (owner, seen_ms),
    KEY harmonious_session_expires (expires_ms)
) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS harmonious_session_value (
    handle VARBINARY(16) NOT NULL,
    name VARBINARY(255) NOT NULL,
    content MEDIUMBLOB NOT NULL,
    PRIMARY KEY (handle, name)
) ENGINE = InnoDB;
";

/// The table that is made last. To look takes no lock, no writer and no right to create.
const LOOK: &str = "SELECT name FROM harmonious_session_value WHERE 1 = 0";

/// Makes what is not there.
pub fn make(db: &Database) -> Result<(), Error> {
    match db.query(LOOK, &[]) {
        Ok(_) => return Ok(()),
        Err(error) if error.is_unavailable() => return Err(error),
        Err(_) => {}
    }
    let sql = match db.backend() {
        Backend::Sqlite => SQLITE,
        Backend::Postgres => POSTGRES,
        _ => MYSQL,
    };
    let mut made = db.script(sql);
    // Of two servers that start at once one may be in the other's way.
    for _ in 0..STORE_RETRIES {
        match made {
            Err(Error::Unique { .. } | Error::Busy { .. } | Error::Syntax { .. }) => {
                made = db.script(sql)
            }
            _ => break,
        }
    }
    made
}
