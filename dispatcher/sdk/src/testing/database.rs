//! The database of a test: the statements that a module runs, answered by the test. [`Statement`] is what it
//! is asked; what it may answer is in `answer.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Deserialize;

use super::answer::Answer;
use super::services::encode;
use crate::db::Value;
use crate::error::{Error, Result};

/// The test's database.
pub type Database = Box<dyn Fn(&Statement) -> Result<Answer>>;

/// Transactions that one request may have open, as on the server: `server/src/site/transactions.rs` has the same.
const TRANSACTIONS_MAX: usize = 8;

/// A statement that the module ran; the database of [`Site::db`](super::Site::db) answers it, and
/// [`Reply::statements`](super::Reply::statements) has all of a request.
///
/// `Debug` and `Display` show the text, and of each value its kind only.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    kind: StatementKind,
    sql: String,
    values: Vec<Value>,
    transaction: Option<u64>,
    of_domain: bool,
    as_visitor: bool,
}

/// By which method of [`Db`](crate::Db) a statement was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatementKind {
    /// `execute`: answered with [`Answer::changed`].
    Execute,
    /// `soon`: answered with [`Answer::changed`], at once; with a key it is asked once a day. An error reaches the
    /// module, where a server would tell it in the log.
    Soon,
    /// `insert`: answered with [`Answer::key`].
    Insert,
    /// `query` and `query_one`: answered with [`Answer::rows`] or [`Answer::no_rows`].
    Query,
    /// `search` and `search_where`: answered with [`Answer::hits`]. Its text is `SEARCH` and the index's name,
    /// then `WHERE` and the condition if there is one; its values are what was typed, those of the condition, the
    /// limit and the offset.
    Search,
    /// `search_count_where`: answered with [`Answer::count`]. Its text is `COUNT` and the index's name, then as of
    /// a search; its values are what was typed and those of the condition.
    SearchCount,
    /// `prepare_search`, which passes unless the test answers with an error. Its text is `PREPARE` and the index's
    /// name.
    PrepareSearch,
    /// `size`: answered with [`Answer::count`]. Its text is `SIZE`.
    Size,
    /// A transaction begins, or a part of one; its text is `BEGIN` or `SAVEPOINT`.
    Begin,
    /// It is kept; its text is `COMMIT` or `RELEASE SAVEPOINT`.
    Commit,
    /// It is undone; its text is `ROLLBACK` or `ROLLBACK TO SAVEPOINT`.
    Rollback,
}

#[derive(Deserialize)]
struct Run {
    sql: String,
    values: Vec<Value>,
    transaction: Option<u64>,
    domain: bool,
    visitor: bool,
}

/// Which database, and which of its open transactions.
#[derive(Clone, Copy, Deserialize)]
struct Where {
    transaction: Option<u64>,
    domain: bool,
    visitor: bool,
}

#[derive(Deserialize)]
struct Search {
    index: Index,
    words: String,
    filter: String,
    values: Vec<Value>,
    limit: u32,
    offset: u32,
    transaction: Option<u64>,
    domain: bool,
    visitor: bool,
}

#[derive(Deserialize)]
struct Prepare {
    index: Index,
    domain: bool,
    visitor: bool,
}

#[derive(Deserialize)]
struct Index {
    name: String,
}

impl Statement {
    /// By which method it was run.
    ///
    /// ```
    /// use harmonious::testing::{Answer, Site, StatementKind};
    ///
    /// Site::new().db(|statement| match statement.kind() {
    ///     StatementKind::Query => Ok(Answer::no_rows()),
    ///     _ => statement.unanswered(),
    /// });
    /// ```
    #[must_use]
    pub fn kind(&self) -> StatementKind {
        self.kind
    }

    /// Its text, as the module wrote it.
    ///
    /// ```
    /// # fn check(statement: &harmonious::testing::Statement) {
    /// assert!(statement.sql().starts_with("SELECT slug"));
    /// # }
    /// ```
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The values of its placeholders.
    ///
    /// ```
    /// use harmonious::Value;
    ///
    /// # fn check(statement: &harmonious::testing::Statement) {
    /// assert_eq!(statement.values(), [Value::from("chess"), Value::from(5)]);
    /// # }
    /// ```
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The number of the transaction, or part of one, that it belongs to, begins or ends; from 1 in each
    /// request.
    ///
    /// ```
    /// # fn check(statement: &harmonious::testing::Statement) {
    /// assert!(statement.transaction().is_some());
    /// # }
    /// ```
    #[must_use]
    pub fn transaction(&self) -> Option<u64> {
        self.transaction
    }

