//! Databases from a module: statements with `?`, rows, transactions; on the site's database or that of the
//! module's domain, as the site or as the visitor. The server has the connections; what is asked goes
//! there by messages.

mod about;
mod row;
mod search;
mod soon;
mod value;
mod visitor;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::request::Request;

pub use about::Backend;
pub use row::{FromValue, Row, Rows};
pub use search::{Hit, SearchIndex};
pub use value::Value;
pub(crate) use value::bytes;

/// A database: the site's, made by [`Request::db`], or that of the module's domain, made by
/// [`Request::domain_db`].
///
/// ```
/// use harmonious::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Script {
///     slug: String,
///     stars: i64,
/// }
///
/// fn best(req: &Request, count: i64) -> Result<Vec<Script>> {
///     let rows = req.db().query(
///         "SELECT slug, stars FROM scripts ORDER BY stars DESC LIMIT ?",
///         &[count.into()],
///     )?;
///     rows.into()
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Db<'r> {
    req: &'r Request,
    /// That of the module's domain, not the site's; which one it is, the server knows.
    domain: bool,
    /// Through the visitor's own connection.
    visitor: bool,
    /// The transaction that it is; none for the database itself.
    transaction: Option<u64>,
}

/// The message of a statement.
#[derive(Serialize)]
struct Statement<'a> {
    sql: &'a str,
    values: &'a [Value],
    transaction: Option<u64>,
    domain: bool,
    visitor: bool,
}

/// Which database is meant.
#[derive(Clone, Copy, Serialize)]
struct Where {
    transaction: Option<u64>,
    domain: bool,
    visitor: bool,
}

impl Request {
    /// The site's database: the one of `[database]` in `site.toml`, or `data/site.db`.
    ///
    /// ```
    /// fn count(req: &harmonious::Request) -> harmonious::Result<i64> {
    ///     let row = req.db().query_one("SELECT count(*) AS n FROM scripts", &[])?;
    ///     row.map_or(Ok(0), |row| row.get("n"))
    /// }
    /// ```
    #[must_use]
    pub fn db(&self) -> Db<'_> {
        Db::of(self, false)
    }

    /// The database of the module's domain: the one that the folder of its file, or the nearest folder
    /// above, declares in its `domain.toml`.
    ///
    /// ```toml
    /// # domains/forum/domain.toml
    /// [database]                # alone: SQLite at data/domains/forum.db
    /// url = "sqlite:forum.db"   # or a file in data/, or postgres://.. or mysql://.. without a password
    /// connections = 8
    /// query-time = "5s"
    /// ```
    ///
    /// With a password the whole URL goes into `secrets.toml`, and its name there into `url-secret`, in
    /// place of `url`. Numbered files in the folder's `_migrations/` are applied when it is opened.
    ///
    /// The modules of that folder and below have this database, and nobody else: a parent further up or a
    /// page elsewhere calls what they export.
    ///
    /// ```
    /// //! domains/forum/index.rs
    /// use harmonious::prelude::*;
    ///
    /// #[export] // elsewhere: req.at("/forum/").call("newest", (5,))?
    /// fn newest(req: &Request, count: i64) -> Result<Vec<String>> {
    ///     let rows = req.domain_db().query(
    ///         "SELECT title FROM threads ORDER BY id DESC LIMIT ?",
    ///         &[count.into()],
    ///     )?;
    ///     rows.iter().map(|row| row.get("title")).collect()
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// If no folder from the module's upward declares one, statements are errors of status 500 and the
    /// kind `no-database`.
    #[must_use]
    pub fn domain_db(&self) -> Db<'_> {
        Db::of(self, true)
    }
}

impl<'r> Db<'r> {
    fn of(req: &'r Request, domain: bool) -> Db<'r> {
        Db {
            req,
            domain,
            visitor: false,
            transaction: None,
        }
    }

    fn place(&self) -> Where {
        Where {
            transaction: self.transaction,
            domain: self.domain,
            visitor: self.visitor,
        }
    }
}

impl Db<'_> {
    /// Runs a statement; how many rows it changed. Placeholders are `?` with every database.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn star(req: &Request, slug: &str) -> Result<bool> {
    ///     let changed = req.db().execute("UPDATE scripts SET stars = stars + 1 WHERE slug = ?", &[slug.into()])?;
    ///     Ok(changed == 1)
    /// }
    /// ```
    ///
    /// # Errors
    /// What the database says, classified: see [`Error::kind`]. 503 if it cannot be reached.
    #[track_caller]
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<u64> {
        self.ask("db.execute", sql, values)
    }

