//! A transaction: statements that take effect together or not at all.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::backend::{Backend, Fault, Link, Outcome, Want};
use crate::config::SAVEPOINTS_MAX;
use crate::database::{Inner, id_of, prepared};
use crate::error::Error;
use crate::pool::Taken;
use crate::row::{Row, Rows};
use crate::value::Value;

/// A transaction, from [`Database::transaction`](crate::Database::transaction) or
/// [`Database::begin`](crate::Database::begin). Dropped without a commit it is rolled back.
///
/// It can be sent to another thread, and its statements can be called by one thread at a time.
///
/// ```
/// # let db = harmonious_db::Database::open(&harmonious_db::Config::new("sqlite::memory:"))?;
/// # db.script("CREATE TABLE t (n INTEGER UNIQUE)")?;
/// use harmonious_db::{Error, params};
///
/// db.transaction(|tx| {
///     tx.execute("INSERT INTO t VALUES (?)", &params![1])?;
///     let second = tx.savepoint(|tx| tx.execute("INSERT INTO t VALUES (?)", &params![1]));
///     assert!(matches!(second, Err(Error::Unique { .. })));
///     Ok::<(), Error>(()) // the first one stays
/// })?;
/// # assert_eq!(db.query("SELECT n FROM t", &[])?.len(), 1);
/// # Ok::<(), Error>(())
/// ```
pub struct Transaction {
    shared: Arc<Shared>,
    inner: Arc<Inner>,
    /// How many savepoints are open.
    depth: usize,
}

/// A transaction that the caller holds: what [`Database::begin`](crate::Database::begin) returns.
pub type OwnedTransaction = Transaction;

/// What the watch over idle transactions sees of one.
pub(crate) struct Shared {
    state: Mutex<State>,
}

struct State {
    /// None when it is over.
    link: Option<Taken>,
    /// Why it is over, or cannot be committed.
    doomed: Option<String>,
    /// A statement, or the commit, failed because somebody else was in the way.
    busy: bool,
    /// When it was last used.
    used: Instant,
}

impl Transaction {
    pub(crate) fn begin(inner: &Arc<Inner>) -> Result<Transaction, Error> {
        let link = begun(inner);
        inner.count(link.is_err());
        let state = State {
            link: Some(link?),
            doomed: None,
            busy: false,
            used: Instant::now(),
        };
        let state = Mutex::new(state);
        Ok(Transaction {
            shared: Arc::new(Shared { state }),
            inner: Arc::clone(inner),
            depth: 0,
        })
    }

    /// To be rolled back when it is left alone for too long.
    pub(crate) fn watch(&self) -> Result<(), Error> {
        let watch = &self.inner.watch;
        watch.add(&self.shared, &self.inner)
    }

