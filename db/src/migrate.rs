//! Migrations: numbered SQL files, applied once each and in order, by one server at a time.
//!
//! `refinery` keeps the table of what was applied (`refinery_schema_history`) and finds what
//! differs; our connections stand in for its drivers. Each migration runs in a transaction with its
//! line of that table, where the back end can: MySQL commits at each change of a table.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Instant;

use refinery_core::error::Kind;
use refinery_core::traits::sync::{Migrate, Query, Transaction};
use refinery_core::{Migration, Runner, Target};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::backend::{Backend, Link, Want};
use crate::config::{LOCKED_PAUSE, MIGRATION_WAIT_MAX};
use crate::database::Database;
use crate::error::Error;
use crate::timestamp::Timestamp;
use crate::url::Address;

/// refinery's own, so that its tools read it too.
const HISTORY: &str =
    "SELECT version, name, applied_on, checksum FROM refinery_schema_history ORDER BY version";

/// The migrations of a site for one back end.
///
/// A folder has the common ones (`V1__scripts.sql`), and in folders named `sqlite`, `postgres` and
/// `mysql` those that differ (`sqlite/V2__search.sql`). A number is either common or has a file for
/// the back end, not both.
#[derive(Debug, Clone)]
pub struct Migrations {
    list: Vec<Migration>,
}

/// One migration, compared with what the database says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub state: State,
    /// When it was applied.
    pub applied_on: Option<Timestamp>,
}

/// What is known of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was applied as it is.
    Applied,
    /// It will be applied.
    Pending,
    /// It was applied, and has another name or text today: nothing more is applied.
    Changed,
    /// It was applied, and is not there today: nothing more is applied.
    Missing,
}

impl Migrations {
    /// Reads a folder.
    ///
    /// # Errors
    /// [`Error::Migration`] if it cannot be read, a file has a wrong name, or a number comes twice.
    pub fn read(folder: impl AsRef<Path>, backend: Backend) -> Result<Migrations, Error> {
        let folder = folder.as_ref();
        let mut files = sql_files(folder)?;
        let own = folder.join(backend.name());
        if own.is_dir() {
            files.extend(sql_files(&own)?);
        }
        let mut named = Vec::new();
        for path in files {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            named.push((name.into_owned(), text));
        }
        Migrations::new(
            named
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str())),
        )
    }

    /// From names (`V1__scripts`) and texts, as of `include_str!`.
    ///
    /// # Errors
    /// As for [`read`](Migrations::read).
    ///
    /// ```
    /// use harmonious_db::{Config, Database, Migrations};
    ///
    /// let db = Database::open(&Config::new("sqlite::memory:"))?;
    /// let migrations = Migrations::new([("V1__first", "CREATE TABLE t (n INTEGER)")])?;
    /// assert_eq!(db.migrate(&migrations)?, ["V1__first"]);
    /// assert!(db.migrate(&migrations)?.is_empty());
    /// # Ok::<(), harmonious_db::Error>(())
    /// ```
    pub fn new<'a>(
        named: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Migrations, Error> {
        let mut list: Vec<Migration> = Vec::new();
        for (name, text) in named {
            let migration = Migration::unapplied(name, text)
                .ok()
                .filter(|_| name.starts_with('V'))
                .ok_or_else(|| {
                    Error::migration(format!(
                        "the migration {name:?} is not called V1__name.sql, with a number of its own: rename it"
                    ))
                })?;
            if let Some(same) = list.iter().find(|m| m.version() == migration.version()) {
                return Err(Error::migration(format!(
                    "the migrations {same} and {migration} have one number: give one of them another"
                )));
            }
            list.push(migration);
        }
        list.sort();
        Ok(Migrations { list })
    }
}

fn sql_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        if path.extension().is_some_and(|end| end == "sql") {
            files.push(path);
        }
    }
    Ok(files)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::migration(format!("{}: cannot be read: {error}", path.display()))
}

