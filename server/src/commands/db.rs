//! `harmonious db`: the database of a site, from the command line.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use harmonious_db::{Config, Database, Migrations, Rows, State, Value};
use harmonious_dispatcher::{Manifest, Problems};

use crate::cli::{Db, DbAction};
use crate::failure::Failure;
use crate::print;
use crate::site::{Keeping, KeptDatabase, SiteToml};

/// Bytes of one statement that the shell takes.
const STATEMENT_BYTES_MAX: usize = 1024 * 1024;

/// `harmonious db ACTION SITE`.
///
/// # Errors
/// What the database says; that a migration was changed after it was applied.
pub fn db(asked: &Db) -> Result<(), Failure> {
    let dir = asked.site.canonicalize();
    let dir = dir.map_err(|error| {
        Failure::Usage(format!(
            "SITE is {:?}: {error}",
            asked.site.display().to_string()
        ))
    })?;
    let toml = SiteToml::read(&dir)?;
    let keeping = Keeping::new(toml.keeping, &dir)?;
    let domains = domains(&keeping, &dir);
    let Some(domain) = &asked.domain else {
        return match &asked.action {
            DbAction::Migrate => {
                // What is wrong with the domains is no matter to the site's own.
                if let Err(wrong) = domains {
                    keeping.prepare_own()?.all()?;
                    return Err(wrong);
                }
                said(&keeping.prepare()?.all()?)
            }
            DbAction::Status => {
                let own = &keeping.database;
                let database = looked_at(&own.shown(), || own.open())?;
                let state = status(&own.shown(), own.migrations(), &database);
                print(&others(&keeping));
                state.and(domains)
            }
            action => work(action, &keeping.database.open()?),
        };
    };
    domains?;
    let domain = declared(&keeping, domain)?;
    match &asked.action {
        DbAction::Migrate => said(&domain.prepare()?),
        DbAction::Status => {
            let shown = domain.shown();
            let database = looked_at(&shown, || domain.open())?;
            status(&shown, domain.migrations(), &database)
        }
        action => work(action, &domain.open()?),
    }
}

/// Finds what the domains declare. What is wrong elsewhere in them is no matter here.
fn domains(keeping: &Keeping, dir: &Path) -> Result<(), Failure> {
    if !dir.join("domains").is_dir() {
        return Ok(());
    }
    let wrong = |error: &dyn std::fmt::Display| Failure::Problems(error.to_string());
    let manifest = Manifest::scan_lenient(dir).map_err(|problems| wrong(&problems))?;
    let plan = keeping.plan(dir, &manifest);
    let problems = plan.problems.clone();
    keeping.follow(plan);
    match problems.is_empty() {
        true => Ok(()),
        false => Err(wrong(&Problems(problems))),
    }
}

/// The database that a domain declares, with or without the slashes around its path.
fn declared(keeping: &Keeping, domain: &str) -> Result<Arc<KeptDatabase>, Failure> {
    let all = keeping.databases.all();
    let path = format!("/{}/", domain.trim_matches('/'));
    all.get(&path).cloned().ok_or_else(|| {
        let known: Vec<&str> = all.keys().map(String::as_str).collect();
        let known = match known.is_empty() {
            true => "no domain of this site declares one in its domain.toml".to_owned(),
            false => format!("there are those of {}", known.join(", ")),
        };
        Failure::Usage(format!("no database of the domain {domain:?}: {known}"))
    })
}

/// The databases beside the site's own, a line each.
fn others(keeping: &Keeping) -> String {
    let all = keeping.databases.all();
    let line = |domain: &Arc<KeptDatabase>| {
        let (path, shown) = (&domain.domain, domain.shown());
        format!("domain      {path}  {shown}  (more: --domain {path})\n")
    };
    all.values().map(line).collect()
}

fn said(applied: &[String]) -> Result<(), Failure> {
    let said = applied.iter().map(|name| format!("applied {name}\n"));
    let said: String = said.collect();
    print(match said.is_empty() {
        true => "nothing to apply\n",
        false => &said,
    });
    Ok(())
}

/// What needs no migrations.
fn work(action: &DbAction, database: &Database) -> Result<(), Failure> {
    match action {
        DbAction::Backup(file) => {
            database.backup(file).map_err(|error| failed(&error))?;
            print(&format!("written to {}\n", file.display()));
            Ok(())
        }
        DbAction::Restore(file) => {
            database.restore(file).map_err(|error| failed(&error))?;
            print(&format!("restored from {}\n", file.display()));
            Ok(())
        }
        DbAction::Shell => shell(database),
        // Those look at migrations: the caller does them.
        DbAction::Migrate | DbAction::Status => Ok(()),
    }
}

