//! A transaction: statements that take effect together or not at all.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::backend::{Backend, Fault, Link, Outcome, Want};
use crate::config::SAVEPOINTS_MAX;
use crate::database::{Inner, prepared};
use crate::error::Error;
use crate::inserted::{about_id, id_of};
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
    /// The savepoints that are open, the outermost first.
    savepoints: Vec<Savepoint>,
    /// How many there were, so that each has a number of its own.
    savepoints_made: u64,
}

/// A part of a transaction, as [`Transaction::begin_savepoint`] returns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Savepoint(u64);

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
            savepoints: Vec::new(),
            savepoints_made: 0,
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
        let backend = self.backend();
        let outcome = self.run(sql, values, Want::Id);
        id_of(&outcome.map_err(|error| about_id(error, sql, backend))?)
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
        let savepoint = self.begin_savepoint()?;
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        match done {
            Ok(Ok(value)) => {
                self.release_savepoint(savepoint)?;
                Ok(value)
            }
            // That it is over already, by an end of the one around it, changes nothing.
            Ok(Err(error)) => {
                let _ = self.undo_savepoint(savepoint);
                Err(error)
            }
            Err(panic) => {
                let _ = self.undo_savepoint(savepoint);
                resume_unwind(panic)
            }
        }
    }

    /// Begins a part that can be undone by itself, for callers that cannot wrap it into a closure as
    /// [`savepoint`](Transaction::savepoint) does. It ends by
    /// [`release_savepoint`](Transaction::release_savepoint) or
    /// [`undo_savepoint`](Transaction::undo_savepoint), or with the transaction.
    ///
    /// ```
    /// # let db = harmonious_db::Database::open(&harmonious_db::Config::new("sqlite::memory:"))?;
    /// # db.script("CREATE TABLE t (n INTEGER)")?;
    /// let mut tx = db.begin()?;
    /// tx.execute("INSERT INTO t VALUES (1)", &[])?;
    /// let part = tx.begin_savepoint()?;
    /// tx.execute("INSERT INTO t VALUES (2)", &[])?;
    /// tx.undo_savepoint(part)?;
    /// tx.commit()?;
    /// assert_eq!(db.query("SELECT n FROM t", &[])?.len(), 1);
    /// # Ok::<(), harmonious_db::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`execute`](Transaction::execute); [`Error::Transaction`] beyond 32 of them within each
    /// other.
    pub fn begin_savepoint(&mut self) -> Result<Savepoint, Error> {
        if self.savepoints.len() == SAVEPOINTS_MAX {
            let text = format!("more than {SAVEPOINTS_MAX} savepoints within each other");
            return Err(Error::transaction(text));
        }
        let savepoint = Savepoint(self.savepoints_made);
        self.script(&format!("SAVEPOINT {}", savepoint.name()))?;
        self.savepoints_made += 1;
        self.savepoints.push(savepoint);
        Ok(savepoint)
    }

    /// Ends a part that stays, with those within it. If a statement of it failed, it is undone.
    ///
    /// # Errors
    /// [`Error::Transaction`] when it is over, or a statement of it failed; any [`Error`] of the database.
    pub fn release_savepoint(&mut self, savepoint: Savepoint) -> Result<(), Error> {
        self.end(savepoint)?;
        // A failure that the caller kept to itself would be half of what it did.
        let released = self.script(&format!("RELEASE SAVEPOINT {}", savepoint.name()));
        if released.is_err() {
            self.undo_to(savepoint);
        }
        released
    }

    /// Undoes a part, with those within it; the transaction goes on as if it had not been.
    ///
    /// # Errors
    /// [`Error::Transaction`] when it is over.
    pub fn undo_savepoint(&mut self, savepoint: Savepoint) -> Result<(), Error> {
        self.end(savepoint)?;
        self.undo_to(savepoint);
        Ok(())
    }

    /// Takes it and those within it from the list.
    fn end(&mut self, savepoint: Savepoint) -> Result<(), Error> {
        let at = self.savepoints.iter().position(|open| *open == savepoint);
        let at = at.ok_or_else(|| Error::transaction("this savepoint is over"))?;
        self.savepoints.truncate(at);
        Ok(())
    }

    /// Back to a savepoint; with it goes the mark that a statement failed since. Where even that
    /// fails, the transaction is lost.
    fn undo_to(&mut self, savepoint: Savepoint) {
        let mut state = self.shared.state.lock();
        let Some(link) = &mut state.link else {
            return;
        };
        let name = savepoint.name();
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

impl Savepoint {
    fn name(self) -> String {
        format!("harmonious_{}", self.0)
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
