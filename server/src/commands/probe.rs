//! Opening every built module in a process of its own: what a library does when it is opened can end
//! the process, and `check` is to say which one did.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use harmonious_dispatcher::ffi::EntryInfo;
use harmonious_dispatcher::loader::{self, Expected, ExpectedEntry};
use harmonious_dispatcher::manifest::Declared;
use harmonious_dispatcher::{Libraries, LibraryError, Manifest, Problem};

use crate::build::{BuiltLibraries, Profile};
use crate::failure::Failure;

/// Modules that one process opens: their keys are its arguments, of which there cannot be any number.
const KEYS_MAX: usize = 500;

/// The command that is not in the help.
pub const COMMAND: &str = "probe-modules";

/// What is wrong with the libraries of a site, as far as they are built.
pub fn problems(site: &Path, manifest: &Manifest) -> Vec<Problem> {
    let Ok(libraries) = BuiltLibraries::open(site, Profile::Release) else {
        return Vec::new(); // nothing is built yet
    };
    let modules = manifest.modules().iter();
    let is_built =
        |key: &str| !matches!(libraries.library(key), Err(LibraryError::NotBuilt { .. }));
    let built = modules.filter(|module| is_built(&module.key));
    let keys: Vec<&str> = built.map(|module| module.key.as_str()).collect();
    let mut problems = Vec::new();
    let mut rest = &keys[..];
    // Each process that is killed costs one module; the next one goes on behind it.
    while !rest.is_empty() {
        let (done, found) = probe(site, &rest[..rest.len().min(KEYS_MAX)]);
        problems.extend(found);
        rest = &rest[done.clamp(1, rest.len())..];
    }
    problems
}

/// How many of the modules were opened or killed the process, and what is wrong with them.
fn probe(site: &Path, keys: &[&str]) -> (usize, Vec<Problem>) {
    let failed = |error: &dyn std::fmt::Display| {
        let what = format!("the built modules cannot be opened to look at them: {error}");
        (
            keys.len(),
            vec![Problem::warning(".harmonious", what, "try again")],
        )
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return failed(&error),
    };
    let child = Command::new(program)
        .arg(COMMAND)
        .arg(site)
        .args(keys)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return failed(&error),
    };
    let mut problems = Vec::new();
    let mut done = 0;
    let lines = child.stdout.take().map(BufReader::new).into_iter();
    for line in lines.flat_map(BufRead::lines).map_while(Result::ok) {
        if let Some(message) = line.strip_prefix("bad ") {
            problems.push(problem(keys[done.min(keys.len() - 1)], message));
        }
        done += 1;
    }
    match child.wait() {
        Ok(status) if status.success() => (keys.len(), problems),
        Ok(status) => {
            let how = status
                .signal()
                .map_or_else(|| status.to_string(), |n| format!("signal {n}"));
            let key = keys[done.min(keys.len() - 1)];
            let what = format!("opening the module ends the process ({how})");
            problems.push(problem(key, &what));
            (done + 1, problems)
        }
        Err(error) => failed(&error),
    }
}

fn problem(key: &str, what: &str) -> Problem {
    let file = format!("domains/{key}.rs");
    Problem::error(
        file,
        what,
        "build it again with \"harmonious build --release SITE\"",
    )
}

/// Whether the entries of a library are those that its source declares.
fn fits(entries: &[EntryInfo], declared: &Declared) -> Result<(), String> {
    let expected: Vec<ExpectedEntry<'_>> = declared.expected().collect();
    let expected = Expected {
        entries: &expected,
        panics_per_minute: None,
    };
    loader::Table::new(entries, &expected).map(drop)
}

/// The process that opens them: a line for each.
///
/// # Errors
/// If the site is not built.
pub fn run(site: &Path, keys: &[String]) -> Result<(), Failure> {
    let libraries = BuiltLibraries::open(site, Profile::Release);
    let libraries = libraries.map_err(|error| Failure::Failed(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    let manifest = super::scan(site)?;
    for key in keys {
        let file = libraries.library(key).map_err(|error| error.to_string());
        let opened = file.and_then(|file| {
            let library = loader::open(key, &file).map_err(|error| error.to_string())?;
            let id = manifest
                .module_by_key(key)
                .ok_or("it is no module any more")?;
            fits(library.entries(), &manifest.module(id).declared)
        });
        let line = match &opened {
            Ok(_) => "ok".to_owned(),
            Err(message) => format!("bad {}", message.replace('\n', " ")),
        };
        // If nobody reads, nobody wants to know.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
    Ok(())
}