fn failed(error: &harmonious_db::Error) -> Failure {
    Failure::Failed(error.to_string())
}

/// A database to be looked at. A file that is not there is not made for that: an empty database stands in.
fn looked_at(
    shown: &str,
    open: impl FnOnce() -> Result<Database, Failure>,
) -> Result<Database, Failure> {
    match is_there(shown) {
        true => open(),
        false => Database::open(&Config::new("sqlite::memory:")).map_err(|error| failed(&error)),
    }
}

/// Whether a database is there, as far as that can be seen: its URL is that of a file, or any other.
fn is_there(shown: &str) -> bool {
    let path = shown.strip_prefix("sqlite:").unwrap_or(":memory:");
    path == ":memory:" || Path::new(path).exists()
}

fn status(shown: &str, migrations: Option<&Path>, database: &Database) -> Result<(), Failure> {
    let backend = database.backend();
    let there = if is_there(shown) {
        ""
    } else {
        "  (not made yet)"
    };
    let mut text = format!("database    {shown}{there}\n");
    let mut wrong = 0;
    if let Some(folder) = migrations {
        let migrations = Migrations::read(folder, backend).map_err(|error| failed(&error))?;
        let known = database.migration_status(&migrations);
        for status in known.map_err(|error| failed(&error))? {
            let state = match status.state {
                State::Applied => "applied",
                State::Pending => "pending",
                State::Changed => "CHANGED since it was applied",
                State::Missing => "MISSING: applied, and not in the folder",
            };
            wrong += usize::from(matches!(status.state, State::Changed | State::Missing));
            let when = status.applied_on.map(|when| format!(", {when}"));
            let (version, name) = (status.version, status.name);
            text.push_str(&format!(
                "V{version}__{name}  {state}{}\n",
                when.unwrap_or_default()
            ));
        }
    }
    print(&text);
    match wrong {
        0 => Ok(()),
        _ => Err(Failure::Failed(
            "a migration is not what was applied: put the file back, and add another one"
                .to_owned(),
        )),
    }
}

/// Statements from standard input, each up to its semicolon at the end of a line.
fn shell(database: &Database) -> Result<(), Failure> {
    let is_terminal = io::stdin().is_terminal();
    let prompt = |text: &str| {
        if is_terminal {
            let mut error = io::stderr();
            let _ = error
                .write_all(text.as_bytes())
                .and_then(|()| error.flush());
        }
    };
    let mut statement = String::new();
    let mut wrong = 0;
    prompt("sql> ");
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::Failed(format!("standard input: {error}")))?;
        if statement.is_empty() && matches!(line.trim(), "quit" | "exit" | ".quit" | "\\q") {
            break;
        }
        statement.push_str(&line);
        statement.push('\n');
        if statement.len() > STATEMENT_BYTES_MAX {
            return Err(Failure::Failed(
                "a statement is longer than 1 MiB".to_owned(),
            ));
        }
        if line.trim_end().ends_with(';') {
            wrong += run(database, &statement);
            statement.clear();
        }
        prompt(if statement.trim().is_empty() {
            "sql> "
        } else {
            "...> "
        });
    }
    if !statement.trim().is_empty() {
        wrong += run(database, &statement);
    }
    match wrong {
        0 => Ok(()),
        _ if is_terminal => Ok(()),
        1 => Err(Failure::Failed("1 statement failed".to_owned())),
        wrong => Err(Failure::Failed(format!("{wrong} statements failed"))),
    }
}

/// How many failed: 0 or 1.
fn run(database: &Database, statement: &str) -> usize {
    let statement = statement.trim().trim_end_matches(';');
    if statement.is_empty() {
        return 0;
    }
    match database.query(statement, &[]) {
        Ok(rows) => {
            print(&table(&rows));
            0
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            1
        }
    }
}

/// Columns under their names, padded; texts as they are, without control characters.
fn table(rows: &Rows) -> String {
    let columns = rows.columns();
    if columns.is_empty() {
        return "done\n".to_owned();
    }
    let cells = rows
        .iter()
        .map(|row| row.values().iter().map(shown).collect());
    let header: Vec<String> = columns.to_vec();
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(cells).collect();
    let width = |at: usize| {
        let cells = lines.iter().map(|line| line[at].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let padded = line.iter().zip(&widths);
        let padded: Vec<String> = padded
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => crate::failure::one_line(text),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Timestamp(moment) => moment.to_string(),
        Value::Json(json) => json.to_string(),
    }
}
