//! `/sign-in`: whoever asks is signed in, and the session holds a value. There is no password: what a
//! login costs is not measured.

use harmonious::prelude::*;

#[post]
fn sign_in(req: &Request) -> Result<Response> {
    let session = req.session();
    session.sign_in("ann <the reader>")?;
    session.set("shelf", "Perl & friends")?;
    Ok(Response::text("signed in\n"))
}
