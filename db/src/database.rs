//! The interface: a database, its statements, its transactions.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::backend::sqlite::{Role, Sqlite};
use crate::backend::{Backend, Link, Outcome, Want, connect};
use crate::config::{Config, MIGRATION_TIME_MAX, SCANNED_BYTES_MAX, SCANNED_MAX};
use crate::error::Error;
use crate::idle::Watch;
use crate::inserted::{about_id, id_of};
use crate::lane::Lane;
use crate::placeholders::{Scanned, scan};
use crate::pool::{Pool, Taken};
use crate::row::{Row, Rows};
use crate::search::SearchIndex;
use crate::transaction::Transaction;
use crate::url::{self, Address, Server};
use crate::value::Value;
use crate::version::WalIndex;

/// A database. Clones are the same one; it can be used from any number of threads.
#[derive(Clone)]
pub struct Database {
    pub(crate) inner: Arc<Inner>,
}

/// What the clones share.
pub(crate) struct Inner {
    pub config: Config,
    /// Of a connection under a user's own name without the password.
    pub address: Address,
    pub backend: Backend,
    pub watch: Arc<Watch>,
    /// Search indexes that were there when this process looked, by name, as they were declared.
    pub indexes: Mutex<HashMap<String, SearchIndex>>,
    /// Statements that were scanned and are right, where the scan changes nothing in them.
    scanned: RwLock<HashSet<Box<str>>>,
    /// None when it was closed.
    source: RwLock<Option<Arc<Source>>>,
    counters: Counters,
}

/// Where connections come from.
pub(crate) enum Source {
    /// A file of SQLite: one that writes, others that read beside it.
    File {
        readers: Pool,
        writer: Arc<Lane>,
        /// Made when somebody asks for a version; none if it cannot be had.
        index: OnceLock<Option<Box<WalIndex>>>,
    },
    /// A server.
    Server(Pool),
    /// One connection for all: SQLite in memory, or a server under a user's own name.
    Single(Arc<Lane>),
}

/// Relaxed: they are shown, nothing hangs on them.
#[derive(Default)]
pub(crate) struct Counters {
    statements: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    pub expired: AtomicU64,
}

/// What a database did and has at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Connections that are open.
    pub connections: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// Callers that wait for one.
    pub waiting: usize,
    /// Statements outside of transactions so far, and transactions.
    pub statements: u64,
    /// Those that ended in an error.
    pub failed: u64,
    /// Those that were tried again because their connection had died before.
    pub retried: u64,
    /// Transactions that were left alone for too long and rolled back.
    pub expired: u64,
}

impl Database {
    /// Opens a database and its first connection. A file of SQLite is created if it is not there.
    ///
    /// # Errors
    /// [`Error::Config`] if the URL is none, [`Error::Denied`] if the server refuses the user,
    /// [`Error::Unavailable`] if nobody answers.
    pub fn open(config: &Config) -> Result<Database, Error> {
        let address = url::parse(&config.url)?;
        let source = match &address {
            Address::Memory => {
                let link = Link::new(Box::new(Sqlite::open(None, Role::Writes, config)?));
                Source::Single(Arc::new(Lane::new(link, config.waiting_max, None)))
            }
            Address::File(path) => {
                let opener = |role| {
                    let (path, config) = (path.clone(), config.clone());
                    move || Sqlite::open(Some(&path), role, &config).map(|s| Link::new(Box::new(s)))
                };
                // The writer comes first: it creates the file.
                let open = opener(Role::Writes);
                let writer = Lane::new(open()?, config.waiting_max, Some(Box::new(open)));
                let writer = Arc::new(writer);
                let readers = Pool::new(config, Box::new(opener(Role::Reads)));
                Source::File {
                    readers,
                    writer,
                    index: OnceLock::new(),
                }
            }
            Address::Server(server) => {
                let (server, config) = (server.clone(), config.clone());
                let limits = config.clone();
                let pool = Pool::new(&limits, Box::new(move || connect(&server, &config)));
                drop(pool.take(&limits)?);
                Source::Server(pool)
            }
        };
        Ok(Database::new(config.clone(), address, source))
    }

