//! Backups of a live database, consistent as of one moment, and restoring them into an empty one.
//!
//! SQLite's own backup interface writes a database file. Servers are asked through their own tools,
//! which know every kind of object that a database may hold; they write SQL.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use crate::backend::sqlite::{Role, Sqlite, told};
use crate::backend::{Backend, Fault};
use crate::config::{LOCKED_PAUSE, MIGRATION_TIME_MAX, TOOL_SAYS_MAX};
use crate::database::Database;
use crate::error::Error;
use crate::url::{Address, Server};

impl Database {
    /// Writes a backup into a new file, readable by its owner only. Others go on reading and writing
    /// meanwhile; what they commit after the start is not in it.
    ///
    /// # Errors
    /// [`Error::Backup`] if the file exists or cannot be written, or a tool fails or is missing.
    pub fn backup(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        let file = file.as_ref();
        if file.exists() {
            let file = file.display();
            return Err(Error::backup(format!(
                "{file} exists already: name a new file"
            )));
        }
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let written = NamedTempFile::new_in(folder).map_err(|error| unwritten(file, &error))?;
        match &self.inner.address {
            Address::Server(server) => dump(server, written.path())?,
            address => self.copy_out(address, written.path())?,
        }
        (written.as_file().sync_all()).map_err(|error| unwritten(file, &error))?;
        (written.persist_noclobber(file)).map_err(|error| unwritten(file, &error.error))?;
        Ok(())
    }

    /// Fills an empty database from a backup of the same kind of database.
    ///
    /// # Errors
    /// [`Error::Backup`] if the database is not empty, the file is no whole backup, or a tool fails
    /// or is missing. In MySQL what was read before the error remains.
    pub fn restore(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        let file = file.as_ref();
        File::open(file).map_err(|error| {
            Error::backup(format!("{}: cannot be read: {error}", file.display()))
        })?;
        self.check_empty()?;
        match &self.inner.address {
            Address::Server(server) => undump(server, file),
            _ => self.copy_in(file),
        }
    }

    fn check_empty(&self) -> Result<(), Error> {
        let found = match self.backend() {
            Backend::Sqlite => {
                "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' LIMIT 1"
            }
            Backend::Postgres => {
                "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' LIMIT 1"
            }
            Backend::MySql => {
                "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
                 LIMIT 1"
            }
        };
        match self.query_one(found, &[])? {
            None => Ok(()),
            Some(row) => {
                let advice = match &self.inner.address {
                    Address::File(path) => format!(
                        "stop the server, then move {0}, {0}-wal and {0}-shm away",
                        path.display()
                    ),
                    _ => "restore into an empty one".to_owned(),
                };
                Err(Error::backup(format!(
                    "the database is not empty (it has {:?}): {advice}",
                    row.at::<String>(0)?
                )))
            }
        }
    }

    fn copy_out(&self, address: &Address, into: &Path) -> Result<(), Error> {
        let mut target = Connection::open(into).map_err(copying)?;
        match address {
            Address::File(path) => {
                let mut source = Sqlite::open(Some(path), Role::Reads, &self.inner.config)?;
                copy(source.connection(), &mut target).map_err(copying)?;
            }
            _ => {
                let mut link = self.inner.writing()?;
                let copied = link.call(|session| match session.as_sqlite() {
                    Some(source) => Ok(copy(source.connection(), &mut target)),
                    None => Err(Error::backup("this is no SQLite").into()),
                });
                copied.map_err(|fault| fault.error)?.map_err(copying)?;
            }
        }
        // One file, which can be read where nothing can be written.
        (target.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(())))
            .map_err(copying)
    }

    fn copy_in(&self, file: &Path) -> Result<(), Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let source = Connection::open_with_flags(file, flags).map_err(copying)?;
        let sound = source.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        if !matches!(sound.as_deref(), Ok("ok")) {
            let file = file.display();
            return Err(Error::backup(format!(
                "{file} is no whole database of SQLite"
            )));
        }
        let mut link = self.inner.writing()?;
        link.call(|session| match session.as_sqlite() {
            Some(target) => {
                let limit = MIGRATION_TIME_MAX;
                copy(&source, target.connection()).map_err(|error| told(error, limit))
            }
            None => Err(Fault::from(Error::backup("this is no SQLite"))),
        })
        .map_err(|fault| fault.error)
    }
}

/// All pages in one step: one view of the source, beside which writers go on in WAL mode. Small steps
/// would begin anew with every write of another connection.
fn copy(source: &Connection, target: &mut Connection) -> rusqlite::Result<()> {
    let backup = Backup::new(source, target)?;
    let until = Instant::now() + MIGRATION_TIME_MAX;
    loop {
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            _ if Instant::now() > until => {
                let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                return Err(rusqlite::Error::SqliteFailure(code, None));
            }
            _ => std::thread::sleep(LOCKED_PAUSE),
        }
    }
}

