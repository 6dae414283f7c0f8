//! What `harmonious db` asks for.

use std::path::PathBuf;

use clap::ArgMatches;

use super::site;
use crate::failure::Failure;

/// What `harmonious db` is to do.
#[derive(Debug)]
pub struct Db {
    /// The folder of the site.
    pub site: PathBuf,
    /// What.
    pub action: DbAction,
    /// The path of the domain whose database is meant; none for the site's own.
    pub domain: Option<String>,
}

/// What can be done to a site's database.
#[derive(Debug)]
pub enum DbAction {
    /// Apply what is pending.
    Migrate,
    /// Say what is applied and what is pending.
    Status,
    /// Write all of it into this file.
    Backup(PathBuf),
    /// Read all of it from this file.
    Restore(PathBuf),
    /// Run statements from standard input.
    Shell,
}

/// Reads it.
///
/// # Errors
/// No command, or a folder that is not there.
pub(super) fn database(matches: &ArgMatches) -> Result<Db, Failure> {
    let Some((name, matches)) = matches.subcommand() else {
        let missing = "a command is missing after db: migrate, status, backup, restore, shell";
        return Err(Failure::Usage(missing.to_owned()));
    };
    let file = || {
        let file = matches.get_one::<PathBuf>("FILE").cloned();
        file.unwrap_or_default()
    };
    let action = match name {
        "migrate" => DbAction::Migrate,
        "backup" => DbAction::Backup(file()),
        "restore" => DbAction::Restore(file()),
        "shell" => DbAction::Shell,
        _ => DbAction::Status,
    };
    Ok(Db {
        site: site(matches)?,
        action,
        domain: matches.get_one::<String>("domain").cloned(),
    })
}