    /// The same database under the name of another user, by one connection, which callers take in
    /// turn. When it is lost it is not opened again: the password is not kept (MySQL's driver has it
    /// in its connection as long as that is open).
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Config`] for SQLite, which has no users.
    pub fn open_as(&self, user: &str, password: &str) -> Result<Database, Error> {
        let Address::Server(server) = &self.inner.address else {
            return Err(Error::config("SQLite has no users: open_as is for servers"));
        };
        let mut server = Server {
            user: user.to_owned(),
            password: Some(password.to_owned()),
            ..server.clone()
        };
        let mut config = self.inner.config.clone();
        config.connections_max = 1;
        config.url = String::new();
        let link = connect(&server, &config)?;
        server.password = None;
        let lane = Lane::new(link, config.waiting_max, None);
        let source = Source::Single(Arc::new(lane));
        Ok(Database::new(config, Address::Server(server), source))
    }

    fn new(config: Config, address: Address, source: Source) -> Database {
        let backend = match &address {
            Address::Server(server) => server.backend,
            _ => Backend::Sqlite,
        };
        let inner = Inner {
            config,
            address,
            backend,
            watch: Arc::default(),
            scanned: RwLock::default(),
            indexes: Mutex::default(),
            source: RwLock::new(Some(Arc::new(source))),
            counters: Counters::default(),
        };
        Database {
            inner: Arc::new(inner),
        }
    }

    /// Executes one statement and says how many rows it changed.
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        Ok(self.inner.run(sql, values, Want::Changes)?.changes)
    }

    /// Executes an `INSERT` of one row and says its id: the value of its `INTEGER PRIMARY KEY` in
    /// SQLite, of its `AUTO_INCREMENT` in MySQL, of its column `id` in PostgreSQL. A statement with
    /// `RETURNING` says itself which column that is (MySQL, unlike MariaDB, has no such statement).
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn insert(&self, sql: &str, values: &[Value]) -> Result<i64, Error> {
        let outcome = self.inner.run(sql, values, Want::Id);
        id_of(&outcome.map_err(|error| about_id(error, sql, self.inner.backend))?)
    }

    /// Executes one statement and takes its rows. One that writes is as welcome:
    /// `INSERT ... RETURNING`.
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn query(&self, sql: &str, values: &[Value]) -> Result<Rows, Error> {
        Ok(self.inner.run(sql, values, Want::Rows)?.rows)
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn query_one(&self, sql: &str, values: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Executes any number of statements without values, in one transaction where the back end can:
    /// MySQL commits before and after each change of a table.
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn script(&self, sql: &str) -> Result<(), Error> {
        self.transaction(|tx| tx.script(sql))
    }

    /// Runs a closure in a transaction: committed if it returns `Ok`, rolled back if it returns an
    /// error or panics. In SQLite transactions come one after another.
    ///
    /// A transaction in which a statement failed cannot be committed any more, whatever the closure
    /// makes of the error; a [`savepoint`](Transaction::savepoint) keeps a failure to itself.
    ///
    /// # Errors
    /// The closure's; and any [`Error`] of beginning and committing.
    pub fn transaction<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut tx = Transaction::begin(&self.inner)?;
        let value = work(&mut tx)?;
        tx.commit()?;
        Ok(value)
    }

    /// As [`transaction`](Database::transaction); while somebody else is in the way
    /// ([`Error::Busy`]), the whole closure is run again, up to `retries` times.
    ///
    /// # Errors
    /// Those of the last attempt.
    pub fn transaction_retry<T, E: From<Error>>(
        &self,
        retries: usize,
        mut work: impl FnMut(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut left = retries;
        loop {
            let mut tx = Transaction::begin(&self.inner)?;
            let failed = match work(&mut tx) {
                Ok(value) => match tx.try_commit() {
                    Ok(()) => return Ok(value),
                    Err(error) => error.into(),
                },
                Err(error) => error,
            };
            if left == 0 || !tx.was_busy() {
                return Err(failed);
            }
            left -= 1;
        }
    }

    /// Begins a transaction that the caller holds, on any thread. It is rolled back when it is
    /// dropped, and when it is left alone for longer than
    /// [`transaction_idle_max`](Config::transaction_idle_max).
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Busy`].
    pub fn begin(&self) -> Result<Transaction, Error> {
        let tx = Transaction::begin(&self.inner)?;
        tx.watch()?;
        Ok(tx)
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// What it did and has at the moment.
    pub fn stats(&self) -> Stats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.inner.counters;
        let (connections, idle, waiting) = self.inner.connections();
        Stats {
            connections,
            idle,
            waiting,
            statements: of(&counters.statements),
            failed: of(&counters.failed),
            retried: of(&counters.retried),
            expired: of(&counters.expired),
        }
    }

    /// Closes it for all clones: whoever comes later gets [`Error::Unavailable`]. Connections in use
    /// are closed when they are given back.
    pub fn close(&self) {
        *self.inner.source.write() = None;
    }
}

/// A panic in the middle of a call leaves nothing half done that a later one could see: transactions
/// roll back, connections whose driver panicked are not used again.
impl std::panic::UnwindSafe for Database {}
impl std::panic::RefUnwindSafe for Database {}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

/// The statement as the back end gets it.
pub(crate) fn prepared<'a>(
    sql: &'a str,
    values: &[Value],
    want: Want,
    backend: Backend,
) -> Result<Scanned<'a>, Error> {
    let mut scanned = scan(sql, backend)?;
    let (expected, given) = (scanned.parameters, values.len());
    // `?1` of SQLite's own is one value used often: SQLite counts itself.
    if expected != given && backend != Backend::Sqlite {
        return Err(Error::Parameters { expected, given });
    }
    if want == Want::Id && backend == Backend::Postgres && !scanned.returning {
        let text = scanned.text.trim_end().trim_end_matches(';');
        scanned.text = format!("{text}\nRETURNING id").into();
    }
    Ok(scanned)
}

impl Inner {
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub fn source(&self) -> Result<Arc<Source>, Error> {
        (self.source.read().clone()).ok_or_else(|| Error::unavailable("it was closed"))
    }

