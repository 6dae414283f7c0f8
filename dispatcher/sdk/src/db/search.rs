//! Searches in a database: what a visitor typed, among the rows that a filter lets through.

use serde::{Deserialize, Serialize};

use super::{Db, Value};
use crate::error::Result;

#[derive(Serialize)]
struct Search<'a> {
    index: &'a SearchIndex,
    words: &'a str,
    filter: &'a str,
    values: &'a [Value],
    limit: u32,
    offset: u32,
    transaction: Option<u64>,
    domain: bool,
    visitor: bool,
}

#[derive(Serialize)]
struct Prepare<'a> {
    index: &'a SearchIndex,
    domain: bool,
    visitor: bool,
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

    /// With a text column, and its weight beside the others; up to four different weights, above 0.
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

impl Db<'_> {
    /// The rows that fit what a visitor typed, best first; what is typed is never an error, and the last
    /// word may be the beginning of one. The index is made when it is first asked for, if
    /// [`prepare_search`](Db::prepare_search) did not make it, and follows the table from then on, within the
    /// transaction that writes. Within a transaction nothing is made: there the index must be there. What the
    /// transaction wrote is found there too, but by MySQL.
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
    /// As [`execute`](Db::execute); 500 for more than 1,000 hits at a time.
    #[track_caller]
    pub fn search(
        &self,
        index: &SearchIndex,
        words: &str,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<Hit>> {
        self.search_where(index, words, "", &[], limit, offset)
    }

    /// As [`search`](Db::search), among the rows for which a condition holds: SQL on the table that is
    /// searched, called `t` there, with a `?` for each of the values; `""` for none. It is part of the statement
    /// as it stands, so what a visitor typed goes into the values. Pages of hits follow each other without
    /// gaps: those that fit alike come in the order of their keys.
    ///
    /// ```
    /// use harmonious::{Hit, Request, Result, SearchIndex};
    ///
    /// fn find(req: &Request, typed: &str, language: &str, page: u32) -> Result<Vec<Hit>> {
    ///     let index = SearchIndex::new("scripts_search", "scripts", "id").column("name", 4.0);
    ///     let filter = "t.language = ? AND NOT t.hidden";
    ///     req.db().search_where(&index, typed, filter, &[language.into()], 20, page * 20)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`search`](Db::search); 500 where the condition has another number of `?` than there are values.
    #[track_caller]
    pub fn search_where(
        &self,
        index: &SearchIndex,
        words: &str,
        filter: &str,
        values: &[Value],
        limit: u32,
        offset: u32,
    ) -> Result<Vec<Hit>> {
        let search = Search {
            index,
            words,
            filter,
            values,
            limit,
            offset,
            transaction: self.transaction,
            domain: self.domain,
            visitor: self.visitor,
        };
        self.req.service("db.search", &search)
    }

    /// How many rows [`search_where`](Db::search_where) finds in all; 1,000 stands for as many or more.
    ///
    /// ```
    /// use harmonious::{Request, Result, SearchIndex};
    ///
    /// fn count(req: &Request, typed: &str) -> Result<String> {
    ///     let index = SearchIndex::new("scripts_search", "scripts", "id").column("name", 4.0);
    ///     Ok(match req.db().search_count_where(&index, typed, "NOT t.hidden", &[])? {
    ///         1000 => "1,000 or more".to_owned(),
    ///         count => count.to_string(),
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`search_where`](Db::search_where).
    #[track_caller]
    pub fn search_count_where(
        &self,
        index: &SearchIndex,
        words: &str,
        filter: &str,
        values: &[Value],
    ) -> Result<u32> {
        let search = Search {
            index,
            words,
            filter,
            values,
            limit: 0,
            offset: 0,
            transaction: self.transaction,
            domain: self.domain,
            visitor: self.visitor,
        };
        self.req.service("db.search_count", &search)
    }

    /// Makes a search index if it is not there as it is declared, and fills it: before the first search, so that
    /// no visitor waits for it, and before a search within a transaction. It asks the database once only for as
    /// long as the server runs.
    ///
    /// ```
    /// use harmonious::{Request, Result, SearchIndex};
    ///
    /// fn prepare(req: &Request) -> Result<()> {
    ///     let index = SearchIndex::new("scripts_search", "scripts", "id").column("name", 4.0);
    ///     req.db().prepare_search(&index)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Db::execute); 500 where it is to be made and a transaction of this request is open at that
    /// database.
    #[track_caller]
    pub fn prepare_search(&self, index: &SearchIndex) -> Result<()> {
        let prepare = Prepare {
            index,
            domain: self.domain,
            visitor: self.visitor,
        };
        self.req.service("db.prepare_search", &prepare)
    }
}
