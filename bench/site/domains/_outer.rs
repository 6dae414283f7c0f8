//! A parent by name, between the domain's parent and the page.

use harmonious::prelude::*;

#[guard]
fn from_here(req: &Request) -> Result<()> {
    match req.header("x-elsewhere") {
        Some(_) => Err(Error::forbidden("from elsewhere")),
        None => Ok(()),
    }
}

#[before]
fn shallow(req: &Request) -> Result<()> {
    match req.segments().len() {
        0..=8 => Ok(()),
        _ => Err(Error::not_found("too deep")),
    }
}
