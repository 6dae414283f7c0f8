//! How much room a database takes.

use crate::backend::Backend;
use crate::database::Database;
use crate::error::Error;
use crate::row::Rows;
use crate::transaction::Transaction;

impl Database {
    /// How many bytes it takes: tables and indexes. SQLite counts the pages of the file, PostgreSQL the files of
    /// the database, MySQL estimates (what it knows may be a day old).
    ///
    /// ```
    /// # use harmonious_db::{Config, Database};
    /// let db = Database::open(&Config::new("sqlite::memory:"))?;
    /// db.script("CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT)")?;
    /// assert!(db.size()? >= 4096);
    /// # Ok::<(), harmonious_db::Error>(())
    /// ```
    ///
    /// # Errors
    /// Any [`Error`] of the database.
    pub fn size(&self) -> Result<u64, Error> {
        bytes(&self.query(statement(self.backend()), &[])?)
    }
}

impl Transaction {
    /// As [`Database::size`]; whether what this transaction wrote is in it differs.
    ///
    /// # Errors
    /// As there.
    pub fn size(&mut self) -> Result<u64, Error> {
        let statement = statement(self.backend());
        bytes(&self.query(statement, &[])?)
    }
}

fn statement(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => {
            "SELECT p.page_count * s.page_size FROM pragma_page_count AS p, pragma_page_size AS s"
        }
        Backend::Postgres => "SELECT pg_database_size(current_database())",
        Backend::MySql => {
            "SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS SIGNED) \
             FROM information_schema.tables WHERE table_schema = DATABASE()"
        }
    }
}

fn bytes(rows: &Rows) -> Result<u64, Error> {
    let bytes: i64 = rows.iter().next().map_or(Ok(0), |row| row.at(0))?;
    Ok(bytes.unsigned_abs())
}
