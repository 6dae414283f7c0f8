//! What a database can answer instead of rows, in classes that a caller can act upon.
//!
//! The errors of the drivers are read and dropped, not kept as sources: their texts may hold values
//! of rows. So an error can be logged, cloned, and sent to a module as a message.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What went wrong. The messages name tables, columns and constraints, never a value.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Error {
    /// There is such a row already.
    #[error("there is such a row already: {message}")]
    Unique {
        /// The constraint, or the columns.
        message: String,
    },
    /// A row names another one that is not there, or one that is named was to go.
    #[error("a foreign key forbids it: {message}")]
    ForeignKey {
        /// What the database says.
        message: String,
    },
    /// A column must have a value.
    #[error("a value is missing: {message}")]
    NotNull {
        /// The column.
        message: String,
    },
    /// A `CHECK` of the table says no.
    #[error("a check of the table forbids it: {message}")]
    Check {
        /// The constraint.
        message: String,
    },
    /// Somebody else is at it: a lock that was not released in time, a deadlock, transactions that
    /// cannot be put in a row. Trying the whole transaction again may help.
    #[error("the database is busy: {message}: try the whole transaction again")]
    Busy {
        /// What the database says.
        message: String,
    },
    /// The statement ran into its time limit and was interrupted.
    #[error("the statement took longer than {limit:?} and was interrupted")]
    TimeLimit {
        /// The limit.
        limit: Duration,
    },
    /// No connection was to be had; nothing was done.
    #[error("the database cannot be reached at the moment: {message}")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// Why.
        message: String,
    },
    /// The connection broke while a statement was under way: whether it was executed is not known.
    /// What was acknowledged before is not concerned; an open transaction is rolled back.
    #[error("the connection was lost, whether the statement was executed is unknown: {message}")]
    ConnectionLost {
        /// What the system or the server says.
        message: String,
    },
    /// The statement cannot be understood: its grammar, or a table or column that is not there.
    #[error("the statement cannot be understood: {message}")]
    Syntax {
        /// What the database says.
        message: String,
    },
    /// The database knows the statement and refuses it to this user; or refuses the user.
    #[error("the database refuses access: {message}")]
    Denied {
        /// What the database says.
        message: String,
    },
    /// The statement has another number of `?` than there are values.
    #[error(
        "the statement's `?` and the values that it was given differ in number: {expected} and {given}"
    )]
    Parameters {
        /// How many `?` there are.
        expected: usize,
        /// How many values came along.
        given: usize,
    },
    /// A result or a statement beyond its limit.
    #[error("{what} is beyond its limit of {limit}: ask for less at a time")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// A value is not of the wanted type, or of a type that has no [`Value`](crate::Value).
    #[error("column {column:?}: {message}")]
    Type {
        /// The column.
        column: String,
        /// What was wanted, what there is, and what to do.
        message: String,
    },
    /// A row does not have this column.
    #[error("there is no column {column:?} in this row: it has {columns:?}")]
    NoColumn {
        /// The name that was asked for.
        column: String,
        /// Those that there are.
        columns: Vec<String>,
    },
    /// The transaction cannot do this, or not any more.
    #[error("{message}")]
    Transaction {
        /// Why, and what to do.
        message: String,
    },
    /// The database cannot be opened with this configuration.
    #[error("{message}")]
    Config {
        /// What is wrong, and what to do.
        message: String,
    },
    /// A migration that was applied has another text today, or is gone, or came too late.
    #[error("{message}")]
    Migration {
        /// Which, and what to do.
        message: String,
    },
    /// A backup or its restoration failed.
    #[error("{message}")]
    Backup {
        /// What failed, and what to do.
        message: String,
    },
    /// Everything else that a database may say.
    #[error("the database says: {message} ({code})")]
    Other {
        /// Its own code: SQLSTATE, or the number that SQLite and MySQL use.
        code: String,
        /// What it says, without values.
        message: String,
    },
}

impl Error {
    /// When a client may try again, if the database was not to be reached: an answer 503.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Unavailable { retry_after, .. } => Some(*retry_after),
            Error::ConnectionLost { .. } => Some(crate::config::RETRY_AFTER),
            _ => None,
        }
    }

    /// Whether the database was not to be reached, before or during the statement.
    pub fn is_unavailable(&self) -> bool {
        self.retry_after().is_some()
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Error {
        Error::Unavailable {
            retry_after: crate::config::RETRY_AFTER,
            message: message.into(),
        }
    }

    pub(crate) fn lost(message: impl Into<String>) -> Error {
        Error::ConnectionLost {
            message: message.into(),
        }
    }

    pub(crate) fn transaction(message: impl Into<String>) -> Error {
        Error::Transaction {
            message: message.into(),
        }
    }

    pub(crate) fn config(message: impl Into<String>) -> Error {
        Error::Config {
            message: message.into(),
        }
    }

    pub(crate) fn backup(message: impl Into<String>) -> Error {
        Error::Backup {
            message: message.into(),
        }
    }

    pub(crate) fn migration(message: impl Into<String>) -> Error {
        Error::Migration {
            message: message.into(),
        }
    }

    pub(crate) fn syntax(message: impl Into<String>) -> Error {
        Error::Syntax {
            message: message.into(),
        }
    }

    pub(crate) fn type_of(column: &str, message: impl Into<String>) -> Error {
        Error::Type {
            column: column.to_owned(),
            message: message.into(),
        }
    }
}
