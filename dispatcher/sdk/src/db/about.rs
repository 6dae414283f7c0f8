//! What a database is: its kind and its size.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Db;
use crate::error::Result;

/// Which kind of database it is; where statements have to differ.
///
/// ```
/// use harmonious::Backend;
/// assert_eq!(Backend::Postgres.name(), "postgres");
/// ```
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Backend {
    /// SQLite: a file.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

impl Backend {
    /// `sqlite`, `postgres` or `mysql`, as the folders of migrations are called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Backend::Sqlite => "sqlite",
            Backend::Postgres => "postgres",
            Backend::MySql => "mysql",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Db<'_> {
    /// Which kind of database it is. It need not be reachable.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// use harmonious::Backend;
    ///
    /// fn at_random(req: &Request) -> Result<&'static str> {
    ///     Ok(match req.db().backend()? {
    ///         Backend::MySql => "SELECT slug FROM scripts ORDER BY rand() LIMIT 1",
    ///         _ => "SELECT slug FROM scripts ORDER BY random() LIMIT 1",
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 of the kind `no-database` where no domain declares one.
    #[track_caller]
    pub fn backend(&self) -> Result<Backend> {
        self.req.service("db.backend", &self.place())
    }

    /// How many bytes the database takes, indexes included. MySQL estimates it.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn size(req: &Request) -> Result<String> {
    ///     Ok(format!("{} MiB", req.db().size()? / (1024 * 1024)))
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Db::execute).
    #[track_caller]
    pub fn size(&self) -> Result<u64> {
        self.req.service("db.size", &self.place())
    }
}
