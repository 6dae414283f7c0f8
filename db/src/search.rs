//! Full-text search behind one call, by what each database has for it.
//!
//! SQLite: a table of FTS5 beside the table, kept by triggers. PostgreSQL: a table of `tsvector`
//! beside the table, kept by triggers. MySQL: `FULLTEXT` indexes of the table itself, which InnoDB
//! brings up to date at the commit.

mod snippet;
mod sql;
mod words;

use serde::{Deserialize, Serialize};

use crate::backend::{Backend, Link, Want};
use crate::config::{SEARCH_HITS_MAX, SEARCH_INDEXES_KNOWN_MAX, SEARCH_NAME_BYTES_MAX};
use crate::database::Database;
use crate::error::Error;
use crate::params;
use crate::placeholders::scan;
use crate::row::Rows;
use crate::transaction::Transaction;
use crate::value::Value;
use words::Words;

pub use snippet::Snippet;

/// What is searched: texts of one table, with weights.
///
/// ```
/// use harmonious_db::{Config, Database, SearchIndex, params};
///
/// let db = Database::open(&Config::new("sqlite::memory:"))?;
/// db.script("CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT, body TEXT)")?;
/// let index = SearchIndex::new("pages_search", "pages", "id")
///     .column("title", 4.0)
///     .column("body", 1.0);
/// db.create_search_index(&index)?;
/// db.execute("INSERT INTO pages VALUES (1, 'Cats', 'They sleep')", &[])?;
/// let hits = db.search(&index, "cats sle", 10, 0)?;
/// assert_eq!((hits[0].key, hits[0].snippet.text.as_str()), (1, "Cats"));
/// # Ok::<(), harmonious_db::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SearchIndex {
    name: String,
    table: String,
    key: String,
    columns: Vec<(String, f64)>,
}

/// One row that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The key of the row.
    pub key: i64,
    /// How well it fits: more is better. Comparable within one search only.
    pub rank: f64,
    /// A part of its texts.
    pub snippet: Snippet,
}

impl SearchIndex {
    /// An index of a table by its key, a column of whole numbers: in SQLite its `INTEGER PRIMARY KEY`.
    pub fn new(name: &str, table: &str, key: &str) -> SearchIndex {
        SearchIndex {
            name: name.to_owned(),
            table: table.to_owned(),
            key: key.to_owned(),
            columns: Vec::new(),
        }
    }

    /// Adds a column of text. A weight above that of others lifts the rows that have the words here;
    /// up to four different weights, above 0.
    #[must_use]
    pub fn column(mut self, name: &str, weight: f64) -> SearchIndex {
        self.columns.push((name.to_owned(), weight));
        self
    }

    /// Names go into statements as they are, so they are plain.
    fn check(&self) -> Result<(), Error> {
        let names = [&self.name, &self.table, &self.key];
        for name in names
            .into_iter()
            .chain(self.columns.iter().map(|(name, _)| name))
        {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let is_name = name.chars().all(plain)
                && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.len() <= SEARCH_NAME_BYTES_MAX;
            if !is_name {
                return Err(Error::config(format!(
                    "the search index {:?} has the name {name:?} in it: names are of ASCII letters, \
                     digits and _, and of at most {SEARCH_NAME_BYTES_MAX} bytes",
                    self.name
                )));
            }
        }
        let good = |weight: f64| weight.is_finite() && weight > 0.0;
        if self.columns.is_empty() || !self.columns.iter().all(|(_, weight)| good(*weight)) {
            return Err(Error::config(format!(
                "the search index {:?} needs columns with weights above 0",
                self.name
            )));
        }
        if self.weights().len() > 4 {
            return Err(Error::config(format!(
                "the search index {:?} has more than four different weights: PostgreSQL has four",
                self.name
            )));
        }
        Ok(())
    }

