//! What every page of the site is behind: a guard, a `before` and an `after`, each with real but little
//! work, as the parents of real sites have.

use harmonious::prelude::*;

#[guard]
fn not_banned(req: &Request) -> Result<()> {
    match req.header("x-banned") {
        Some(why) => Err(Error::forbidden("banned").with_detail(why)),
        None => Ok(()),
    }
}

#[before]
fn not_under_repair(req: &Request) -> Result<Flow> {
    match req.header("x-repair") {
        Some(_) => Ok(Flow::Respond(Response::text("back soon").with_status(503))),
        None => Ok(Flow::Continue),
    }
}

#[after]
fn no_guessing(_req: &Request, response: &mut Response) -> Result<()> {
    response.set_header("x-content-type-options", "nosniff");
    Ok(())
}
