//! Sessions in a database, of any back end: a table of sessions, and one of values by session and key.
//!
//! Texts that are compared are kept as bytes, since what two of them mean as equal would be the back end's
//! choice otherwise. Who changes a session first updates its row, which the back end locks: changes of one
//! session come one after another, and of each its own keys are written only.

use std::fmt;
use std::sync::Arc;

use harmonious_db::{Backend, Database, Error, Row, Transaction, Value};

use parking_lot::Mutex;

use super::recent::Recent;
use super::{Change, Record, Store, Stored, Updated, fits, schema};
use crate::config::{STORE_RETRIES, SWEEP_CHUNK};
use crate::error::{Result, SessionError};
use crate::id::{Handle, SessionKey};

/// What is read of a session besides its values.
const COLUMNS: &str =
    "s.handle, s.owner, s.created_ms, s.seen_ms, s.expires_ms, s.user_agent, s.address";

/// A session with its values, for every request that brings one.
const LOAD: &str = "SELECT s.handle, s.owner, s.created_ms, s.seen_ms, s.expires_ms, s.user_agent, \
                    s.address, v.name, v.content FROM harmonious_session s \
                    LEFT JOIN harmonious_session_value v ON v.handle = s.handle WHERE s.id_hash = ?";

/// Keeps sessions in a database: they outlive the process, and several servers share them.
///
/// ```
/// use harmonious_db::{Config, Database};
/// use harmonious_session::{Clock, DatabaseStore, Sessions, Settings};
///
/// let db = Database::open(&Config::new("sqlite::memory:")).unwrap();
/// let store = DatabaseStore::new(db)?;
/// let sessions = Sessions::new(store, Settings::default(), Clock::system())?;
/// # Ok::<(), harmonious_session::SessionError>(())
/// ```
#[derive(Clone)]
pub struct DatabaseStore {
    db: Database,
    recent: Arc<Mutex<Recent>>,
}

impl DatabaseStore {
    /// Keeps them in this database, whose tables `harmonious_session` and `harmonious_session_value` it
    /// makes if they are not there.
    ///
    /// # Errors
    /// If the database does not answer or does not let it make them.
    pub fn new(db: Database) -> Result<DatabaseStore> {
        schema::make(&db).map_err(|error| SessionError::store("make its tables", error))?;
        let recent = Arc::default();
        Ok(DatabaseStore { db, recent })
    }

    fn retried<T>(
        &self,
        what: &'static str,
        work: impl FnMut(&mut Transaction) -> std::result::Result<T, Error>,
    ) -> Result<T> {
        let done = self.db.transaction_retry(STORE_RETRIES, work);
        done.map_err(|error| SessionError::store(what, error))
    }
}

impl Store for DatabaseStore {
    fn load(&self, key: &SessionKey) -> Result<Option<Stored>> {
        // Before it is read: what is read is of this version, or later.
        let version = self.db.version();
        let known = version.and_then(|version| self.recent.lock().get(&version, key));
        if let Some(stored) = known {
            return Ok(Some(Stored::clone(&stored)));
        }
        let read = self.read(key);
        let read = read.map_err(|error| SessionError::store("load a session", error))?;
        if let (Some(version), Some(stored)) = (version, &read) {
            let stored = Arc::new(stored.clone());
            self.recent.lock().put(version, *key, stored);
        }
        Ok(read)
    }

    fn create(
        &self,
        key: &SessionKey,
        record: &Record,
        values: &[(&str, &[u8])],
    ) -> Result<Vec<Handle>> {
        self.retried("create a session", |tx| {
            let mut row = vec![bytes(record.handle.as_bytes())];
            row.extend(columns(key, record));
            let sql = "INSERT INTO harmonious_session (handle, id_hash, owner, created_ms, \
                       seen_ms, expires_ms, user_agent, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
            tx.execute(sql, &row)?;
            for (name, value) in values {
                self.put(tx, &record.handle, name, value)?;
            }
            // Nobody goes: a disk is bounded by how long sessions live.
            Ok(Vec::new())
        })
    }