    /// The different weights, largest first.
    fn weights(&self) -> Vec<f64> {
        let mut weights: Vec<f64> = self.columns.iter().map(|(_, weight)| *weight).collect();
        weights.sort_by(|a, b| b.total_cmp(a));
        weights.dedup();
        weights
    }
}

impl Database {
    /// Creates an index and fills it; does nothing if it is there as it is declared, and makes it
    /// anew if it was declared otherwise. To be called at every start, after the migrations.
    ///
    /// # Errors
    /// [`Error::Config`] for a declaration that cannot be; any [`Error`] of the database.
    pub fn create_search_index(&self, index: &SearchIndex) -> Result<(), Error> {
        index.check()?;
        self.inner.indexes.lock().remove(&index.name);
        self.locked(|link, backend| create(link, backend, index))?;
        let mut known = self.inner.indexes.lock();
        if known.len() < SEARCH_INDEXES_KNOWN_MAX {
            known.insert(index.name.clone(), index.clone());
        }
        Ok(())
    }

    /// As [`create_search_index`](Database::create_search_index), but asks the database once only for the
    /// life of this value and its clones: to be called before each search, where there is no start.
    ///
    /// ```
    /// # use harmonious_db::{Config, Database, SearchIndex};
    /// # let db = Database::open(&Config::new("sqlite::memory:"))?;
    /// # db.script("CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT)")?;
    /// let index = SearchIndex::new("pages_search", "pages", "id").column("title", 1.0);
    /// db.ensure_search_index(&index)?;
    /// let before = db.stats().statements;
    /// db.ensure_search_index(&index)?;
    /// assert!(db.knows_search_index(&index) && db.stats().statements == before);
    /// # Ok::<(), harmonious_db::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn ensure_search_index(&self, index: &SearchIndex) -> Result<(), Error> {
        match self.knows_search_index(index) {
            true => Ok(()),
            false => self.create_search_index(index),
        }
    }

    /// Whether this index, declared so, was there when this process last looked. Who removes it in another
    /// process is not noticed.
    pub fn knows_search_index(&self, index: &SearchIndex) -> bool {
        self.inner.indexes.lock().get(&index.name) == Some(index)
    }

    /// Removes an index, if it is there.
    ///
    /// # Errors
    /// Any [`Error`] of the database.
    pub fn drop_search_index(&self, index: &SearchIndex) -> Result<(), Error> {
        index.check()?;
        self.inner.indexes.lock().remove(&index.name);
        self.locked(|link, backend| {
            // Whether it is the one that is declared does not matter.
            create_list(link)?;
            if declared(link, &index.name)?.is_some() {
                remove(link, backend, index)?;
            }
            Ok(())
        })
    }

    /// Rows that have all these words, of the last one the beginning; best first. Whatever a visitor
    /// types is words, never syntax; without any word there are no hits.
    ///
    /// # Errors
    /// Any [`Error`] of the database; [`Error::TooLarge`] for more than 1000 hits at a time.
    pub fn search(
        &self,
        index: &SearchIndex,
        typed: &str,
        limit: usize,
        offset: usize,
    ) -> Result<Vec<Hit>, Error> {
        self.search_where(index, typed, "", &[], limit, offset)
    }

    /// As [`search`](Database::search), of the rows for which a condition holds: SQL on the table that is
    /// searched, called `t` there, with `?` for its values; `""` for none. Pages of hits follow each other, since
    /// those that fit as well as others come in the order of their keys.
    ///
    /// ```
    /// # use harmonious_db::{Config, Database, SearchIndex, params};
    /// # let db = Database::open(&Config::new("sqlite::memory:"))?;
    /// db.script("CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT, lang TEXT)")?;
    /// let index = SearchIndex::new("pages_search", "pages", "id").column("title", 1.0);
    /// db.create_search_index(&index)?;
    /// db.script("INSERT INTO pages VALUES (1, 'Paris', 'en'), (2, 'Paris', 'fr')")?;
    /// let hits = db.search_where(&index, "paris", "t.lang = ?", &params!["fr"], 10, 0)?;
    /// assert_eq!((hits.len(), hits[0].key), (1, 2));
    /// # Ok::<(), harmonious_db::Error>(())
    /// ```
    ///
    /// # Errors
    /// As there; [`Error::Parameters`] if the condition wants another number of values.
    pub fn search_where(
        &self,
        index: &SearchIndex,
        typed: &str,
        filter: &str,
        values: &[Value],
        limit: usize,
        offset: usize,
    ) -> Result<Vec<Hit>, Error> {
        let within = Within { filter, values };
        let query = |sql: &str, values: &[Value]| self.query(sql, values);
        search(self.backend(), index, typed, within, (limit, offset), query)
    }

    /// How many rows [`search_where`](Database::search_where) finds; 1000 stands for as many or more.
    ///
    /// # Errors
    /// As there.
    pub fn search_count_where(
        &self,
        index: &SearchIndex,
        typed: &str,
        filter: &str,
        values: &[Value],
    ) -> Result<u32, Error> {
        let within = Within { filter, values };
        let query = |sql: &str, values: &[Value]| self.query(sql, values);
        count(self.backend(), index, typed, within, query)
    }
}