    /// Whether it was asked of [`Request::domain_db`](crate::Request::domain_db).
    ///
    /// ```
    /// # fn check(statement: &harmonious::testing::Statement) {
    /// assert!(statement.is_of_domain());
    /// # }
    /// ```
    #[must_use]
    pub fn is_of_domain(&self) -> bool {
        self.of_domain
    }

    /// Whether it was asked through the visitor's own connection, [`Db::as_visitor`](crate::Db::as_visitor).
    /// Those that open and close it are services of the test, such as
    /// `Site::new().service("db.connect_as", |_| Ok(json!(null)))`.
    ///
    /// ```
    /// # fn check(statement: &harmonious::testing::Statement) {
    /// assert!(statement.is_as_visitor());
    /// # }
    /// ```
    #[must_use]
    pub fn is_as_visitor(&self) -> bool {
        self.as_visitor
    }

    /// For statements that the test does not mean: transactions begin and end as they should, indexes are made,
    /// all else is an error that names the statement.
    ///
    /// ```
    /// use harmonious::testing::{Answer, Site};
    ///
    /// Site::new().db(|statement| match statement.sql() {
    ///     "SELECT count(*) AS n FROM scripts" => Ok(Answer::rows(&["n"], [(2,)])),
    ///     _ => statement.unanswered(),
    /// });
    /// ```
    ///
    /// # Errors
    /// 500, unless a transaction begins or ends, or an index is made.
    #[track_caller]
    pub fn unanswered(&self) -> Result<Answer> {
        match self.kind {
            StatementKind::Begin
            | StatementKind::Commit
            | StatementKind::Rollback
            | StatementKind::PrepareSearch => Ok(Answer::nothing()),
            _ => Err(Error::internal(format!(
                "the test has no answer to {self}: give one in the closure of Site::db"
            ))),
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statement { sql, values, .. } = self;
        match self.kind {
            StatementKind::Begin | StatementKind::Commit | StatementKind::Rollback => {
                write!(f, "{sql}")
            }
            kind => write!(f, "{kind:?} `{sql}` {values:?}"),
        }
    }
}

/// What one request ran.
#[derive(Default)]
pub struct Ran {
    statements: RefCell<Vec<Statement>>,
    last: Cell<u64>,
    /// Transactions, each with the parts that are open in it, the innermost last.
    open: RefCell<Vec<Vec<u64>>>,
}

impl Ran {
    pub fn into_statements(self) -> Vec<Statement> {
        self.statements.into_inner()
    }

    /// Answers a message; the statement is noted, whatever comes of it.
    pub fn answer(
        &self,
        database: Option<&Database>,
        service: &str,
        message: &[u8],
    ) -> Result<Vec<u8>> {
        let mut within = None;
        let statement = match service {
            "db.connect_as" | "db.is_connected" | "db.disconnect" => {
                return Err(Error::internal(format!(
                    "the test does not say what {service:?} comes to: Site::service({service:?}, ..)"
                )));
            }
            "db.begin" => {
                let at: Where = rmp_serde::from_slice(message)?;
                within = at.transaction;
                self.begin(at)?
            }
            "db.commit" => self.end(StatementKind::Commit, rmp_serde::from_slice(message)?)?,
            "db.rollback" => self.end(StatementKind::Rollback, rmp_serde::from_slice(message)?)?,
            "db.search" | "db.search_count" => {
                self.search(service, rmp_serde::from_slice(message)?)?
            }
            "db.prepare_search" => self.prepare(rmp_serde::from_slice(message)?)?,
            "db.size" => {
                let at: Where = rmp_serde::from_slice(message)?;
                self.innermost(at.transaction)?;
                Statement {
                    transaction: at.transaction,
                    ..mark(StatementKind::Size, "SIZE", 0, at)
                }
            }
            _ => self.statement(service, message)?,
        };
        self.statements.borrow_mut().push(statement.clone());
        let Some(database) = database else {
            return Err(Error::internal(format!(
                "the test has no database to answer {statement}: \
                 give its answers with Site::db(|statement| ..)"
            )));
        };
        let reply = database(&statement)?.reply(&statement)?;
        match (statement.kind, statement.transaction) {
            (StatementKind::Begin, Some(number)) => {
                self.opened(number, within);
                encode(&number)
            }
            _ => Ok(reply),
        }
    }