impl Database {
    /// Applies what is pending and names it. Of several servers that start at once one does it, the
    /// others wait and find nothing left to do.
    ///
    /// # Errors
    /// [`Error::Migration`] if an applied migration was changed or is gone, one came with a number
    /// below the last applied one, or one failed.
    pub fn migrate(&self, migrations: &Migrations) -> Result<Vec<String>, Error> {
        self.locked(|link, backend| {
            let mut through = Through { link, backend };
            let pending = pending(&mut through, &migrations.list)?;
            for migration in &pending {
                let runner = Runner::new(&migrations.list)
                    .set_grouped(true)
                    .set_target(Target::Version(migration.version()));
                (runner.run(&mut through)).map_err(|error| failed(&error, migration, backend))?;
            }
            Ok(pending.iter().map(ToString::to_string).collect())
        })
    }

    /// Compares migrations with what the database says was applied.
    ///
    /// # Errors
    /// Any [`Error`] of reading that.
    pub fn migration_status(&self, migrations: &Migrations) -> Result<Vec<Status>, Error> {
        let applied = match self.query(HISTORY, &[]) {
            Ok(rows) => rows.iter().map(applied).collect::<Result<Vec<_>, _>>()?,
            // There is no such table yet.
            Err(Error::Syntax { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let find = |list: &[Migration], version| -> Option<Migration> {
            list.iter().find(|m| m.version() == version).cloned()
        };
        let mut all: Vec<Migration> = migrations.list.clone();
        let today = &migrations.list;
        all.extend(
            applied
                .iter()
                .filter(|m| find(today, m.version()).is_none())
                .cloned(),
        );
        all.sort();
        let status = |migration: &Migration| {
            let version = migration.version();
            let done = find(&applied, version);
            let state = match (&done, find(&migrations.list, version)) {
                (None, _) => State::Pending,
                (Some(_), None) => State::Missing,
                (Some(done), Some(today)) if *done != today => State::Changed,
                _ => State::Applied,
            };
            Status {
                version,
                name: migration.name().to_owned(),
                state,
                applied_on: done
                    .and_then(|m| m.applied_on().copied())
                    .map(Timestamp::from),
            }
        };
        Ok(all.iter().map(status).collect())
    }

    /// Runs what only one server may do at a time, on a connection without the usual time limit.
    pub(crate) fn locked<T>(
        &self,
        work: impl FnOnce(&mut Link, Backend) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let backend = self.backend();
        let _file = match &self.inner.address {
            Address::File(path) => Some(lock_file(path)?),
            _ => None,
        };
        self.inner.at_length(|link| {
            let seconds = MIGRATION_WAIT_MAX.as_secs();
            let (lock, unlock) = match backend {
                Backend::Sqlite => return work(link, backend),
                Backend::Postgres => (
                    "SELECT 1 FROM (SELECT pg_advisory_lock(hashtext('harmonious'), 0)) AS l"
                        .to_owned(),
                    "SELECT pg_advisory_unlock(hashtext('harmonious'), 0)",
                ),
                // Such locks are the server's, not the database's: its name is in theirs.
                Backend::MySql => (
                    format!("SELECT GET_LOCK(CONCAT('hm.', SHA1(DATABASE())), {seconds})"),
                    "SELECT RELEASE_LOCK(CONCAT('hm.', SHA1(DATABASE())))",
                ),
            };
            let run = |link: &mut Link, sql: &str| {
                link.call(|session| session.run(sql, &[], Want::Rows))
                    .map_err(|fault| fault.error)
            };
            let got: Option<i64> = run(link, &lock)?.rows[0].at(0)?;
            if got != Some(1) {
                let message = format!("another server migrated for more than {seconds} s");
                return Err(Error::Busy { message });
            }
            let done = work(link, backend);
            // The lock ends with its connection at the latest.
            let _ = run(link, unlock);
            done
        })
    }
}

/// A lock beside the database: SQLite's own would not span several transactions.
fn lock_file(database: &Path) -> Result<File, Error> {
    let mut path = database.as_os_str().to_owned();
    path.push("-migrate");
    let path = PathBuf::from(path);
    let open = File::options().create(true).append(true).open(&path);
    let file = open.map_err(|error| unreadable(&path, &error))?;
    let until = Instant::now() + MIGRATION_WAIT_MAX;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(unreadable(&path, &error)),
            Err(TryLockError::WouldBlock) if Instant::now() > until => {
                let path = path.display();
                let message = format!("another server holds {path} for {MIGRATION_WAIT_MAX:?}");
                return Err(Error::Busy { message });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCKED_PAUSE),
        }
    }
}

/// What is to be applied, if all that was applied is still the same.
fn pending(through: &mut Through<'_>, list: &[Migration]) -> Result<Vec<Migration>, Error> {
    let mut pending = (through)
        .get_unapplied_migrations(list, true, true, "refinery_schema_history")
        .map_err(|error| told(&error))?;
    pending.sort();
    Ok(pending)
}

/// A connection as refinery sees it.
struct Through<'a> {
    link: &'a mut Link,
    backend: Backend,
}

