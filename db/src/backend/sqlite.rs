//! SQLite: one connection that writes, others that only read, time limits by its progress handler.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Column, Connection, OpenFlags, Statement, ToSql};

use super::{Fault, Outcome, Session, Want};
use crate::classify;
use crate::config::{Config, Durability, SQLITE_STEPS};
use crate::error::Error;
use crate::row::{Collector, Limits, Rows};
use crate::timestamp::Timestamp;
use crate::value::Value;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Creates the file if it is not there, and writes.
    Writes,
    /// Can do nothing but read.
    Reads,
}

/// A connection to a file, or to a database in memory.
pub(crate) struct Sqlite {
    connection: Connection,
    clock: Arc<Clock>,
    limit: Duration,
    limits: Limits,
    heads: Heads,
}

/// When the statement at work has to end, for the progress handler.
struct Clock {
    start: Instant,
    /// Microseconds after `start`; the largest number for never. Relaxed: set and read by the same
    /// thread, that which runs the statement.
    end: AtomicU64,
}

impl Clock {
    fn set(&self, limit: Duration) {
        let end = (self.start.elapsed() + limit).as_micros();
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        self.end.store(end, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.start.elapsed().as_micros() > u128::from(self.end.load(Ordering::Relaxed))
    }
}

impl Sqlite {
    /// Opens a file, or with none a database in memory.
    pub fn open(path: Option<&Path>, role: Role, config: &Config) -> Result<Sqlite, Error> {
        let flags = match role {
            Role::Writes => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Role::Reads => OpenFlags::SQLITE_OPEN_READ_ONLY,
        } | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = match path {
            Some(path) => Connection::open_with_flags(path, flags),
            None => Connection::open_in_memory(),
        };
        let limit = config.query_time_max;
        let connection = opened.map_err(|error| unopened(path, told(error, limit).error))?;
        let clock = Arc::new(Clock {
            start: Instant::now(),
            end: AtomicU64::new(u64::MAX),
        });
        let mut sqlite = Sqlite {
            connection,
            clock,
            limit,
            limits: Limits::of(config),
            heads: Heads::default(),
        };
        (sqlite.set_up(role, config)).map_err(|error| unopened(path, told(error, limit).error))?;
        Ok(sqlite)
    }

    fn set_up(&mut self, role: Role, config: &Config) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.busy_timeout(config.wait_max)?;
        connection.set_prepared_statement_cache_capacity(config.statements_cached.max(1));
        connection.pragma_update(None, "foreign_keys", true)?;
        if role == Role::Writes {
            to_wal(connection, config.wait_max)?;
            let synchronous = match config.durability {
                Durability::Disk => "FULL",
                Durability::System => "NORMAL",
            };
            connection.pragma_update(None, "synchronous", synchronous)?;
        }
        let clock = Arc::clone(&self.clock);
        connection.progress_handler(SQLITE_STEPS, Some(move || clock.is_over()))
    }

    /// For backups, which SQLite makes between two connections.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Runs without a time limit, or within the one that is set.
    fn timed<T>(
        &self,
        run: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, Fault> {
        self.clock.set(self.limit);
        let result = run(&self.connection);
        self.clock.end.store(u64::MAX, Ordering::Relaxed);
        result.map_err(|error| told(error, self.limit))
    }
}

/// Readers go on beside a writer in this mode. Two processes that switch at once can get in each
/// other's way without the busy timeout having a say.
fn to_wal(connection: &Connection, wait_max: Duration) -> rusqlite::Result<()> {
    let until = Instant::now() + wait_max;
    loop {
        let set = connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()));
        match set {
            Err(error) if is_busy(&error) && Instant::now() < until => {
                std::thread::sleep(crate::config::LOCKED_PAUSE);
            }
            other => return other,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseBusy | DatabaseLocked)
    )
}

fn unopened(path: Option<&Path>, error: Error) -> Error {
    let path = path.unwrap_or(Path::new(":memory:")).display();
    match error {
        Error::Busy { message } | Error::Unavailable { message, .. } => {
            Error::unavailable(format!("{path}: {message}"))
        }
        error => Error::config(format!("{path} cannot be opened: {error}")),
    }
}