    /// As [`Database::execute`](crate::Database::execute).
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Transaction`] when it is over, or a statement failed before.
    pub fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        Ok(self.run(sql, values, Want::Changes)?.changes)
    }

    /// As [`Database::insert`](crate::Database::insert).
    ///
    /// # Errors
    /// As for [`execute`](Transaction::execute).
    pub fn insert(&mut self, sql: &str, values: &[Value]) -> Result<i64, Error> {
        id_of(&self.run(sql, values, Want::Id)?)
    }

    /// As [`Database::query`](crate::Database::query).
    ///
    /// # Errors
    /// As for [`execute`](Transaction::execute).
    pub fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, Error> {
        Ok(self.run(sql, values, Want::Rows)?.rows)
    }

    /// As [`Database::query_one`](crate::Database::query_one).
    ///
    /// # Errors
    /// As for [`execute`](Transaction::execute).
    pub fn query_one(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// As [`Database::script`](crate::Database::script).
    ///
    /// # Errors
    /// As for [`execute`](Transaction::execute).
    pub fn script(&mut self, sql: &str) -> Result<(), Error> {
        self.with(|link| link.script(sql))
    }

    /// Runs a closure whose statements are undone if it returns an error or panics, and the
    /// transaction goes on.
    ///
    /// # Errors
    /// The closure's; [`Error::Transaction`] beyond 32 savepoints within each other.
    pub fn savepoint<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.depth == SAVEPOINTS_MAX {
            let text = format!("more than {SAVEPOINTS_MAX} savepoints within each other");
            return Err(Error::transaction(text).into());
        }
        let name = format!("harmonious_{}", self.depth);
        self.script(&format!("SAVEPOINT {name}"))?;
        self.depth += 1;
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        self.depth -= 1;
        match done {
            Ok(Ok(value)) => {
                // A failure that the closure kept to itself would be half of what it did.
                let released = self.script(&format!("RELEASE SAVEPOINT {name}"));
                if released.is_err() {
                    self.undo_to(&name);
                }
                released?;
                Ok(value)
            }
            Ok(Err(error)) => {
                self.undo_to(&name);
                Err(error)
            }
            Err(panic) => {
                self.undo_to(&name);
                resume_unwind(panic)
            }
        }
    }

    /// Back to a savepoint; with it goes the mark that a statement failed since. Where even that
    /// fails, the transaction is lost.
    fn undo_to(&mut self, name: &str) {
        let mut state = self.shared.state.lock();
        let Some(link) = &mut state.link else {
            return;
        };
        let sql = format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}");
        match link.script(&sql) {
            Ok(()) => state.doomed = None,
            Err(fault) => drop(state.doomed.get_or_insert(fault.error.to_string())),
        }
    }

    /// Commits it. After an error nothing of it remains; only when the connection was lost meanwhile
    /// ([`Error::ConnectionLost`]) it is not known whether the commit was carried out.
    ///
    /// # Errors
    /// [`Error::Transaction`] when it is over, or a statement failed; any [`Error`] of the database.
    pub fn commit(mut self) -> Result<(), Error> {
        self.try_commit()
    }

    /// Undoes all of it; so does dropping it.
    pub fn rollback(self) {}

    pub(crate) fn try_commit(&mut self) -> Result<(), Error> {
        let mut state = self.shared.state.lock();
        state.check()?;
        // PostgreSQL would take the `COMMIT` of a failed transaction and roll back without a word.
        let committed = state.on_link(|link| link.script("COMMIT"));
        if committed.is_ok() {
            state.doomed = Some("the transaction is committed already".to_owned());
            state.link = None;
        }
        committed
    }

    pub(crate) fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// Whether somebody else was in the way.
    pub(crate) fn was_busy(&self) -> bool {
        self.shared.state.lock().busy
    }

    fn run(&mut self, sql: &str, values: &[Value], want: Want) -> Result<Outcome, Error> {
        let statement = prepared(sql, values, want, self.inner.backend)?;
        self.with(|link| link.call(|session| session.run(&statement.text, values, want)))
    }

    fn with<T>(&mut self, call: impl FnOnce(&mut Link) -> Result<T, Fault>) -> Result<T, Error> {
        let mut state = self.shared.state.lock();
        state.check()?;
        state.on_link(call)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.shared.state.lock().roll_back("it was rolled back");
    }
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

/// A connection with an open transaction. To begin one changes nothing, so dead connections are
/// passed over until one does.
fn begun(inner: &Inner) -> Result<Taken, Error> {
    let begin = match inner.backend {
        // The right to write at once: a reader that wants to write later may find that it cannot.
        Backend::Sqlite => "BEGIN IMMEDIATE",
        Backend::Postgres => "BEGIN",
        Backend::MySql => "START TRANSACTION",
    };
    let mut link = inner.writing()?;
    let first = link.script(begin);
    match first {
        Ok(()) => return Ok(link),
        Err(Fault {
            error: Error::ConnectionLost { .. },
            ..
        }) => drop(link),
        Err(fault) => return Err(fault.error),
    }
    let mut link = inner.answering()?;
    link.script(begin).map_err(|fault| match fault.error {
        Error::ConnectionLost { message } => Error::unavailable(message),
        error => error,
    })?;
    Ok(link)
}

impl Shared {
    /// When it will have been left alone for too long; none if it is over. One that is at work is
    /// not alone.
    pub fn idle_until(&self, limit: Duration) -> Option<Instant> {
        match self.state.try_lock() {
            Some(state) => state.link.as_ref().map(|_| state.used + limit),
            None => Some(Instant::now() + limit),
        }
    }

    /// Rolls it back if it was left alone for too long.
    pub fn expire(&self, limit: Duration, inner: &Inner) {
        let Some(mut state) = self.state.try_lock() else {
            return;
        };
        if state.link.is_some() && state.used.elapsed() >= limit {
            inner.counters().expired.fetch_add(1, Ordering::Relaxed);
            state.roll_back(&format!("it was left alone for {limit:?} and rolled back"));
        }
    }
}

impl State {
    fn check(&self) -> Result<(), Error> {
        match &self.doomed {
            None => Ok(()),
            Some(why) => Err(Error::transaction(format!(
                "this transaction cannot go on: {why}"
            ))),
        }
    }

    fn on_link<T>(&mut self, call: impl FnOnce(&mut Link) -> Result<T, Fault>) -> Result<T, Error> {
        let Some(link) = &mut self.link else {
            return Err(Error::transaction("this transaction is over"));
        };
        let result = call(link);
        self.used = Instant::now();
        result.map_err(|fault| {
            self.busy |= matches!(fault.error, Error::Busy { .. });
            if fault.dooms && self.doomed.is_none() {
                self.doomed = Some(format!("a statement failed: {}", fault.error));
            }
            fault.error
        })
    }

    /// Ends it. A connection that does not take the rollback is not used again.
    fn roll_back(&mut self, why: &str) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        self.doomed.get_or_insert_with(|| why.to_owned());
        if link.is_broken() || link.in_transaction() == Some(false) {
            return;
        }
        if link.script("ROLLBACK").is_err() {
            link.spoil();
        }
    }
}
