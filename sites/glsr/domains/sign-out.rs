//! `/sign-out`: ends the session; a form only, so that no link does it.
use harmonious::prelude::*;

#[post]
fn sign_out(req: &Request) -> Result<Response> {
    req.session().sign_out()?;
    Ok(Response::redirect("/"))
}