/// What an error of rusqlite means.
pub(crate) fn told(error: rusqlite::Error, limit: Duration) -> Fault {
    use rusqlite::Error as E;
    if let E::InvalidParameterCount(given, expected) = error {
        return Error::Parameters { expected, given }.into();
    }
    Fault::told(match error {
        E::SqliteFailure(code, message) => {
            let message = message.unwrap_or_else(|| code.to_string());
            classify::sqlite(code.extended_code, &message, limit)
        }
        E::SqlInputError { error, msg, .. } => classify::sqlite(error.extended_code, &msg, limit),
        E::MultipleStatement => Error::syntax("several statements in one"),
        // Of what remains some show values.
        _ => Error::Other {
            code: "rusqlite".to_owned(),
            message: "the driver refused the statement or a value".to_owned(),
        },
    })
}

impl Session for Sqlite {
    fn run(&mut self, sql: &str, values: &[Value], want: Want) -> Result<Outcome, Fault> {
        let limits = self.limits;
        let done = self.timed(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            bind(&mut statement, values)?;
            let before = connection.total_changes();
            let rows = match collect(&mut statement, &self.heads, limits)? {
                Ok(rows) => rows,
                Err(too_large) => return Ok(Err(too_large)),
            };
            // Statements that change no row leave the number of the one before.
            let changed = connection.total_changes() != before;
            let changes = if changed { connection.changes() } else { 0 };
            let first = rows.iter().next().and_then(|row| row.at(0).ok());
            // Of a statement that inserted nothing it would be the id of an earlier one.
            let id = match want {
                Want::Id => first.or(changed.then(|| connection.last_insert_rowid())),
                _ => None,
            };
            Ok(Ok(Outcome { changes, rows, id }))
        })?;
        Ok(done?)
    }

    fn script(&mut self, sql: &str) -> Result<(), Fault> {
        self.timed(|connection| connection.execute_batch(sql))
    }

    fn read(&mut self, sql: &str, values: &[Value]) -> Result<Option<Outcome>, Fault> {
        let limits = self.limits;
        let rows = self.timed(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            if !statement.readonly() {
                return Ok(None);
            }
            bind(&mut statement, values)?;
            collect(&mut statement, &self.heads, limits).map(Some)
        })?;
        let outcome = |rows| Outcome {
            rows,
            ..Outcome::default()
        };
        Ok(rows.transpose()?.map(outcome))
    }

    fn answers(&mut self) -> bool {
        true
    }

    fn is_broken(&self) -> bool {
        false
    }

    fn in_transaction(&self) -> Option<bool> {
        Some(!self.connection.is_autocommit())
    }

    fn set_time_limit(&mut self, limit: Duration) -> Result<(), Fault> {
        self.limit = limit;
        Ok(())
    }

    fn as_sqlite(&mut self) -> Option<&mut Sqlite> {
        Some(self)
    }
}

fn bind(statement: &mut CachedStatement<'_>, values: &[Value]) -> rusqlite::Result<()> {
    let expected = statement.parameter_count();
    if expected != values.len() {
        return Err(rusqlite::Error::InvalidParameterCount(
            values.len(),
            expected,
        ));
    }
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, Bound(value))?;
    }
    Ok(())
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = |text: String| ToSqlOutput::Owned(text.into());
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(Null.into()),
            Value::Bool(it) => ToSqlOutput::Owned((*it).into()),
            Value::Int(it) => ToSqlOutput::Owned((*it).into()),
            Value::Float(it) => ToSqlOutput::Owned((*it).into()),
            Value::Text(it) => ToSqlOutput::Borrowed(ValueRef::Text(it.as_bytes())),
            Value::Bytes(it) => ToSqlOutput::Borrowed(ValueRef::Blob(it)),
            Value::Timestamp(it) => text(it.to_string()),
            Value::Json(it) => text(it.to_string()),
        })
    }
}

/// What a result begins with.
struct Head {
    names: Arc<Vec<String>>,
    /// As the table declares the columns, and what that means.
    declared: Vec<(Option<String>, Declared)>,
}

/// Heads of late results: most statements are executed again and again. Sought by looking, since a hash of the
/// names costs as much as comparing them.
#[derive(Default)]
struct Heads(RefCell<VecDeque<Arc<Head>>>);

/// A connection remembers so many: more than a page has statements.
const HEADS_MAX: usize = 16;