impl Transaction {
    /// As [`Database::search`], with what this transaction wrote; in MySQL without it.
    ///
    /// # Errors
    /// As there.
    pub fn search(
        &mut self,
        index: &SearchIndex,
        typed: &str,
        limit: usize,
        offset: usize,
    ) -> Result<Vec<Hit>, Error> {
        self.search_where(index, typed, "", &[], limit, offset)
    }

    /// As [`Database::search_where`], with what this transaction wrote; in MySQL without it.
    ///
    /// # Errors
    /// As there.
    pub fn search_where(
        &mut self,
        index: &SearchIndex,
        typed: &str,
        filter: &str,
        values: &[Value],
        limit: usize,
        offset: usize,
    ) -> Result<Vec<Hit>, Error> {
        let (backend, within) = (self.backend(), Within { filter, values });
        let query = |sql: &str, values: &[Value]| self.query(sql, values);
        search(backend, index, typed, within, (limit, offset), query)
    }

    /// As [`Database::search_count_where`], with what this transaction wrote; in MySQL without it.
    ///
    /// # Errors
    /// As there.
    pub fn search_count_where(
        &mut self,
        index: &SearchIndex,
        typed: &str,
        filter: &str,
        values: &[Value],
    ) -> Result<u32, Error> {
        let (backend, within) = (self.backend(), Within { filter, values });
        let query = |sql: &str, values: &[Value]| self.query(sql, values);
        count(backend, index, typed, within, query)
    }
}

/// The condition of a search.
#[derive(Clone, Copy)]
struct Within<'a> {
    filter: &'a str,
    values: &'a [Value],
}

impl Within<'_> {
    /// With another number of values the limit would be taken for one of them.
    fn check(&self, backend: Backend) -> Result<(), Error> {
        let filter = format!("SELECT 1 WHERE ({}\n)", self.filter);
        let expected = scan(&filter, backend)?.parameters;
        match self.values.len() {
            given if given == expected => Ok(()),
            given => Err(Error::Parameters { expected, given }),
        }
    }
}

fn search(
    backend: Backend,
    index: &SearchIndex,
    typed: &str,
    within: Within<'_>,
    (limit, offset): (usize, usize),
    query: impl FnOnce(&str, &[Value]) -> Result<Rows, Error>,
) -> Result<Vec<Hit>, Error> {
    index.check()?;
    within.check(backend)?;
    if limit > SEARCH_HITS_MAX {
        return Err(Error::TooLarge {
            what: "the number of hits of a search".to_owned(),
            limit: SEARCH_HITS_MAX,
        });
    }
    let words = Words::new(typed);
    if words.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let expression = Value::from(words.expression(backend));
    let (sql, times) = sql::search(index, backend, within.filter);
    let mut values = vec![expression; times];
    values.extend_from_slice(within.values);
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    values.extend(params![number(limit), number(offset)]);
    let hit = |row: &crate::Row| {
        let texts: Vec<String> = (0..index.columns.len())
            .map(|at| Ok(row.at::<Option<String>>(at + 2)?.unwrap_or_default()))
            .collect::<Result<_, Error>>()?;
        Ok(Hit {
            key: row.at(0)?,
            rank: row.at(1)?,
            snippet: snippet::snippet(&texts, &words),
        })
    };
    query(&sql, &values)?.iter().map(hit).collect()
}

