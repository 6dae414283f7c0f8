//! `/members/` and all below: for those who gave their name.
use harmonious::prelude::*;

#[guard]
fn named(req: &Request) -> Result<()> {
    match req.cookie("visitor") {
        Some(_) => Ok(()),
        None => Err(Error::forbidden("Only for those who gave their name")),
    }
}
