//! The database of a test: the statements that a module runs, answered by the test. [`Statement`] is what it
//! is asked; what it may answer is in `answer.rs`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::answer::Answer;
use super::services::encode;
use crate::db::Value;
use crate::error::{Error, Result};

/// The test's database.
pub type Database = Box<dyn Fn(&Statement) -> Result<Answer>>;

/// Transactions that one request may have open, as on the server: `server/src/site/database.rs` has the same.
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
}

/// By which method of [`Db`](crate::Db) a statement was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatementKind {
    /// `execute`: answered with [`Answer::changed`].
    Execute,
    /// `insert`: answered with [`Answer::key`].
    Insert,
    /// `query` and `query_one`: answered with [`Answer::rows`] or [`Answer::no_rows`].
    Query,
    /// `search`: answered with [`Answer::hits`]. Its text is `SEARCH` and the index's name, its values are
    /// what was typed, the limit and the offset.
    Search,
    /// A transaction begins; its text is `BEGIN`.
    Begin,
    /// A transaction is kept; its text is `COMMIT`.
    Commit,
    /// A transaction is undone; its text is `ROLLBACK`.
    Rollback,
}

#[derive(Deserialize)]
struct Run {
    sql: String,
    values: Vec<Value>,
    transaction: Option<u64>,
}

#[derive(Deserialize)]
struct InTransaction {
    transaction: Option<u64>,
}

#[derive(Deserialize)]
struct Search {
    index: Index,
    words: String,
    limit: u32,
    offset: u32,
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

    /// The number of the transaction that it is part of, begins or ends; from 1 in each request.
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

    /// For statements that the test does not mean: transactions begin and end as they should, all else is
    /// an error that names the statement.
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
    /// 500, unless a transaction begins or ends.
    #[track_caller]
    pub fn unanswered(&self) -> Result<Answer> {
        match self.kind {
            StatementKind::Begin | StatementKind::Commit | StatementKind::Rollback => {
                Ok(Answer::nothing())
            }
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
    open: RefCell<BTreeSet<u64>>,
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
        let statement = match service {
            "db.begin" => self.begin(rmp_serde::from_slice(message)?)?,
            "db.commit" => self.end(StatementKind::Commit, rmp_serde::from_slice(message)?)?,
            "db.rollback" => self.end(StatementKind::Rollback, rmp_serde::from_slice(message)?)?,
            "db.search" => search(rmp_serde::from_slice(message)?),
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
                self.open.borrow_mut().insert(number);
                encode(&number)
            }
            _ => Ok(reply),
        }
    }

    fn statement(&self, service: &str, message: &[u8]) -> Result<Statement> {
        let kind = match service {
            "db.execute" => StatementKind::Execute,
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
        } = rmp_serde::from_slice(message)?;
        match transaction {
            Some(number) if !self.open.borrow().contains(&number) => Err(ended(number)),
            _ => Ok(Statement {
                kind,
                sql,
                values,
                transaction,
            }),
        }
    }

    /// The server has one level of transactions.
    fn begin(&self, within: InTransaction) -> Result<Statement> {
        if within.transaction.is_some() {
            return Err(Error::internal(
                "a transaction within a transaction: do it in one, or in two after each other",
            ));
        }
        if self.open.borrow().len() >= TRANSACTIONS_MAX {
            return Err(Error::internal(format!(
                "more than {TRANSACTIONS_MAX} transactions are open"
            )));
        }
        self.last.set(self.last.get() + 1);
        Ok(mark(StatementKind::Begin, "BEGIN", self.last.get()))
    }

    fn end(&self, kind: StatementKind, of: InTransaction) -> Result<Statement> {
        let number = of.transaction.unwrap_or(0);
        if !self.open.borrow_mut().remove(&number) {
            return Err(ended(number));
        }
        Ok(match kind {
            StatementKind::Commit => mark(kind, "COMMIT", number),
            _ => mark(kind, "ROLLBACK", number),
        })
    }
}

fn mark(kind: StatementKind, sql: &str, transaction: u64) -> Statement {
    Statement {
        kind,
        sql: sql.to_owned(),
        values: Vec::new(),
        transaction: Some(transaction),
    }
}

fn search(search: Search) -> Statement {
    Statement {
        kind: StatementKind::Search,
        sql: format!("SEARCH {}", search.index.name),
        values: vec![
            search.words.into(),
            search.limit.into(),
            search.offset.into(),
        ],
        transaction: None,
    }
}

fn ended(number: u64) -> Error {
    Error::internal(format!("there is no open transaction {number}"))
}
