//! What the three back ends have in common: a session, one connection with its prepared statements.

mod mysql;
mod postgres;
mod postgres_types;
pub(crate) mod sqlite;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::config::{Config, TRY_AFTER};
use crate::error::Error;
use crate::row::Rows;
use crate::url::Server;
use crate::value::Value;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// SQLite, in this process.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

impl Backend {
    /// The name of its folder among the migrations.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Sqlite => "sqlite",
            Backend::Postgres => "postgres",
            Backend::MySql => "mysql",
        }
    }
}

/// What a caller wants of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// How many rows it changed.
    Changes,
    /// Its rows.
    Rows,
    /// The id of the row that it inserted.
    Id,
}

/// What came of a statement; only what was wanted is filled in.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub changes: u64,
    pub rows: Rows,
    pub id: Option<i64>,
}

/// An error, and whether the statement can have been executed.
#[derive(Debug)]
pub(crate) struct Fault {
    pub error: Error,
    /// Nothing of the statement was executed: it may be tried on another connection.
    pub unsent: bool,
    /// It came from the database: the transaction that it happened in is lost.
    pub dooms: bool,
}

impl Fault {
    /// An error of the database.
    pub fn told(error: Error) -> Fault {
        let unsent = false;
        let dooms = true;
        Fault {
            error,
            unsent,
            dooms,
        }
    }

    /// An error of the connection before the statement went out.
    pub fn unsent(error: Error) -> Fault {
        let unsent = true;
        Fault {
            unsent,
            ..Fault::told(error)
        }
    }
}

/// An error of our own: the database knows nothing of it.
impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let unsent = false;
        let dooms = false;
        Fault {
            error,
            unsent,
            dooms,
        }
    }
}

/// One connection. Statements have their placeholders as the back end wants them.
pub(crate) trait Session: Send {
    fn run(&mut self, sql: &str, values: &[Value], want: Want) -> Result<Outcome, Fault>;
    /// Several statements without values.
    fn script(&mut self, sql: &str) -> Result<(), Fault>;
    /// The rows of a statement that only reads; of one that writes nothing, and it is not executed. Asked of
    /// SQLite alone.
    fn read(&mut self, sql: &str, values: &[Value]) -> Result<Option<Outcome>, Fault> {
        self.run(sql, values, Want::Rows).map(Some)
    }
    /// A round trip: whether somebody is there.
    fn answers(&mut self) -> bool;
    /// Whether it can be used no more.
    fn is_broken(&self) -> bool;
    /// Whether a transaction is open, where the back end says so.
    fn in_transaction(&self) -> Option<bool> {
        None
    }
    fn set_time_limit(&mut self, limit: Duration) -> Result<(), Fault>;
    /// Itself, for what only SQLite has.
    fn as_sqlite(&mut self) -> Option<&mut sqlite::Sqlite> {
        None
    }
}

/// Opens a connection to a server.
pub(crate) fn connect(server: &Server, config: &Config) -> Result<Link, Error> {
    let session = fenced(|| {
        Ok(match server.backend {
            Backend::MySql => Box::new(mysql::MySql::connect(server, config)?) as Box<dyn Session>,
            _ => Box::new(postgres::Postgres::connect(server, config)?),
        })
    });
    session.map(Link::new).map_err(|fault: Fault| fault.error)
}

/// A session as the pool keeps it: a panic of its driver is contained and is its end.
pub(crate) struct Link {
    session: Box<dyn Session>,
    used: Instant,
    broken: bool,
}

impl Link {
    pub fn new(session: Box<dyn Session>) -> Link {
        Link {
            session,
            used: Instant::now(),
            broken: false,
        }
    }

    pub fn call<T>(
        &mut self,
        call: impl FnOnce(&mut dyn Session) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let session = self.session.as_mut();
        let result = fenced(AssertUnwindSafe(|| call(session)));
        self.used = Instant::now();
        if let Err(fault) = &result {
            self.broken |= matches!(fault.error, Error::ConnectionLost { .. });
        }
        result
    }

    pub fn script(&mut self, sql: &str) -> Result<(), Fault> {
        self.call(|session| session.script(sql))
    }

    pub fn is_broken(&self) -> bool {
        self.broken || self.session.is_broken()
    }

    pub fn in_transaction(&self) -> Option<bool> {
        self.session.in_transaction()
    }

    /// Whether it can be handed out; one that was used just now is not asked.
    pub fn is_ready(&mut self) -> bool {
        if self.is_broken() {
            return false;
        }
        if self.used.elapsed() < TRY_AFTER {
            return true;
        }
        self.answers_now()
    }

    /// Asks it, however short ago it was used.
    pub fn answers_now(&mut self) -> bool {
        let answers = fenced(AssertUnwindSafe(|| Ok(self.session.answers())));
        self.used = Instant::now();
        self.broken |= !matches!(answers, Ok(true));
        !self.broken
    }

    /// Not to be handed out again.
    pub fn spoil(&mut self) {
        self.broken = true;
    }
}

/// Invariant 9: a panic of a driver is an error of its caller. Where it stood is not known, so the
/// connection counts as lost.
fn fenced<T>(call: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        Err(Fault::told(Error::lost(
            "its driver panicked: this is a bug of the driver",
        )))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A connection that does what its statement says.
    pub(crate) struct Fake;

    impl Session for Fake {
        fn run(&mut self, sql: &str, _: &[Value], _: Want) -> Result<Outcome, Fault> {
            match sql {
                "panic" => std::panic::resume_unwind(Box::new("of the driver")),
                "lose" => Err(Fault::told(Error::lost("lost"))),
                _ => Ok(Outcome::default()),
            }
        }

        fn script(&mut self, sql: &str) -> Result<(), Fault> {
            self.run(sql, &[], Want::Changes).map(drop)
        }

        fn answers(&mut self) -> bool {
            std::panic::resume_unwind(Box::new("of the driver"))
        }

        fn is_broken(&self) -> bool {
            false
        }

        fn set_time_limit(&mut self, _: Duration) -> Result<(), Fault> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_of_a_driver_is_the_end_of_its_connection_only() {
        for end in ["panic", "lose"] {
            let mut link = Link::new(Box::new(Fake));
            link.script("fine").unwrap();
            assert!(link.is_ready());
            let fault = link.script(end).unwrap_err();
            assert!(matches!(fault.error, Error::ConnectionLost { .. }));
            assert!(link.is_broken() && !link.is_ready());
        }
        assert!(!Link::new(Box::new(Fake)).answers_now());
    }
}