    fn run(&self, sql: &str, values: &[Value], want: Want) -> Result<Outcome, Error> {
        let outcome = self.run_uncounted(sql, values, want);
        self.count(outcome.is_err());
        outcome
    }

    pub fn count(&self, failed: bool) {
        self.counters.statements.fetch_add(1, Ordering::Relaxed);
        self.counters
            .failed
            .fetch_add(failed.into(), Ordering::Relaxed);
    }

    fn run_uncounted(&self, sql: &str, values: &[Value], want: Want) -> Result<Outcome, Error> {
        let scanned = match self.is_scanned(sql) {
            true => None,
            false => Some(prepared(sql, values, want, self.backend)?),
        };
        let text = scanned.as_ref().map_or(sql, |scanned| &*scanned.text);
        if scanned.is_some() {
            self.remember_scanned(sql);
        }
        // SQLite's readers cannot write: a statement that does goes to the writer.
        if want == Want::Rows
            && let Source::File { readers, .. } = &*self.source()?
        {
            let mut reader = readers.take(&self.config)?;
            let read = reader.call(|session| session.read(text, values));
            if let Some(outcome) = read.map_err(|fault| fault.error)? {
                return Ok(outcome);
            }
        }
        let mut link = self.writing()?;
        let fault = match link.call(|session| session.run(text, values, want)) {
            Ok(outcome) => return Ok(outcome),
            Err(fault) => fault,
        };
        if !fault.unsent || !is_of_connection(&fault.error) {
            return Err(fault.error);
        }
        // Nothing was executed: once more, on a connection that answers.
        drop(link);
        self.counters.retried.fetch_add(1, Ordering::Relaxed);
        let mut link = self.answering()?;
        let again = link.call(|session| session.run(text, values, want));
        again.map_err(|fault| match fault.error {
            Error::ConnectionLost { message } if fault.unsent => Error::unavailable(message),
            error => error,
        })
    }

    /// Whether a scan of the statement would say nothing new.
    fn is_scanned(&self, sql: &str) -> bool {
        self.backend == Backend::Sqlite && self.scanned.read().contains(sql)
    }

    /// SQLite takes statements as they are: to have looked at one once is enough.
    fn remember_scanned(&self, sql: &str) {
        if self.backend != Backend::Sqlite || sql.len() > SCANNED_BYTES_MAX {
            return;
        }
        let mut scanned = self.scanned.write();
        if scanned.len() >= SCANNED_MAX {
            scanned.clear();
        }
        scanned.insert(sql.into());
    }

    /// A connection that may write.
    pub fn writing(&self) -> Result<Taken, Error> {
        let wait_max = self.config.wait_max;
        match &*self.source()? {
            Source::File { writer, .. } => writer.take(wait_max).map(Taken::Held),
            Source::Server(pool) => pool.take(&self.config),
            Source::Single(lane) => lane.take(wait_max).map(Taken::Held),
        }
    }

    /// A connection that may write and has just answered.
    pub fn answering(&self) -> Result<Taken, Error> {
        for _ in 0..=self.config.connections_max {
            let mut link = self.writing()?;
            if link.answers_now() {
                return Ok(link);
            }
        }
        Err(Error::unavailable("no connection answers"))
    }

    /// Runs something that takes its time, on a connection of its own where that can be had.
    pub fn at_length<T>(
        &self,
        work: impl FnOnce(&mut Link) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let (Source::Server(_), Address::Server(server)) = (&*self.source()?, &self.address) {
            let mut config = self.config.clone();
            config.query_time_max = MIGRATION_TIME_MAX;
            return work(&mut connect(server, &config)?);
        }
        let mut link = self.writing()?;
        let limit = |link: &mut Taken, limit: Duration| {
            link.call(|session| session.set_time_limit(limit))
                .map_err(|fault| fault.error)
        };
        limit(&mut link, MIGRATION_TIME_MAX)?;
        let done = work(&mut link);
        let reset = limit(&mut link, self.config.query_time_max);
        done.and_then(|done| reset.map(|()| done))
    }

    fn connections(&self) -> (u32, u32, usize) {
        let lane = |lane: &Lane| (1, u32::from(!lane.is_held()), lane.waiting());
        let pool = |pool: &Pool| {
            let counts = pool.counts();
            (counts.open, counts.idle, counts.waiting)
        };
        match self.source().as_deref() {
            Err(_) => (0, 0, 0),
            Ok(Source::Server(servers)) => pool(servers),
            Ok(Source::Single(single)) => lane(single),
            Ok(Source::File {
                readers, writer, ..
            }) => {
                let (a, b) = (pool(readers), lane(writer));
                (a.0 + b.0, a.1 + b.1, a.2 + b.2)
            }
        }
    }
}

/// Whether another connection may do better: this one was lost, or its prepared statement is stale.
fn is_of_connection(error: &Error) -> bool {
    match error {
        Error::ConnectionLost { .. } => true,
        Error::Other { code, .. } => code == "0A000",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crosses_threads_may() {
        fn check<T: Send + Sync>() {}
        check::<Database>();
        check::<Transaction>();
        check::<Rows>();
        check::<Error>();
    }
}
