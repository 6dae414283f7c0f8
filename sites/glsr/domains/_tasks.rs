//! What is done outside of requests: `harmonious task sites/glsr NAME`.
use glsr::start;
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