    /// Inserts one row; its new key, on every database. For PostgreSQL its key is called `id`, or the
    /// statement says `RETURNING key`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn comment(req: &Request, text: &str) -> Result<i64> {
    ///     req.db().insert("INSERT INTO comments (text) VALUES (?)", &[text.into()])
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Db::execute).
    #[track_caller]
    pub fn insert(&self, sql: &str, values: &[Value]) -> Result<i64> {
        self.ask("db.insert", sql, values)
    }

    /// The rows that a statement gives.
    ///
    /// # Errors
    /// As [`execute`](Db::execute).
    #[track_caller]
    pub fn query(&self, sql: &str, values: &[Value]) -> Result<Rows> {
        self.ask("db.query", sql, values)
    }

    /// The first row that a statement gives, if it gives one.
    ///
    /// # Errors
    /// As [`execute`](Db::execute).
    #[track_caller]
    pub fn query_one(&self, sql: &str, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Does several things together or none of them: what the closure did is kept if it returns `Ok`, and
    /// undone if it returns an error or panics. Within a transaction it is a part of it (a savepoint) that
    /// is undone by itself, and otherwise stays as long as the whole does; while it is open only what its
    /// closure is given can be used.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn pay(req: &Request, from: i64, to: i64, cents: i64) -> Result<()> {
    ///     req.db().transaction(|tx| {
    ///         tx.execute("UPDATE accounts SET cents = cents - ? WHERE id = ?", &[cents.into(), from.into()])?;
    ///         tx.execute("UPDATE accounts SET cents = cents + ? WHERE id = ?", &[cents.into(), to.into()])?;
    ///         Ok(())
    ///     })
    /// }
    ///
    /// // Names that are there already are left out; the others are kept all the same.
    /// fn import(req: &Request, names: &[String]) -> Result<u64> {
    ///     req.db().transaction(|tx| {
    ///         let mut kept = 0;
    ///         for name in names {
    ///             let sql = "INSERT INTO names (name) VALUES (?)";
    ///             match tx.transaction(|part| part.execute(sql, &[name.into()])) {
    ///                 Ok(_) => kept += 1,
    ///                 Err(error) if error.kind() == "unique" => {}
    ///                 Err(error) => return Err(error),
    ///             }
    ///         }
    ///         Ok(kept)
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of the closure; what the database says when it begins or is kept: after a statement that failed
    /// nothing can be kept, so what may fail goes into a part. 500 beyond 8 transactions of one request, or
    /// 32 parts within each other.
    #[track_caller]
    pub fn transaction<T>(&self, act: impl FnOnce(Db<'_>) -> Result<T>) -> Result<T> {
        let number: u64 = self.req.service("db.begin", &self.place())?;
        let begun = Db {
            transaction: Some(number),
            ..*self
        };
        let open = Open { db: Some(begun) };
        let value = act(begun)?;
        open.keep()?;
        Ok(value)
    }

    #[track_caller]
    fn ask<T: serde::de::DeserializeOwned>(
        &self,
        service: &str,
        sql: &str,
        values: &[Value],
    ) -> Result<T> {
        let statement = Statement {
            sql,
            values,
            transaction: self.transaction,
            domain: self.domain,
            visitor: self.visitor,
        };
        self.req.service(service, &statement)
    }
}

/// A transaction that is undone unless it is kept.
struct Open<'r> {
    /// None when it is kept.
    db: Option<Db<'r>>,
}

impl Open<'_> {
    #[track_caller]
    fn keep(mut self) -> Result<()> {
        match self.db.take() {
            Some(db) => db.req.service("db.commit", &db.place()),
            None => Ok(()),
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(db) = self.db {
            // The server undoes it with the request at the latest.
            let _: Result<(), Error> = db.req.service("db.rollback", &db.place());
        }
    }
}