impl Transaction for Through<'_> {
    type Error = Error;

    fn execute<'a, T: Iterator<Item = &'a str>>(&mut self, queries: T) -> Result<usize, Error> {
        let mut count = 0;
        let run = || {
            self.link.script(match self.backend {
                Backend::Sqlite => "BEGIN IMMEDIATE",
                Backend::Postgres => "BEGIN",
                Backend::MySql => "START TRANSACTION",
            })?;
            for query in queries {
                self.link.script(query)?;
                count += 1;
            }
            self.link.script("COMMIT")
        };
        if let Err(fault) = run() {
            if self.link.in_transaction() != Some(false) {
                let _ = self.link.script("ROLLBACK");
            }
            return Err(fault.error);
        }
        Ok(count)
    }
}

impl Query<Vec<Migration>> for Through<'_> {
    fn query(&mut self, query: &str) -> Result<Vec<Migration>, Error> {
        let query = query.trim_end_matches(';');
        let ran = self
            .link
            .call(|session| session.run(query, &[], Want::Rows));
        let outcome = ran.map_err(|fault| fault.error)?;
        outcome.rows.iter().map(applied).collect()
    }
}

impl Migrate for Through<'_> {}

/// A line of refinery's table.
fn applied(row: &crate::row::Row) -> Result<Migration, Error> {
    let (on, sum): (String, String) = (row.get("applied_on")?, row.get("checksum")?);
    let odd = |_| Error::migration("the table refinery_schema_history holds something else");
    let on = OffsetDateTime::parse(&on, &Rfc3339).map_err(|_| odd(()))?;
    let sum = sum.parse::<u64>().map_err(|_| odd(()))?;
    Ok(Migration::applied(
        row.get("version")?,
        row.get("name")?,
        on,
        sum,
    ))
}

/// What refinery found wrong before anything was applied.
fn told(error: &refinery_core::Error) -> Error {
    Error::migration(match error.kind() {
        Kind::DivergentVersion(was, is) => format!(
            "the migration {was} was changed since it was applied (today: {is}): restore its file, \
             and put the change into a new migration"
        ),
        Kind::MissingVersion(migration) => format!(
            "the migration {migration} is on one side only, and below the last that was applied: \
             restore its file, or give a new one the next number"
        ),
        Kind::Connection(_, cause) => match cause.downcast_ref::<Error>() {
            Some(error) => return error.clone(),
            None => cause.to_string(),
        },
        other => other.to_string(),
    })
}

/// Why a migration was not applied; that the database is away stays that.
fn failed(error: &refinery_core::Error, migration: &Migration, backend: Backend) -> Error {
    let error = told(error);
    if error.is_unavailable() {
        return error;
    }
    let rest = match backend {
        Backend::MySql => "changes of tables before the error remain: look what is there",
        _ => "nothing of it remains",
    };
    Error::migration(format!(
        "the migration {migration} failed: {error} ({rest})"
    ))
}