fn count(
    backend: Backend,
    index: &SearchIndex,
    typed: &str,
    within: Within<'_>,
    query: impl FnOnce(&str, &[Value]) -> Result<Rows, Error>,
) -> Result<u32, Error> {
    index.check()?;
    within.check(backend)?;
    let words = Words::new(typed);
    if words.is_empty() {
        return Ok(0);
    }
    let mut values = params![words.expression(backend)].to_vec();
    values.extend_from_slice(within.values);
    let rows = query(&sql::count(index, backend, within.filter), &values)?;
    rows.iter().next().map_or(Ok(0), |row| row.at(0))
}

fn run(link: &mut Link, sql: &str, values: &[Value]) -> Result<Rows, Error> {
    (link.call(|session| session.run(sql, values, Want::Rows)))
        .map(|outcome| outcome.rows)
        .map_err(|fault| fault.error)
}

fn script(link: &mut Link, sql: &str) -> Result<(), Error> {
    link.script(sql).map_err(|fault| fault.error)
}

/// The table of indexes and how they were declared.
fn create_list(link: &mut Link) -> Result<(), Error> {
    script(
        link,
        "CREATE TABLE IF NOT EXISTS harmonious_search \
         (name VARCHAR(64) NOT NULL PRIMARY KEY, declared TEXT NOT NULL)",
    )
}

fn declared(link: &mut Link, name: &str) -> Result<Option<String>, Error> {
    // The name is plain, see `SearchIndex::check`.
    let sql = format!("SELECT declared FROM harmonious_search WHERE name = '{name}'");
    run(link, &sql, &[])?
        .iter()
        .next()
        .map(|row| row.at(0))
        .transpose()
}

fn create(link: &mut Link, backend: Backend, index: &SearchIndex) -> Result<(), Error> {
    create_list(link)?;
    let declaration = sql::declaration(index, backend);
    let before = declared(link, &index.name)?;
    if before.as_ref() == Some(&declaration) {
        return Ok(());
    }
    let mut whole = sql::remove(index, backend);
    whole.extend(sql::create(index, backend));
    whole.push(format!(
        "DELETE FROM harmonious_search WHERE name = '{}'",
        index.name
    ));
    whole.push(format!(
        "INSERT INTO harmonious_search VALUES ('{}', '{declaration}')",
        index.name
    ));
    together(link, backend, &whole)
}

fn remove(link: &mut Link, backend: Backend, index: &SearchIndex) -> Result<(), Error> {
    let mut whole = sql::remove(index, backend);
    whole.push(format!(
        "DELETE FROM harmonious_search WHERE name = '{}'",
        index.name
    ));
    together(link, backend, &whole)
}

/// In one transaction, where the back end can; in MySQL what is last says that the rest was done.
fn together(link: &mut Link, backend: Backend, statements: &[String]) -> Result<(), Error> {
    if backend == Backend::MySql {
        return statements.iter().try_for_each(|sql| script(link, sql));
    }
    script(link, "BEGIN")?;
    let done = (statements.iter())
        .try_for_each(|sql| script(link, sql))
        .and_then(|()| script(link, "COMMIT"));
    if done.is_err() && link.in_transaction() != Some(false) {
        let _ = link.script("ROLLBACK");
    }
    done
}