    fn update(
        &self,
        was: &SessionKey,
        now: &SessionKey,
        record: &Record,
        changes: &[Change<'_>],
    ) -> Result<Updated> {
        let updated = self.db.transaction_retry(STORE_RETRIES, |tx| {
            let mut row = columns(now, record);
            row.extend([bytes(was.as_bytes()), bytes(record.handle.as_bytes())]);
            let sql = "UPDATE harmonious_session SET id_hash = ?, owner = ?, created_ms = ?, \
                       seen_ms = ?, expires_ms = ?, user_agent = ?, address = ? \
                       WHERE id_hash = ? AND handle = ?";
            if tx.execute(sql, &row)? == 0 {
                return Err(Stop::Gone);
            }
            for (name, value) in changes {
                match value {
                    Some(value) => self.put(tx, &record.handle, name, value)?,
                    None => remove_value(tx, &record.handle, name)?,
                }
            }
            let grows = changes.iter().any(|(_, value)| value.is_some());
            match grows && !self.is_within(tx, &record.handle)? {
                true => Err(Stop::Full),
                false => Ok(()),
            }
        });
        match updated {
            Ok(()) => Ok(Updated::Done(Vec::new())),
            Err(Stop::Gone) => Ok(Updated::Gone),
            Err(Stop::Full) => Ok(Updated::Full),
            Err(Stop::Failed(error)) => Err(SessionError::store("update a session", error)),
        }
    }

    fn remove(&self, handle: &Handle) -> Result<bool> {
        self.retried("remove a session", |tx| {
            let handle = [bytes(handle.as_bytes())];
            let was = tx.execute("DELETE FROM harmonious_session WHERE handle = ?", &handle)? > 0;
            let sql = "DELETE FROM harmonious_session_value WHERE handle = ?";
            tx.execute(sql, &handle)?;
            Ok(was)
        })
    }

    fn of_user(&self, user: &str, max: usize) -> Result<Vec<Record>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM harmonious_session s WHERE s.owner = ? \
             ORDER BY s.seen_ms DESC LIMIT {max}"
        );
        let rows = self.db.query(&sql, &[bytes(user.as_bytes())]);
        let records = rows.and_then(|rows| rows.iter().map(record).collect());
        records.map_err(|error| SessionError::store("list sessions", error))
    }

    fn count(&self, seen_from_ms: u64, created_from_ms: u64) -> Result<u64> {
        let sql = "SELECT COUNT(*) AS sessions FROM harmonious_session \
                   WHERE seen_ms >= ? AND created_ms >= ?";
        let row = self
            .db
            .query_one(sql, &[int(seen_from_ms), int(created_from_ms)]);
        let count = row.and_then(|row| row.map_or(Ok(0), |row| row.get::<i64>("sessions")));
        let count = count.map_err(|error| SessionError::store("count sessions", error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn sweep(&self, now_ms: u64, max: usize) -> Result<Vec<Handle>> {
        let sql = format!(
            "SELECT handle FROM harmonious_session WHERE expires_ms <= ? \
             ORDER BY expires_ms, handle LIMIT {max}{}",
            self.for_update()
        );
        self.retried("sweep", |tx| {
            let rows = tx.query(&sql, &[int(now_ms)])?;
            let handles: std::result::Result<Vec<Handle>, Error> =
                rows.iter().map(handle).collect();
            let handles = handles?;
            for chunk in handles.chunks(SWEEP_CHUNK) {
                let marks = vec!["?"; chunk.len()].join(", ");
                let values: Vec<Value> = chunk.iter().map(|h| bytes(h.as_bytes())).collect();
                for table in ["harmonious_session", "harmonious_session_value"] {
                    let sql = format!("DELETE FROM {table} WHERE handle IN ({marks})");
                    tx.execute(&sql, &values)?;
                }
            }
            Ok(handles)
        })
    }
}

/// Why an update is rolled back.
enum Stop {
    Gone,
    Full,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

impl DatabaseStore {
    fn read(&self, key: &SessionKey) -> std::result::Result<Option<Stored>, Error> {
        let mut stored = None;
        for row in self.db.query(LOAD, &[bytes(key.as_bytes())])? {
            let stored = match &mut stored {
                Some(stored) => stored,
                none => none.insert(Stored {
                    record: record(&row)?,
                    values: Vec::new(),
                }),
            };
            // None where a session has no values.
            if let Some(name) = row.get::<Option<Vec<u8>>>("name")? {
                stored.values.push((text(name), row.get("content")?));
            }
        }
        Ok(stored)
    }

    /// Writes one value, whether there was one or not.
    fn put(
        &self,
        tx: &mut Transaction,
        handle: &Handle,
        name: &str,
        value: &[u8],
    ) -> std::result::Result<(), Error> {
        let sql = match self.db.backend() {
            Backend::MySql => {
                "INSERT INTO harmonious_session_value (handle, name, content) VALUES (?, ?, ?) \
                 ON DUPLICATE KEY UPDATE content = VALUES(content)"
            }
            _ => {
                "INSERT INTO harmonious_session_value (handle, name, content) VALUES (?, ?, ?) \
                 ON CONFLICT (handle, name) DO UPDATE SET content = excluded.content"
            }
        };
        let row = [
            bytes(handle.as_bytes()),
            bytes(name.as_bytes()),
            bytes(value),
        ];
        tx.execute(sql, &row).map(drop)
    }

    /// Whether a session holds no more than it may, with what others wrote.
    fn is_within(&self, tx: &mut Transaction, handle: &Handle) -> std::result::Result<bool, Error> {
        let integer = match self.db.backend() {
            Backend::MySql => "SIGNED",
            _ => "BIGINT",
        };
        let sql = format!(
            "SELECT COUNT(*) AS names, \
             CAST(COALESCE(SUM(LENGTH(name) + LENGTH(content)), 0) AS {integer}) AS total \
             FROM harmonious_session_value WHERE handle = ?"
        );
        let Some(row) = tx.query_one(&sql, &[bytes(handle.as_bytes())])? else {
            return Ok(true);
        };
        let [keys, bytes] = [row.get::<i64>("names")?, row.get::<i64>("total")?];
        let size = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(fits(size(keys), size(bytes)))
    }

    /// Locks the rows that are read; SQLite has one writer at a time as it is.
    fn for_update(&self) -> &'static str {
        match self.db.backend() {
            Backend::Sqlite => "",
            _ => " FOR UPDATE",
        }
    }
}

fn remove_value(
    tx: &mut Transaction,
    handle: &Handle,
    name: &str,
) -> std::result::Result<(), Error> {
    let sql = "DELETE FROM harmonious_session_value WHERE handle = ? AND name = ?";
    tx.execute(sql, &[bytes(handle.as_bytes()), bytes(name.as_bytes())])
        .map(drop)
}

/// All columns but the handle, in the order of the statements above.
fn columns(key: &SessionKey, record: &Record) -> Vec<Value> {
    let owner = record.user.as_ref().map(|user| bytes(user.as_bytes()));
    vec![
        bytes(key.as_bytes()),
        owner.unwrap_or(Value::Null),
        int(record.created_ms),
        int(record.seen_ms),
        int(record.expires_ms),
        Value::Text(record.user_agent.clone()),
        Value::Text(record.address.clone()),
    ]
}

fn record(row: &Row) -> std::result::Result<Record, Error> {
    let time = |column| Ok(u64::try_from(row.get::<i64>(column)?).unwrap_or(0));
    Ok(Record {
        handle: handle(row)?,
        user: row.get::<Option<Vec<u8>>>("owner")?.map(text),
        created_ms: time("created_ms")?,
        seen_ms: time("seen_ms")?,
        expires_ms: time("expires_ms")?,
        user_agent: row.get("user_agent")?,
        address: row.get("address")?,
    })
}

/// A handle of another length is none of ours: it becomes one that nobody has.
fn handle(row: &Row) -> std::result::Result<Handle, Error> {
    let bytes: Vec<u8> = row.get("handle")?;
    Ok(Handle::from_bytes(bytes.try_into().unwrap_or_default()))
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

/// Times beyond the 64 bits of a signed number do not come, in the next 292 million years.
fn int(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// It was a text when it was written.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Debug for DatabaseStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseStore")
            .field(&self.db.backend())
            .finish()
    }
}
