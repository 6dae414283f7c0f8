//! What is done outside of requests: `harmonious task sites/glsr NAME`.
use glsr::{start, tasks};
use harmonious::prelude::*;

/// Makes what the site cannot be without: runs at each start.
#[task]
fn start(req: &Request, _args: &[String]) -> Result<()> {
    start::run(req)
}

/// Forgets what is over: nonces, old addresses, drafts that nobody touched for half a year.
#[task(every = "1h")]
fn upkeep(req: &Request, _args: &[String]) -> Result<()> {
    start::upkeep(req)
}

/// Takes the scripts of a folder in: DIR [--owner ALIAS] [--report FILE] [--category PATH].
#[task]
fn import(req: &Request, args: &[String]) -> Result<()> {
    tasks::import::run(req, args)
}

/// Takes the scripts of a git repository in: URL-or-path, and flags as of import.
#[task]
fn import_git(req: &Request, args: &[String]) -> Result<()> {
    tasks::import_git::run(req, args)
}

/// Accounts without signing in: create ALIAS, reset ALIAS, or grant ALIAS [reviewer] [editor] [admin].
#[task]
fn admin(req: &Request, args: &[String]) -> Result<()> {
    tasks::admin::run(req, args)
}

/// Writes all that is public into an archive, always the same one for the same site: OUT.tar.zst.
#[task]
fn snapshot(req: &Request, args: &[String]) -> Result<()> {
    tasks::snapshot::run(req, args)
}

/// Makes a new site the one of an archive: IN.tar.zst.
#[task]
fn restore(req: &Request, args: &[String]) -> Result<()> {
    tasks::restore::run(req, args)
}
