//! The site's database from a module: statements with `?`, rows, transactions. The server has the
//! connections; what is asked goes there by messages.

mod row;
mod value;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::request::Request;

pub use row::{FromValue, Row, Rows};
pub use value::Value;
pub(crate) use value::bytes;

/// The site's database; made by [`Request::db`].
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
    /// The transaction that it is; none for the database itself.
    transaction: Option<u64>,
}

/// The message of a statement.
#[derive(Serialize)]
struct Statement<'a> {
    sql: &'a str,
    values: &'a [Value],
    transaction: Option<u64>,
}

#[derive(Serialize)]
struct InTransaction {
    transaction: Option<u64>,
}

#[derive(Serialize)]
struct Search<'a> {
    index: &'a SearchIndex,
    words: &'a str,
    limit: u32,
    offset: u32,
}

/// Which columns of a table are searched, and how much each weighs.
///
/// ```
/// use harmonious::SearchIndex;
///
/// let index = SearchIndex::new("scripts_search", "scripts", "id")
///     .column("name", 4.0)
///     .column("description", 1.0);
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct SearchIndex {
    name: String,
    table: String,
    key: String,
    columns: Vec<(String, f64)>,
}

impl SearchIndex {
    /// An index of that name over that table, whose whole-number key is that column.
    #[must_use]
    pub fn new(name: &str, table: &str, key: &str) -> SearchIndex {
        SearchIndex {
            name: name.to_owned(),
            table: table.to_owned(),
            key: key.to_owned(),
            columns: Vec::new(),
        }
    }

    /// With a text column, and its weight beside the others.
    #[must_use]
    pub fn column(mut self, name: &str, weight: f64) -> SearchIndex {
        self.columns.push((name.to_owned(), weight));
        self
    }
}

/// A row that a search found.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Hit {
    /// The key of the row.
    pub key: i64,
    /// How well it fits; more is better.
    pub rank: f64,
    /// Where the words are: pieces of text, and whether each is one of the words.
    pub snippet: Vec<(String, bool)>,
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
        Db {
            req: self,
            transaction: None,
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

    /// Inserts one row; its new key, on every database.
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
    /// undone if it returns an error or panics. Within a transaction, a part of it that can be undone by
    /// itself.
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
    /// ```
    ///
    /// # Errors
    /// Those of the closure; what the database says when it begins or is kept.
    #[track_caller]
    pub fn transaction<T>(&self, act: impl FnOnce(Db<'_>) -> Result<T>) -> Result<T> {
        let transaction = self.transaction;
        let number: u64 = self
            .req
            .service("db.begin", &InTransaction { transaction })?;
        let open = Open {
            req: self.req,
            number: Some(number),
        };
        let value = act(Db {
            req: self.req,
            transaction: Some(number),
        })?;
        open.keep()?;
        Ok(value)
    }

    /// The rows that fit what a visitor typed, best first; what is typed is never an error, and the last
    /// word may be the beginning of one. The index is made when it is first asked for, and follows the
    /// table from then on, within the transaction that writes.
    ///
    /// ```
    /// use harmonious::{Hit, Request, Result, SearchIndex};
    ///
    /// fn find(req: &Request, typed: &str) -> Result<Vec<Hit>> {
    ///     let index = SearchIndex::new("scripts_search", "scripts", "id").column("name", 4.0);
    ///     req.db().search(&index, typed, 20, 0)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Db::execute).
    #[track_caller]
    pub fn search(
        &self,
        index: &SearchIndex,
        words: &str,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<Hit>> {
        let search = Search {
            index,
            words,
            limit,
            offset,
        };
        self.req.service("db.search", &search)
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
        };
        self.req.service(service, &statement)
    }
}

/// A transaction that is undone unless it is kept.
struct Open<'r> {
    req: &'r Request,
    number: Option<u64>,
}

impl Open<'_> {
    #[track_caller]
    fn keep(mut self) -> Result<()> {
        let transaction = self.number.take();
        self.req
            .service("db.commit", &InTransaction { transaction })
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let transaction = Some(number);
            // The server undoes it with the request at the latest.
            let _: Result<(), Error> = self
                .req
                .service("db.rollback", &InTransaction { transaction });
        }
    }
}