    fn statement(&self, service: &str, message: &[u8]) -> Result<Statement> {
        let kind = match service {
            "db.execute" => StatementKind::Execute,
            "db.soon" => StatementKind::Soon,
            "db.insert" => StatementKind::Insert,
            "db.query" => StatementKind::Query,
            _ => {
                return Err(Error::internal(format!(
                    "a server has no service {service:?}"
                )));
            }
        };
        let Run {
            sql,
            values,
            transaction,
            domain,
            visitor,
        } = rmp_serde::from_slice(message)?;
        self.innermost(transaction)?;
        Ok(Statement {
            kind,
            sql,
            values,
            transaction,
            of_domain: domain,
            as_visitor: visitor,
        })
    }

    /// As on the server: while a part is open nothing is done around it.
    fn innermost(&self, transaction: Option<u64>) -> Result<()> {
        let Some(number) = transaction else {
            return Ok(());
        };
        let open = self.open.borrow();
        match open.iter().find(|parts| parts.contains(&number)) {
            None => Err(ended(number)),
            Some(parts) if parts.last() == Some(&number) => Ok(()),
            Some(_) => Err(Error::internal(
                "a part of this transaction is open: use what its closure is given",
            )),
        }
    }

    fn begin(&self, at: Where) -> Result<Statement> {
        self.innermost(at.transaction)?;
        if at.transaction.is_none() && self.open.borrow().len() >= TRANSACTIONS_MAX {
            return Err(Error::internal(format!(
                "more than {TRANSACTIONS_MAX} transactions are open"
            )));
        }
        self.last.set(self.last.get() + 1);
        let sql = match at.transaction {
            Some(_) => "SAVEPOINT",
            None => "BEGIN",
        };
        Ok(mark(StatementKind::Begin, sql, self.last.get(), at))
    }

    /// It has begun, as a part of that one.
    fn opened(&self, number: u64, within: Option<u64>) {
        let mut open = self.open.borrow_mut();
        let around = within.and_then(|within| open.iter_mut().find(|p| p.contains(&within)));
        match around {
            Some(parts) => parts.push(number),
            None => open.push(vec![number]),
        }
    }

    fn end(&self, kind: StatementKind, at: Where) -> Result<Statement> {
        let number = at.transaction.unwrap_or(0);
        if kind == StatementKind::Commit {
            self.innermost(Some(number))?;
        }
        let mut open = self.open.borrow_mut();
        let which = open.iter().position(|parts| parts.contains(&number));
        let which = which.ok_or_else(|| ended(number))?;
        let is_part = open[which][0] != number;
        // With what is within it.
        open[which].retain(|part| *part < number);
        if !is_part {
            open.remove(which);
        }
        let sql = match (kind, is_part) {
            (StatementKind::Commit, false) => "COMMIT",
            (StatementKind::Commit, true) => "RELEASE SAVEPOINT",
            (_, false) => "ROLLBACK",
            (_, true) => "ROLLBACK TO SAVEPOINT",
        };
        Ok(mark(kind, sql, number, at))
    }

    fn search(&self, service: &str, search: Search) -> Result<Statement> {
        self.innermost(search.transaction)?;
        let (kind, verb) = match service {
            "db.search" => (StatementKind::Search, "SEARCH"),
            _ => (StatementKind::SearchCount, "COUNT"),
        };
        let mut sql = format!("{verb} {}", search.index.name);
        if !search.filter.is_empty() {
            sql.push_str(&format!(" WHERE {}", search.filter));
        }
        let mut values = vec![search.words.into()];
        values.extend(search.values);
        if kind == StatementKind::Search {
            values.extend([search.limit.into(), search.offset.into()]);
        }
        Ok(Statement {
            kind,
            sql,
            values,
            transaction: search.transaction,
            of_domain: search.domain,
            as_visitor: search.visitor,
        })
    }

    fn prepare(&self, prepare: Prepare) -> Result<Statement> {
        if !self.open.borrow().is_empty() {
            return Err(Error::internal(
                "a transaction of this request is open: call prepare_search before it",
            ));
        }
        Ok(Statement {
            kind: StatementKind::PrepareSearch,
            sql: format!("PREPARE {}", prepare.index.name),
            values: Vec::new(),
            transaction: None,
            of_domain: prepare.domain,
            as_visitor: prepare.visitor,
        })
    }
}

fn mark(kind: StatementKind, sql: &str, number: u64, at: Where) -> Statement {
    Statement {
        kind,
        sql: sql.to_owned(),
        values: Vec::new(),
        transaction: Some(number),
        of_domain: at.domain,
        as_visitor: at.visitor,
    }
}

fn ended(number: u64) -> Error {
    Error::internal(format!("there is no open transaction {number}"))
}