impl Heads {
    /// That of a statement; a known one, if it has the same columns.
    fn of(&self, statement: &Statement<'_>) -> Arc<Head> {
        let columns = statement.columns();
        let mut heads = self.0.borrow_mut();
        if let Some(at) = heads.iter().position(|head| head.fits(&columns)) {
            // The last one used is looked at first.
            heads.swap(0, at);
            return Arc::clone(&heads[0]);
        }
        let head = Arc::new(Head {
            names: Arc::new(columns.iter().map(|c| c.name().to_owned()).collect()),
            declared: (columns.iter())
                .map(|column| {
                    let declared = column.decl_type();
                    (declared.map(str::to_owned), Declared::new(declared))
                })
                .collect(),
        });
        heads.truncate(HEADS_MAX - 1);
        heads.push_front(Arc::clone(&head));
        head
    }
}

impl Head {
    fn fits(&self, columns: &[Column<'_>]) -> bool {
        let known = self.names.iter().zip(&self.declared);
        self.names.len() == columns.len()
            && known.zip(columns).all(|((name, (declared, _)), column)| {
                name == column.name() && declared.as_deref() == column.decl_type()
            })
    }
}

/// Steps through all rows; the inner error is one of our own bounds.
fn collect(
    statement: &mut Statement<'_>,
    heads: &Heads,
    limits: Limits,
) -> rusqlite::Result<Result<Rows, Error>> {
    let mut begun: Option<(Collector, Arc<Head>)> = None;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        // Not before the first step: it may prepare the statement again, with other columns.
        let (collector, head) = begun.get_or_insert_with(|| begin(row.as_ref(), heads, limits));
        let cells = head.declared.iter().enumerate();
        let values: rusqlite::Result<Vec<Value>> = cells
            .map(|(index, (_, declared))| Ok(declared.value(row.get_ref(index)?)))
            .collect();
        if let Err(too_large) = collector.push(values?) {
            return Ok(Err(too_large));
        }
    }
    drop(rows);
    let (collector, _) = begun.unwrap_or_else(|| begin(statement, heads, limits));
    Ok(Ok(collector.finish()))
}

fn begin(statement: &Statement<'_>, heads: &Heads, limits: Limits) -> (Collector, Arc<Head>) {
    let head = heads.of(statement);
    (Collector::new(Arc::clone(&head.names), limits), head)
}

/// What the table says of a column: SQLite itself keeps numbers, texts and bytes only.
enum Declared {
    Plain,
    Bool,
    Timestamp,
    Json,
}

impl Declared {
    fn new(declared: Option<&str>) -> Declared {
        let word = declared.unwrap_or_default().split('(').next();
        let word = word.unwrap_or_default().trim();
        let is_one_of = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        match () {
            () if is_one_of(&["BOOL", "BOOLEAN"]) => Declared::Bool,
            () if is_one_of(&["TIMESTAMP", "TIMESTAMPTZ", "DATETIME"]) => Declared::Timestamp,
            () if is_one_of(&["JSON", "JSONB"]) => Declared::Json,
            () => Declared::Plain,
        }
    }

    fn value(&self, value: ValueRef<'_>) -> Value {
        match (value, self) {
            (ValueRef::Null, _) => Value::Null,
            (ValueRef::Integer(it @ 0..=1), Declared::Bool) => Value::Bool(it == 1),
            // A document that is a number only: such columns keep numbers as numbers.
            (ValueRef::Integer(it), Declared::Json) => Value::Json(it.into()),
            (ValueRef::Real(it), Declared::Json) => Value::Json(it.into()),
            (ValueRef::Integer(it), _) => Value::Int(it),
            (ValueRef::Real(it), _) => Value::Float(it),
            (ValueRef::Blob(it), _) => Value::Bytes(it.to_vec()),
            (ValueRef::Text(it), declared) => declared.text(String::from_utf8_lossy(it).into()),
        }
    }

    /// What is not of the declared form stays a text.
    fn text(&self, text: String) -> Value {
        match self {
            Declared::Timestamp => match text.parse::<Timestamp>() {
                Ok(moment) => Value::Timestamp(moment),
                Err(_) => Value::Text(text),
            },
            Declared::Json => match serde_json::from_str(&text) {
                Ok(document) => Value::Json(document),
                Err(_) => Value::Text(text),
            },
            _ => Value::Text(text),
        }
    }
}