fn copying(error: rusqlite::Error) -> Error {
    let error = told(error, MIGRATION_TIME_MAX).error;
    Error::backup(format!("the database could not be copied: {error}"))
}

fn unwritten(file: &Path, error: &std::io::Error) -> Error {
    Error::backup(format!("{}: cannot be written: {error}", file.display()))
}

fn dump(server: &Server, into: &Path) -> Result<(), Error> {
    match server.backend {
        Backend::MySql => {
            let mut arguments = mysql_arguments(server);
            for option in [
                "--single-transaction",
                "--quick",
                "--hex-blob",
                "--routines",
                "--triggers",
            ] {
                arguments.push(option.into());
            }
            arguments.push(joined("--result-file=", into));
            arguments.push(server.database.clone().into());
            run(server, &["mariadb-dump", "mysqldump"], &arguments, None)
        }
        _ => {
            let mut arguments = postgres_arguments(server);
            arguments.extend(["--no-owner".into(), "--no-privileges".into()]);
            arguments.push(joined("--file=", into));
            run(server, &["pg_dump"], &arguments, None)
        }
    }
}

fn undump(server: &Server, file: &Path) -> Result<(), Error> {
    match server.backend {
        Backend::MySql => {
            let mut arguments = mysql_arguments(server);
            arguments.push(server.database.clone().into());
            run(server, &["mariadb", "mysql"], &arguments, Some(file))
        }
        _ => {
            let mut arguments = postgres_arguments(server);
            for option in [
                "--no-psqlrc",
                "--quiet",
                "--single-transaction",
                "--set=ON_ERROR_STOP=1",
            ] {
                arguments.push(option.into());
            }
            arguments.push(joined("--file=", file));
            run(server, &["psql"], &arguments, None)
        }
    }
}

fn joined(option: &str, path: &Path) -> OsString {
    let mut option = OsString::from(option);
    option.push(path);
    option
}

fn postgres_arguments(server: &Server) -> Vec<OsString> {
    let host = server.socket.as_ref().unwrap_or(&server.host);
    vec![
        "--no-password".into(),
        format!("--host={host}").into(),
        format!("--port={}", server.port).into(),
        format!("--username={}", server.user).into(),
        format!("--dbname={}", server.database).into(),
    ]
}

fn mysql_arguments(server: &Server) -> Vec<OsString> {
    // Files of options could name another server.
    let mut arguments: Vec<OsString> = vec!["--no-defaults".into()];
    match &server.socket {
        Some(socket) => arguments.push(format!("--socket={socket}").into()),
        None => arguments.extend([
            "--protocol=tcp".into(),
            format!("--host={}", server.host).into(),
            format!("--port={}", server.port).into(),
        ]),
    }
    arguments.push(format!("--user={}", server.user).into());
    arguments.push("--default-character-set=utf8mb4".into());
    arguments
}

/// Runs the first of these tools that is there, within [`MIGRATION_TIME_MAX`]. The password goes
/// through the environment, which other users cannot see.
fn run(
    server: &Server,
    tools: &[&str],
    args: &[OsString],
    input: Option<&Path>,
) -> Result<(), Error> {
    let password = server.password.as_deref().unwrap_or_default();
    for tool in tools {
        let stdin = match input {
            Some(path) => File::open(path)
                .map_err(|error| Error::backup(format!("{}: {error}", path.display())))?
                .into(),
            None => Stdio::null(),
        };
        let spawned = Command::new(tool)
            .args(args)
            .env("PGPASSWORD", password)
            .env("MYSQL_PWD", password)
            .env("PGCONNECT_TIMEOUT", "5")
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        match spawned {
            Ok(child) => return finish(child, tool),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::backup(format!("{tool} cannot be run: {error}"))),
        }
    }
    let package = match server.backend {
        Backend::MySql => "mariadb-client",
        _ => "postgresql-client",
    };
    let tools = tools.join(" or ");
    Err(Error::backup(format!(
        "{tools} is not installed: install the package {package}"
    )))
}

/// Waits for the end of what it says, which is its own end; and kills it when that takes too long.
fn finish(mut child: Child, tool: &str) -> Result<(), Error> {
    let (sender, receiver) = mpsc::channel();
    let mut stderr = child.stderr.take();
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(stderr) = &mut stderr {
            let mut start = stderr.take(TOOL_SAYS_MAX as u64);
            let _ = start.read_to_end(&mut said);
            let _ = std::io::copy(stderr, &mut std::io::sink());
        }
        let _ = sender.send(said);
    });
    let said = receiver.recv_timeout(MIGRATION_TIME_MAX);
    if said.is_err() {
        let _ = child.kill();
    }
    let status = child.wait();
    let _ = reader.join();
    let Ok(said) = said else {
        return Err(Error::backup(format!(
            "{tool} ran for {MIGRATION_TIME_MAX:?}: it was stopped"
        )));
    };
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => {
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            Err(Error::backup(format!("{tool} failed: {said}")))
        }
    }
}
